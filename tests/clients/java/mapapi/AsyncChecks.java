package mapapi;

import static mapapi.MapChecks.KEYS;
import static mapapi.QueryChecks.AGE;
import static mapapi.QueryChecks.NAME;
import static mapapi.QueryChecks.RED;
import static mapapi.Scene.mapped;
import static mapapi.Scene.same;
import static mapapi.Scene.sorted;

import com.tangosol.net.AsyncNamedCache;
import com.tangosol.util.Aggregators;
import com.tangosol.util.Filters;
import com.tangosol.util.Processors;
import com.tangosol.util.comparator.ExtractorComparator;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The same operations with answers that come later. */
final class AsyncChecks {
    private AsyncChecks() {
    }

    private static <T> T got(CompletableFuture<T> future) throws Exception {
        return future.get(Scene.EVENT_SECONDS, TimeUnit.SECONDS);
    }

    private static AsyncNamedCache<String, Object> people(Scene s) {
        return s.people().async();
    }

    static void add(Checks checks) {
        checks.add("async.named_map", s -> same(s.cache().async().getNamedMap().getName(), s.name));
        checks.add("async.get", s -> same(got(people(s).get("ada")), s.person("ada")));
        checks.add("async.get_or_default", s -> same(got(people(s).getOrDefault("nobody", 9)), 9));
        checks.add("async.get_all", s -> {
            var cache = people(s);
            same(got(cache.getAll(Set.of("ada", "nobody"))), Map.of("ada", s.person("ada")));
            same(sorted(got(cache.getAll(RED)).keySet()), List.of("ada", "cleo"));
            List<String> told = Collections.synchronizedList(new ArrayList<>());
            got(cache.getAll(Set.of("ada", "ben"), (key, value) -> told.add(key)));
            got(cache.getAll(RED, entry -> told.add(entry.getKey())));
            same(sorted(told), List.of("ada", "ada", "ben", "cleo"));
        });
        checks.add("async.put", s -> {
            var cache = s.cache();
            got(cache.async().put("a", 1));
            same(cache.get("a"), 1);
        });
        checks.add("async.put.ttl", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events);
            got(cache.async().put("a", 1, 200));
            events.all("insert a null 1", "delete a 1 null");
        });
        checks.add("async.put_all", s -> {
            var cache = s.cache();
            got(cache.async().putAll(Map.of("a", 1, "b", 2)));
            same(cache.getAll(Set.of("a", "b")), Map.of("a", 1, "b", 2));
        });
        checks.add("async.put_all.ttl", s -> {
            var cache = s.cache();
            got(cache.async().putAll(Map.of("a", 1), 600_000));
            same(cache.get("a"), 1);
        });
        checks.add("async.put_if_absent", s -> {
            var cache = s.cache();
            same(got(cache.async().putIfAbsent("a", 1)), null);
            same(got(cache.async().putIfAbsent("a", 2)), 1);
        });
        checks.add("async.remove", s -> {
            var cache = people(s);
            same(got(cache.remove("ada")), s.person("ada"));
            same(got(cache.remove("ben", s.person("ada"))), false);
            same(got(cache.remove("ben", s.person("ben"))), true);
        });
        checks.add("async.remove_all", s -> {
            var cache = s.people();
            got(cache.async().removeAll(Set.of("ben")));
            got(cache.async().removeAll(RED));
            same(sorted(cache.keySet()), List.of("dan", "eve"));
        });
        checks.add("async.replace", s -> {
            var cache = s.cache();
            cache.put("a", 1);
            same(got(cache.async().replace("a", 2)), 1);
            same(got(cache.async().replace("a", 1, 3)), false);
            same(got(cache.async().replace("a", 2, 3)), true);
            same(cache.get("a"), 3);
        });
        checks.add("async.contains_key", s -> same(got(people(s).containsKey("ada")), true));
        checks.add("async.size", s -> same(got(people(s).size()), 5));
        checks.add("async.is_empty", s -> same(got(people(s).isEmpty()), false));
        checks.add("async.clear", s -> {
            var cache = s.people();
            got(cache.async().clear());
            same(cache.size(), 0);
        });
        checks.add("async.key_set", s -> {
            var cache = people(s);
            same(sorted(got(cache.keySet())), KEYS);
            same(sorted(got(cache.keySet(RED))), List.of("ada", "cleo"));
            List<String> told = Collections.synchronizedList(new ArrayList<>());
            got(cache.keySet(RED, told::add));
            same(sorted(told), List.of("ada", "cleo"));
        });
        checks.add("async.entry_set", s -> {
            var cache = people(s);
            same(mapped(got(cache.entrySet())).size(), 5);
            same(sorted(mapped(got(cache.entrySet(RED))).keySet()), List.of("ada", "cleo"));
            List<String> told = Collections.synchronizedList(new ArrayList<>());
            got(cache.entrySet(RED, entry -> told.add(entry.getKey())));
            same(sorted(told), List.of("ada", "cleo"));
        });
        checks.add("async.entry_set.comparator", s -> {
            List<String> keys = new ArrayList<>();
            got(people(s).entrySet(Filters.always(), new ExtractorComparator<>(NAME).reversed())).forEach(entry -> keys.add(entry.getKey()));
            same(keys, List.of("eve", "dan", "cleo", "ben", "ada"));
        });
        checks.add("async.values", s -> {
            var cache = people(s);
            same(got(cache.values()).size(), 5);
            same(got(cache.values(RED)).size(), 2);
        });
        checks.add("async.invoke", s -> same(got(people(s).invoke("ada", Processors.extract(AGE))), 36));
        checks.add("async.invoke_all", s -> {
            var cache = people(s);
            same(got(cache.invokeAll(RED, Processors.extract(AGE))), Map.of("ada", 36, "cleo", 41));
            same(got(cache.invokeAll(Set.of("ben"), Processors.extract(AGE))), Map.of("ben", 25));
            same(got(cache.invokeAll(Processors.extract(AGE))).size(), 5);
        });
        checks.add("async.aggregate", s -> {
            var cache = people(s);
            same(got(cache.aggregate(Aggregators.count())), 5);
            same(got(cache.aggregate(RED, Aggregators.count())), 2);
            same(got(cache.aggregate(Set.of("ada"), Aggregators.count())), 1);
        });
        // Functions are sent as the code of their classes, which only a server in Java can run.
        checks.add("async.compute", s -> same(got(people(s).compute("ada", (key, value) -> 1)), 1));
        checks.add("async.compute_if_absent", s -> same(got(people(s).computeIfAbsent("fay", key -> 1)), 1));
        checks.add("async.compute_if_present", s -> same(got(people(s).computeIfPresent("ada", (key, value) -> 1)), 1));
        checks.add("async.merge", s -> same(got(people(s).merge("ada", 1, (older, newer) -> newer)), 1));
        checks.add("async.replace_all", s -> same(got(people(s).replaceAll((key, value) -> 1)).size(), 5));
    }
}
