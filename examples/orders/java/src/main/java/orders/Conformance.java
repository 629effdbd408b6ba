package orders;

import com.oracle.coherence.io.json.JsonObject;
import com.tangosol.net.NamedCache;
import com.tangosol.net.cache.NearCache;
import com.tangosol.util.MapEvent;
import com.tangosol.util.MapListener;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/**
 * Checks every plain map operation of the official Java client against a server.
 *
 * <p>Argument: the serializer, json (the default) or java. Prints {@code ok NAME} or {@code FAILED NAME: reason} for
 * each check, then {@code N passed, M failed}; the exit status is 1 when any failed. With java the values are bytes that
 * a server that is not written in Java cannot look into, and need not.
 */
public final class Conformance {
    private static final long EVENT_SECONDS = 15;
    private static final String RUN = UUID.randomUUID().toString().substring(0, 8);

    /** One check; what it throws is why it failed. */
    private interface Check {
        void run() throws Exception;
    }

    private final Grid grid;
    private final boolean json;
    private final Map<String, Check> checks = new LinkedHashMap<>();
    private final List<NamedCache<?, ?>> opened = new ArrayList<>();
    private String name;

    private Conformance(Grid grid, boolean json) {
        this.grid = grid;
        this.json = json;
        checks.put("connect", () -> same(cache("").isActive(), true));
        checks.put("put and get", this::putGet);
        checks.put("get or default", this::getOrDefault);
        checks.put("put all and get all", this::putAll);
        checks.put("put with a time to live expires, with an event", this::expiry);
        checks.put("put if absent", this::putIfAbsent);
        checks.put("remove", this::remove);
        checks.put("remove mapping", this::removeMapping);
        checks.put("replace", this::replace);
        checks.put("replace mapping", this::replaceMapping);
        checks.put("contains key and value", this::contains);
        checks.put("size, is empty and clear", this::size);
        checks.put("keys, values and entries by page", this::pages);
        checks.put("keys by page of an empty cache", this::emptyPages);
        checks.put("events for all: insert, update, delete", this::allListener);
        checks.put("events for one key only", this::keyListener);
        checks.put("no events after a listener is removed", this::removedListener);
        checks.put("no events for what changes nothing", this::silent);
        checks.put("truncate empties without events", this::truncate);
        checks.put("destroy ends the cache", this::destroy);
        checks.put("two caches of one session are apart", this::twoCaches);
        checks.put("unicode", this::unicode);
        checks.put("nested values, empty ones and null in arrays", this::nested);
        checks.put("64-bit integers and doubles", this::numbers);
        checks.put("keys of different kinds are different", this::kinds);
        checks.put("many requests at once", this::pipelined);
        checks.put("near cache sees the changes of others", this::near);
    }

