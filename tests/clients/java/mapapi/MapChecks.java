package mapapi;

import static mapapi.Scene.eventually;
import static mapapi.Scene.mapped;
import static mapapi.Scene.object;
import static mapapi.Scene.refused;
import static mapapi.Scene.same;
import static mapapi.Scene.sorted;

import com.tangosol.net.NamedCache;
import com.tangosol.net.cache.CacheMap;
import com.tangosol.net.cache.NearCache;
import com.tangosol.util.ConcurrentMap;
import com.tangosol.util.Filters;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** The plain operations of a map. */
final class MapChecks {
    static final List<String> KEYS = List.of("ada", "ben", "cleo", "dan", "eve");

    private MapChecks() {
    }

    static void add(Checks checks) {
        checks.add("map.name", s -> same(List.of(s.cache().getName(), s.cache().getCacheName()), List.of(s.name, s.name)));
        checks.add("map.service", s -> {
            same(s.cache().getService() == s.cache().getCacheService(), true);
            same(s.cache().getService().isRunning(), true);
        });
        checks.add("map.get", s -> {
            var cache = s.people();
            same(cache.get("nobody"), null);
            same(cache.get("ada"), s.person("ada"));
        });
        checks.add("map.get_or_default", s -> {
            var cache = s.cache();
            cache.put("a", 1);
            same(cache.getOrDefault("a", 9), 1);
            same(cache.getOrDefault("b", 9), 9);
        });
        checks.add("map.get_all", s -> {
            var cache = s.people();
            same(sorted(cache.getAll(Set.of("ada", "eve", "nobody")).keySet()), List.of("ada", "eve"));
            same(cache.getAll(Set.of("nobody")).size(), 0);
            same(cache.getAll(Set.of()).size(), 0);
        });
        checks.add("map.put", s -> {
            var cache = s.cache();
            same(cache.put("a", 1), null);
            same(cache.put("a", 2), 1);
            same(cache.get("a"), 2);
        });
        checks.add("map.put.ttl", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events);
            cache.put("long", "v", 600_000);
            cache.put("never", "v", CacheMap.EXPIRY_NEVER);
            cache.put("short", "v", 200);
            events.all("insert long null v", "insert never null v", "insert short null v", "delete short v null");
            same(cache.get("short"), null);
            same(cache.size(), 2);
        });
        checks.add("map.put_if_absent", s -> {
            var cache = s.cache();
            same(cache.putIfAbsent("a", 1), null);
            same(cache.putIfAbsent("a", 2), 1);
            same(cache.get("a"), 1);
        });
        checks.add("map.put_all", s -> {
            var cache = s.cache();
            cache.put("k3", "old");
            Map<String, Object> many = new HashMap<>();
            IntStream.range(0, 100).forEach(n -> many.put("k" + n, n));
            cache.putAll(many);
            cache.putAll(Map.of());
            same(cache.size(), 100);
            same(cache.get("k3"), 3);
        });
        checks.add("map.remove", s -> {
            var cache = s.cache();
            cache.put("a", 1);
            same(cache.remove("a"), 1);
            same(cache.remove("a"), null);
            same(cache.containsKey("a"), false);
        });
        checks.add("map.remove_mapping", s -> {
            var cache = s.cache();
            cache.put("a", object("n", 1));
            same(cache.remove("a", object("n", 2)), false);
            same(cache.remove("b", object("n", 1)), false);
            same(cache.remove("a", object("n", 1)), true);
            same(cache.size(), 0);
        });
        checks.add("map.replace", s -> {
            var cache = s.cache();
            same(cache.replace("a", 1), null);
            same(cache.containsKey("a"), false);
            cache.put("a", 1);
            same(cache.replace("a", 2), 1);
            same(cache.get("a"), 2);
        });
        checks.add("map.replace_mapping", s -> {
            var cache = s.cache();
            cache.put("a", object("n", 1));
            same(cache.replace("a", object("n", 2), "z"), false);
            same(cache.replace("b", object("n", 1), "z"), false);
            same(cache.replace("a", object("n", 1), "z"), true);
            same(cache.get("a"), "z");
        });
        checks.add("map.contains_key", s -> {
            var cache = s.people();
            same(cache.containsKey("ada"), true);
            same(cache.containsKey("nobody"), false);
        });
        checks.add("map.contains_value", s -> {
            var cache = s.people();
            same(cache.containsValue(s.person("ada")), true);
            same(cache.containsValue(object("name", "Ada")), false);
        });
        checks.add("map.is_empty", s -> {
            var cache = s.cache();
            same(cache.isEmpty(), true);
            cache.put("a", 1);
            same(cache.isEmpty(), false);
        });
        checks.add("map.is_ready", s -> same(s.cache().isReady(), true));
        checks.add("map.size", s -> same(List.of(s.cacheOf(s.name + "-empty").size(), s.people().size()), List.of(0, 5)));
        checks.add("map.clear", s -> {
            var cache = s.people();
            var events = new Events();
            cache.addMapListener(events);
            cache.clear();
            same(sorted(events.kinds(5)), KEYS.stream().map(key -> "delete " + key).toList());
            same(cache.size(), 0);
        });
        checks.add("map.truncate", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.put("a", 1);
            cache.addMapListener(events);
            cache.truncate();
            same(cache.size(), 0);
            cache.put("b", 1);
            events.all("insert b null 1");
        });
        checks.add("map.destroy", MapChecks::destroy);
        checks.add("map.release", s -> {
            var cache = s.cache();
            cache.put("a", 1);
            cache.release();
            same(cache.isReleased(), true);
            same(cache.isActive(), false);
            refused(() -> cache.get("a"));
            same(s.cache().get("a"), 1);
        });
        checks.add("map.active", s -> {
            var cache = s.cache();
            same(List.of(cache.isActive(), cache.isReleased(), cache.isDestroyed()), List.of(true, false, false));
        });
        addCollections(checks);
        addFunctions(checks);
    }

    private static void destroy(Scene s) throws Exception {
        var cache = s.cache();
        var events = new Events();
        // An event shows that the event stream works: the reference can hang when it does not yet.
        cache.addMapListener(events);
        cache.put("a", 1);
        events.next();
        cache.destroy();
        eventually("the cache is not active", () -> !cache.isActive());
        refused(() -> cache.get("a"));
        same(s.cache().size(), 0);
    }

    private static void addCollections(Checks checks) {
        checks.add("map.keys", s -> {
            var keys = s.people().keySet();
            same(sorted(keys), KEYS);
            same(List.of(keys.size(), keys.contains("ada"), keys.contains("nobody")), List.of(5, true, false));
            same(keys.remove("ada"), true);
            same(s.cache().containsKey("ada"), false);
        });
        checks.add("map.values", s -> {
            var values = s.people().values();
            same(sorted(values.stream().map(each -> ((Map<?, ?>) each).get("age")).toList()), List.of("25", "25", "36", "41", "58"));
            same(values.size(), 5);
        });
        checks.add("map.entries", s -> {
            var entries = s.people().entrySet();
            Map<String, Object> found = mapped(entries);
            same(sorted(found.keySet()), KEYS);
            same(found.get("eve"), s.person("eve"));
            same(entries.size(), 5);
        });
        checks.add("map.keys.by_page", s -> same(sorted(many(s).keySet()).size(), 1500));
        checks.add("map.values.by_page", s -> same(sorted(many(s).values()).size(), 1500));
        checks.add("map.entries.by_page", s -> same(mapped(many(s).entrySet()).size(), 1500));
        checks.add("map.for_each", s -> {
            var cache = s.people();
            Map<String, Object> found = new TreeMap<>();
            cache.forEach((key, value) -> found.put(key, ((Map<?, ?>) value).get("age")));
            same(found, Map.of("ada", 36, "ben", 25, "cleo", 41, "dan", 25, "eve", 58));
            found.clear();
            cache.forEach(Set.of("ada", "nobody"), (key, value) -> found.put(key, ((Map<?, ?>) value).get("age")));
            same(found, Map.of("ada", 36));
            found.clear();
            cache.forEach(Filters.equal("team", "red"), (key, value) -> found.put(key, ((Map<?, ?>) value).get("age")));
            same(found, Map.of("ada", 36, "cleo", 41));
        });
    }

    private static NamedCache<String, Object> many(Scene s) {
        var cache = s.cache();
        Map<String, Object> many = new HashMap<>();
        IntStream.range(0, 1500).forEach(n -> many.put("k" + n, n));
        cache.putAll(many);
        return cache;
    }

    /** Functions are sent as the code of their classes, which only a server in Java can run. Locks are not remote. */
    private static void addFunctions(Checks checks) {
        checks.add("map.compute", s -> same(s.people().compute("ada", (key, value) -> 1), 1));
        checks.add("map.compute_if_absent", s -> same(s.people().computeIfAbsent("fay", key -> 1), 1));
        checks.add("map.compute_if_present", s -> same(s.people().computeIfPresent("ada", (key, value) -> 1), 1));
        checks.add("map.merge", s -> same(s.people().merge("ada", 1, (older, newer) -> newer), 1));
        checks.add("map.replace_all", s -> {
            var cache = s.people();
            cache.replaceAll((key, value) -> 1);
            same(cache.get("eve"), 1);
        });
        checks.add("map.stream", s -> refused(() -> s.people().stream().count()));
        checks.add("map.lock", s -> refused(() -> s.cache().lock("a")));
        checks.add("map.lock.all", s -> refused(() -> s.cache().lock(ConcurrentMap.LOCK_ALL, 0)));
        checks.add("map.unlock", s -> refused(() -> s.cache().unlock("a")));
        checks.add("map.as", s -> same(s.cacheOf("near-" + s.name).as(NearCache.class).isActive(), true));
        checks.add("map.view", s -> {
            var cache = s.people();
            var view = cache.view().filter(Filters.equal("team", "red")).build();
            try {
                // What changes later does not come: the client's JSON cannot write what its listener is.
                same(sorted(view.keySet()), List.of("ada", "cleo"));
            } finally {
                view.release();
            }
        });
    }
}
