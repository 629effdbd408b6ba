package orders;

import com.oracle.coherence.io.json.JsonObject;
import com.oracle.coherence.io.json.genson.Genson;
import com.tangosol.net.NamedCache;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Looks orders up in the caches of the orders example and prints each with its lines and total.
 *
 * <p>Arguments: order numbers (10248 10249 10250 when none is given). An order that is not in the caches yet is loaded,
 * with its customer, lines and products, from sample.json in the folder ORDERS_EXAMPLE (..); one that is there is used
 * as it is.
 */
public final class Lookups {
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final NamedCache<String, Map<String, Object>> customers;
    private final NamedCache<Integer, Map<String, Object>> orders;
    private final NamedCache<String, Map<String, Object>> lines;
    private final NamedCache<Integer, Map<String, Object>> products;

    private Lookups(Grid grid) {
        customers = grid.cache("customers");
        orders = grid.cache("orders");
        lines = grid.cache("orderlineitems");
        products = grid.cache("products");
    }

    public static void main(String[] arguments) throws IOException {
        int[] ids = {10248, 10249, 10250};
        if (arguments.length > 0) {
            ids = List.of(arguments).stream().mapToInt(Integer::parseInt).toArray();
        }
        try (Grid grid = new Grid("json")) {
            Lookups lookups = new Lookups(grid);
            for (int id : ids) {
                lookups.show(id);
            }
        }
    }

    private void show(int id) throws IOException {
        Map<String, Object> order = orders.get(id);
        if (order == null) {
            load(id);
            order = orders.get(id);
        }
        Map<String, Object> customer = customers.get((String) order.get("customer_id"));
        List<String> keys = strings(order.get("lines"));
        Map<String, Map<String, Object>> found = lines.getAll(keys);
        Set<Integer> wanted = new HashSet<>();
        found.values().forEach(line -> wanted.add(integer(line.get("product_id"))));
        Map<Integer, Map<String, Object>> sold = products.getAll(wanted);

        out.printf("order %d of %s%n", id, order.get("order_date"));
        out.printf("customer %s: %s, %s, %s%n", order.get("customer_id"), customer.get("company_name"),
                customer.get("city"), customer.get("country"));
        double total = 0;
        for (String key : keys) {
            Map<String, Object> line = found.get(key);
            int quantity = integer(line.get("quantity"));
            double price = number(line.get("unit_price"));
            double amount = price * quantity * (1 - number(line.get("discount")));
            total += amount;
            out.printf("  %s %s: %d x %s = %s%n", key, sold.get(integer(line.get("product_id"))).get("product_name"),
                    quantity, money(price), money(amount));
        }
        out.printf("%d lines, total %s%n", found.size(), money(total));
    }

    private void load(int id) throws IOException {
        Path file = Path.of(System.getenv().getOrDefault("ORDERS_EXAMPLE", ".."), "sample.json");
        Map<?, ?> sample = new Genson().deserialize(Files.readString(file), Map.class);
        Map<String, Map<String, Object>> newLines = new HashMap<>();
        Map<Integer, Map<String, Object>> newProducts = new HashMap<>();
        JsonObject order = null;
        for (JsonObject one : records(sample, "orders")) {
            if (integer(one.get("order_id")) == id) {
                order = one;
            }
        }
        if (order == null) {
            throw new IllegalArgumentException(
                    "order " + id + " is neither in the cache nor in " + file + "; load it first");
        }
        for (JsonObject line : records(sample, "orderlineitems")) {
            if (integer(line.get("order_id")) == id) {
                newLines.put(id + ":" + line.get("product_id"), line);
            }
        }
        for (JsonObject product : records(sample, "products")) {
            int number = integer(product.get("product_id"));
            if (newLines.containsKey(id + ":" + number)) {
                newProducts.put(number, product);
            }
        }
        for (JsonObject customer : records(sample, "customers")) {
            if (customer.get("customer_id").equals(order.get("customer_id"))) {
                customers.put((String) customer.get("customer_id"), customer);
            }
        }
        products.putAll(newProducts);
        lines.putAll(newLines);
        // The order goes last: whoever finds it finds what it refers to.
        orders.put(id, order);
    }

    private static List<JsonObject> records(Map<?, ?> sample, String name) {
        return ((List<?>) sample.get(name)).stream().map(each -> {
            // A JsonObject travels as a plain JSON object, other maps with the name of their class.
            JsonObject record = new JsonObject();
            ((Map<?, ?>) each).forEach((key, value) -> record.put((String) key, value));
            return record;
        }).toList();
    }

    private static List<String> strings(Object array) {
        List<?> list = array instanceof Object[] items ? List.of(items) : List.copyOf((java.util.Collection<?>) array);
        return list.stream().map(String.class::cast).toList();
    }

    private static int integer(Object value) {
        return ((Number) value).intValue();
    }

    private static double number(Object value) {
        return ((Number) value).doubleValue();
    }

    /** Cents are rounded half up, which every language of this example can do alike. */
    private static String money(double amount) {
        long cents = (long) Math.floor(amount * 100 + 0.5);
        return cents / 100 + "." + (cents % 100 < 10 ? "0" : "") + cents % 100;
    }
}