    public static void main(String[] arguments) {
        String serializer = arguments.length > 0 ? arguments[0] : "json";
        if (!serializer.equals("json") && !serializer.equals("java")) {
            System.err.println("usage: Conformance [json|java]");
            System.exit(2);
        }
        int failed;
        try (Grid grid = new Grid(serializer)) {
            failed = new Conformance(grid, serializer.equals("json")).runAll();
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    private int runAll() {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        int failed = 0;
        for (Map.Entry<String, Check> check : checks.entrySet()) {
            name = "conformance-" + RUN + "-" + check.getKey().replaceAll("[^a-z]+", "-");
            try {
                check.getValue().run();
                for (NamedCache<?, ?> cache : opened) {
                    if (cache.isActive()) {
                        cache.destroy();
                    }
                }
                out.println("ok " + check.getKey());
            } catch (Exception | AssertionError reason) {
                failed++;
                out.println("FAILED " + check.getKey() + ": " + reason.toString().replaceAll("\\s+", " "));
            }
            opened.clear();
        }
        out.println(checks.size() - failed + " passed, " + failed + " failed");
        return failed;
    }

    private NamedCache<Object, Object> cache(String suffix) {
        NamedCache<Object, Object> cache = grid.cache(name + suffix);
        opened.add(cache);
        return cache;
    }

    private NamedCache<Object, Object> cache() {
        return cache("");
    }

    private static void same(Object actual, Object expected) {
        if (!Objects.deepEquals(actual, expected)) {
            throw new AssertionError("expected " + expected + ", got " + actual);
        }
    }

    /** A value with fields: with the json serializer a plain JSON object, otherwise a serializable map. */
    private Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> object = json ? new JsonObject() : new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }

    /** The same text for arrays and lists: which of them the json serializer makes of an array is its own affair. */
    private static String text(Object value) {
        if (value instanceof Object[] array) {
            return text(Arrays.asList(array));
        }
        if (value instanceof Collection<?> items) {
            return items.stream().map(Conformance::text).toList().toString();
        }
        if (value instanceof Map<?, ?> map) {
            List<String> parts = new ArrayList<>();
            map.forEach((key, each) -> parts.add(key + "=" + text(each)));
            parts.sort(null);
            return parts.toString();
        }
        return String.valueOf(value);
    }

    private void putGet() {
        var cache = cache();
        same(cache.get("a"), null);
        same(cache.put("a", 1), null);
        same(cache.put("a", 2), 1);
        same(cache.get("a"), 2);
    }

    private void getOrDefault() {
        var cache = cache();
        cache.put("a", 1);
        same(cache.getOrDefault("a", 9), 1);
        same(cache.getOrDefault("b", 9), 9);
    }

    private void putAll() {
        var cache = cache();
        Map<Object, Object> entries = new HashMap<>();
        IntStream.range(0, 100).forEach(n -> entries.put("k" + n, n));
        cache.putAll(entries);
        same(cache.size(), 100);
        same(new HashMap<>(cache.getAll(Set.of("k3", "k97", "missing"))), Map.of("k3", 3, "k97", 97));
        same(cache.getAll(Set.of("missing")).size(), 0);
    }

    private void expiry() throws Exception {
        var cache = cache();
        Events events = new Events();
        cache.addMapListener(events, "short", false);
        cache.put("short", "v", 300);
        cache.put("long", "v", 600_000);
        same(events.next(), "insert short null v");
        same(events.next(), "delete short v null");
        same(cache.get("short"), null);
        same(cache.containsKey("short"), false);
        same(cache.get("long"), "v");
        same(cache.size(), 1);
    }

    private void putIfAbsent() {
        var cache = cache();
        same(cache.putIfAbsent("a", 1), null);
        same(cache.putIfAbsent("a", 2), 1);
        same(cache.get("a"), 1);
    }

    private void remove() {
        var cache = cache();
        cache.put("a", 1);
        same(cache.remove("a"), 1);
        same(cache.remove("a"), null);
        same(cache.containsKey("a"), false);
    }

    private void removeMapping() {
        var cache = cache();
        cache.put("a", fields("n", 1));
        same(cache.remove("a", fields("n", 2)), false);
        same(cache.remove("b", fields("n", 1)), false);
        same(cache.remove("a", fields("n", 1)), true);
        same(cache.size(), 0);
    }

    private void replace() {
        var cache = cache();
        same(cache.replace("a", 1), null);
        same(cache.containsKey("a"), false);
        cache.put("a", 1);
        same(cache.replace("a", 2), 1);
        same(cache.get("a"), 2);
    }

    private void replaceMapping() {
        var cache = cache();
        cache.put("a", "x");
        same(cache.replace("a", "y", "z"), false);
        same(cache.replace("b", "x", "z"), false);
        same(cache.replace("a", "x", "z"), true);
        same(cache.get("a"), "z");
    }

    private void contains() {
        var cache = cache();
        cache.put("a", fields("n", 1));
        same(cache.containsKey("a"), true);
        same(cache.containsKey("b"), false);
        same(cache.containsValue(fields("n", 1)), true);
        same(cache.containsValue(fields("n", 2)), false);
    }

    private void size() {
        var cache = cache();
        same(cache.isEmpty(), true);
        same(cache.size(), 0);
        cache.putAll(Map.of(1, "a", 2, "b"));
        same(cache.isEmpty(), false);
        same(cache.size(), 2);
        cache.clear();
        same(cache.isEmpty(), true);
        same(cache.get(1), null);
    }

    private void pages() {
        var cache = cache();
        Map<Object, Object> entries = new HashMap<>();
        IntStream.range(0, 1500).forEach(n -> entries.put(n, "v" + n));
        cache.putAll(entries);
        same(new HashSet<>(list(cache.keySet())), entries.keySet());
        same(new HashSet<>(list(cache.values())), new HashSet<>(entries.values()));
        Map<Object, Object> found = new HashMap<>();
        for (Map.Entry<Object, Object> entry : cache.entrySet()) {
            same(found.put(entry.getKey(), entry.getValue()), null);
        }
        same(found, entries);
    }

    /** What an iterator gives, so that it is the paged iteration that is looked at. */
    private static List<Object> list(Collection<Object> items) {
        List<Object> all = new ArrayList<>();
        for (Object item : items) {
            all.add(item);
        }
        return all;
    }

    private void emptyPages() {
        var cache = cache();
        same(cache.keySet().iterator().hasNext(), false);
        same(cache.entrySet().iterator().hasNext(), false);
    }

    private void allListener() throws Exception {
        var cache = cache();
        Events events = new Events();
        cache.addMapListener(events);
        cache.put("a", 1);
        same(events.next(), "insert a null 1");
        cache.put("a", "two");
        same(events.next(), "update a 1 two");
        cache.remove("a");
        same(events.next(), "delete a two null");
        cache.putAll(Map.of("b", 1, "c", 2));
        same(events.sorted(2), List.of("insert b null 1", "insert c null 2"));
        cache.clear();
        same(events.sorted(2), List.of("delete b 1 null", "delete c 2 null"));
    }

    private void keyListener() throws Exception {
        var cache = cache();
        Events events = new Events();
        cache.addMapListener(events, "k", false);
        cache.put("other", 1);
        cache.put("k", 1);
        cache.replace("k", 2);
        same(events.next(), "insert k null 1");
        same(events.next(), "update k 1 2");
    }

    private void removedListener() throws Exception {
        var cache = cache();
        Events removed = new Events();
        Events kept = new Events();
        cache.addMapListener(removed);
        cache.addMapListener(kept, "k", false);
        cache.removeMapListener(removed);
        cache.put("k", 1);
        same(kept.next(), "insert k null 1");
        same(removed.told.isEmpty(), true);
    }

    private void silent() throws Exception {
        var cache = cache();
        Events events = new Events();
        cache.put("a", 1);
        cache.addMapListener(events);
        cache.remove("missing");
        cache.remove("a", 2);
        cache.replace("missing", 2);
        cache.replace("a", 2, 3);
        cache.putIfAbsent("a", 2);
        cache.put("last", 1);
        same(events.next(), "insert last null 1");
    }

    private void truncate() throws Exception {
        var cache = cache();
        Events events = new Events();
        cache.put("a", 1);
        cache.addMapListener(events);
        cache.truncate();
        same(cache.size(), 0);
        cache.put("b", 1);
        same(events.next(), "insert b null 1");
    }

    private void destroy() {
        var cache = cache();
        cache.put("a", 1);
        cache.destroy();
        eventually("the cache is no longer active", () -> !cache.isActive());
        var again = cache();
        same(again.size(), 0);
        again.put("a", 2);
        same(again.get("a"), 2);
    }

    private void twoCaches() throws Exception {
        var one = cache("-one");
        var two = cache("-two");
        Events events = new Events();
        two.addMapListener(events);
        one.put("a", 1);
        two.put("a", 2);
        same(one.get("a"), 1);
        same(two.get("a"), 2);
        same(events.next(), "insert a null 2");
        one.clear();
        same(two.size(), 1);
    }

    private void unicode() {
        var cache = cache();
        String text = "Größe 寸法 🧭 \u0001 \"quoted\" \\ \n \u2028";
        // Field names have no characters that JSON escapes: the reference server fails to write some of those back.
        cache.put(text, fields("Größe 寸法 🧭", text));
        same(cache.get(text), fields("Größe 寸法 🧭", text));
        same(list(cache.keySet()), List.of(text));
    }

    private void nested() {
        var cache = cache();
        Object[] deep = {1, new Object[] {2, fields("d", true)}};
        var value = fields("a", fields("b", deep), "empty", fields(), "none", new Object[0], "s", "", "n",
                new Object[] {null, 1, null});
        cache.put("a", value);
        same(text(cache.get("a")), text(value));
        cache.put("b", new Object[] {null, "x", null});
        same(text(cache.get("b")), "[null, x, null]");
        cache.put("c", false);
        same(cache.get("c"), false);
    }

    private void numbers() {
        var cache = cache();
        // The lowest 64-bit integer is left out: the reference server gives it back as a double.
        for (long n : new long[] {1L << 31, (1L << 53) + 1, Long.MAX_VALUE, Long.MIN_VALUE + 1}) {
            cache.put(n, n);
            same(cache.get(n), n);
        }
        same(cache.size(), 4);
        for (double x : new double[] {0.5, -1.25, 1e300, 0.1, 3.0}) {
            cache.put("x", x);
            same(cache.get("x"), x);
        }
    }

    private void kinds() {
        var cache = cache();
        cache.put(1, "int");
        cache.put("1", "string");
        cache.put(1.0, "double");
        same(List.of(cache.get(1), cache.get("1"), cache.get(1.0)), List.of("int", "string", "double"));
        same(cache.size(), 3);
    }

    private void pipelined() throws Exception {
        var cache = cache();
        List<CompletableFuture<?>> all = new ArrayList<>();
        IntStream.range(0, 300).forEach(n -> all.add(cache.async().put(n, n * n)));
        for (CompletableFuture<?> one : all) {
            one.get(EVENT_SECONDS, TimeUnit.SECONDS);
        }
        for (int n = 0; n < 300; n++) {
            same(cache.async().get(n).get(EVENT_SECONDS, TimeUnit.SECONDS), n * n);
        }
    }

    private void near() {
        name = "near-" + name;
        NearCache<Object, Object> near = (NearCache<Object, Object>) cache();
        NamedCache<Object, Object> back = near.getBackCache();
        back.put("a", 1);
        same(near.get("a"), 1);
        same(near.get("a"), 1);
        same(near.getCacheStatistics().getCacheHits(), 1L);
        back.put("a", 2);
        eventually("the near cache has the new value", () -> Objects.equals(near.get("a"), 2));
        back.remove("a");
        eventually("the near cache has lost the value", () -> near.get("a") == null);
    }

    /** Asks again until the answer is yes: the client has no event for these. */
    private static void eventually(String what, BooleanSupplier holds) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(EVENT_SECONDS);
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + EVENT_SECONDS + " s: " + what);
            }
            Thread.onSpinWait();
        }
    }

    /** What a listener was told, each as "type key old new", to be waited for one by one. */
    private static final class Events implements MapListener<Object, Object> {
        private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

        private void add(String type, MapEvent<?, ?> event) {
            told.add(type + " " + event.getKey() + " " + event.getOldValue() + " " + event.getNewValue());
        }

        @Override
        public void entryInserted(MapEvent<Object, Object> event) {
            add("insert", event);
        }

        @Override
        public void entryUpdated(MapEvent<Object, Object> event) {
            add("update", event);
        }

        @Override
        public void entryDeleted(MapEvent<Object, Object> event) {
            add("delete", event);
        }

        private String next() throws InterruptedException {
            String one = told.poll(EVENT_SECONDS, TimeUnit.SECONDS);
            if (one == null) {
                throw new AssertionError("no event within " + EVENT_SECONDS + " s");
            }
            return one;
        }

        private List<String> sorted(int count) throws InterruptedException {
            List<String> found = new ArrayList<>();
            while (found.size() < count) {
                found.add(next());
            }
            found.sort(null);
            return found;
        }
    }
}
