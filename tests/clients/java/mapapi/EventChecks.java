package mapapi;

import static mapapi.QueryChecks.AGE;
import static mapapi.Scene.eventually;
import static mapapi.Scene.object;
import static mapapi.Scene.refused;
import static mapapi.Scene.same;

import com.tangosol.net.NamedCache;
import com.tangosol.net.cache.CacheEvent;
import com.tangosol.net.cache.NearCache;
import com.tangosol.util.Filter;
import com.tangosol.util.Filters;
import com.tangosol.util.Processors;
import com.tangosol.util.extractor.UniversalUpdater;
import com.tangosol.util.filter.MapEventFilter;
import com.tangosol.util.listener.SimpleMapListener;

import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Listeners, near caches, and sessions. */
final class EventChecks {
    private static final Filter<Object> OLD = Filters.greater(AGE, 50);
    /** What a listener with this mask is told of the steps of {@link #mask}. */
    private static final Map<String, Integer> MASKS = Map.of("inserted", MapEventFilter.E_INSERTED, "updated", MapEventFilter.E_UPDATED,
            "deleted", MapEventFilter.E_DELETED, "entered", MapEventFilter.E_UPDATED_ENTERED, "left", MapEventFilter.E_UPDATED_LEFT,
            "within", MapEventFilter.E_UPDATED_WITHIN, "key_set", MapEventFilter.E_KEYSET, "every", MapEventFilter.E_ALL);
    private static final Map<String, List<String>> TOLD = Map.of("inserted", List.of("insert old"),
            "updated", List.of("update young", "update old", "update old"), "deleted", List.of("delete young"),
            "entered", List.of("update young"), "left", List.of("update old"), "within", List.of("update old"),
            "key_set", List.of("insert old", "update young", "update old", "delete young"),
            "every", List.of("insert old", "update young", "update old", "update old", "delete young"));

    private EventChecks() {
    }

    private static void aged(NamedCache<String, Object> cache, String key, int age) {
        cache.put(key, object("age", age));
    }

    static void add(Checks checks) {
        checks.add("listener.all", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events);
            cache.put("a", 1);
            cache.put("a", "two");
            cache.remove("a");
            events.all("insert a null 1", "update a 1 two", "delete a two null");
        });
        checks.add("listener.key", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, "k", false);
            cache.put("other", 1);
            cache.put("k", 1);
            cache.replace("k", 2);
            cache.remove("k");
            events.all("insert k null 1", "update k 1 2", "delete k 2 null");
        });
        checks.add("listener.filter", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, new MapEventFilter<>(MapEventFilter.E_ALL, OLD), false);
            aged(cache, "young", 20);
            aged(cache, "old", 60);
            aged(cache, "old", 61);
            aged(cache, "young", 70);
            cache.remove("old");
            same(events.kinds(4), List.of("insert old", "update old", "update young", "delete old"));
        });
        checks.add("listener.lite", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, (Filter<?>) null, true);
            cache.put("a", 1);
            cache.remove("a");
            same(events.kinds(2), List.of("insert a", "delete a"));
        });
        checks.add("listener.key.lite", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, "a", true);
            cache.put("b", 1);
            cache.put("a", 1);
            same(events.kinds(1), List.of("insert a"));
        });
        checks.add("listener.filter.lite", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, new MapEventFilter<>(MapEventFilter.E_ALL, OLD), true);
            aged(cache, "a", 1);
            aged(cache, "b", 60);
            same(events.kinds(1), List.of("insert b"));
        });
        MASKS.keySet().stream().sorted().forEach(name -> checks.add("listener.mask." + name, s -> mask(s, name)));
        checks.add("listener.from_mask", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, new MapEventFilter<>(MapEventFilter.E_DELETED), false);
            cache.put("a", 1);
            cache.remove("a");
            events.all("delete a 1 null");
        });
        checks.add("listener.on", s -> {
            var cache = s.cache();
            BlockingQueue<String> told = new LinkedBlockingQueue<>();
            cache.addMapListener(new SimpleMapListener<String, Object>()
                    .addInsertHandler(event -> told.add("insert")).addUpdateHandler(event -> told.add("update"))
                    .addDeleteHandler(event -> told.add("delete")));
            cache.put("a", 1);
            cache.put("a", 2);
            cache.remove("a");
            for (String expected : List.of("insert", "update", "delete")) {
                same(told.poll(Scene.EVENT_SECONDS, TimeUnit.SECONDS), expected);
            }
        });
        checks.add("listener.synchronous", s -> {
            var cache = s.cache();
            BlockingQueue<String> told = new LinkedBlockingQueue<>();
            cache.addMapListener(new SimpleMapListener<String, Object>().synchronous().addEventHandler(event -> told.add(event.getKey())));
            cache.put("a", 1);
            same(told.poll(Scene.EVENT_SECONDS, TimeUnit.SECONDS), "a");
        });
        checks.add("listener.facts", EventChecks::facts);
        addRemoval(checks);
        addNear(checks);
        addSession(checks);
    }

    private static void mask(Scene s, String name) throws Exception {
        var cache = s.cache();
        var events = new Events();
        var end = new Events();
        cache.addMapListener(events, new MapEventFilter<>(MASKS.get(name), OLD), false);
        cache.addMapListener(end, "end", false);
        aged(cache, "young", 20);
        aged(cache, "old", 60);
        aged(cache, "young", 70);
        aged(cache, "old", 61);
        aged(cache, "old", 30);
        cache.remove("young");
        aged(cache, "end", 1);
        end.next();
        same(events.kinds(TOLD.get(name).size()), TOLD.get(name));
        same(events.told, List.of());
    }

    /** Whether an event comes of expiry: the client tells that it is synthetic, and no more. */
    private static void facts(Scene s) throws Exception {
        var cache = s.cache();
        BlockingQueue<List<Boolean>> told = new LinkedBlockingQueue<>();
        cache.addMapListener(new SimpleMapListener<String, Object>().addEventHandler(event ->
                told.add(List.of(((CacheEvent<?, ?>) event).isExpired(), ((CacheEvent<?, ?>) event).isSynthetic()))));
        cache.put("a", 1, 200);
        same(told.poll(Scene.EVENT_SECONDS, TimeUnit.SECONDS), List.of(false, false));
        same(told.poll(Scene.EVENT_SECONDS, TimeUnit.SECONDS), List.of(false, true));
    }

    private static void addRemoval(Checks checks) {
        checks.add("listener.remove", s -> {
            var cache = s.cache();
            var gone = new Events();
            var kept = new Events();
            cache.addMapListener(gone);
            cache.addMapListener(kept, "k", false);
            cache.removeMapListener(gone);
            cache.put("k", 1);
            same(kept.kinds(1), List.of("insert k"));
            same(gone.told, List.of());
        });
        checks.add("listener.remove.key", s -> {
            var cache = s.cache();
            var gone = new Events();
            var kept = new Events();
            cache.addMapListener(gone, "k", false);
            cache.addMapListener(kept);
            cache.removeMapListener(gone, "k");
            cache.put("k", 1);
            same(kept.kinds(1), List.of("insert k"));
            same(gone.told, List.of());
        });
        checks.add("listener.remove.filter", s -> {
            var cache = s.cache();
            var gone = new Events();
            var kept = new Events();
            var asked = new MapEventFilter<String, Object>(MapEventFilter.E_ALL, OLD);
            cache.addMapListener(gone, asked, false);
            cache.addMapListener(kept, "k", false);
            cache.removeMapListener(gone, asked);
            aged(cache, "k", 60);
            same(kept.kinds(1), List.of("insert k"));
            same(gone.told, List.of());
        });
        checks.add("listener.several", s -> {
            var cache = s.cache();
            var all = List.of(new Events(), new Events(), new Events());
            cache.addMapListener(all.get(0));
            cache.addMapListener(all.get(1), "k", false);
            cache.addMapListener(all.get(2), new MapEventFilter<>(MapEventFilter.E_ALL, OLD), false);
            aged(cache, "k", 60);
            for (Events events : all) {
                same(events.kinds(1), List.of("insert k"));
            }
        });
        checks.add("listener.processor", s -> {
            var cache = s.people();
            var events = new Events();
            cache.addMapListener(events);
            cache.invoke("ada", Processors.extract(AGE));
            cache.invoke("ada", Processors.update(new UniversalUpdater("age"), 1));
            cache.invoke("ben", Processors.remove(Filters.always()));
            same(events.kinds(2), List.of("update ada", "delete ben"));
        });
    }

    @SuppressWarnings("unchecked")
    private static NearCache<String, Object> near(Scene s) {
        return s.cacheOf("near-" + s.name).as(NearCache.class);
    }

    private static void addNear(Checks checks) {
        checks.add("near.get", s -> {
            var near = near(s);
            near.getBackCache().put("a", 1);
            same(java.util.Arrays.asList(near.get("a"), near.get("a"), near.get("none")), java.util.Arrays.asList(1, 1, null));
            same(near.getCacheStatistics().getCacheHits(), 1);
        });
        checks.add("near.get_all", s -> {
            var near = near(s);
            near.putAll(Map.of("a", 1, "b", 2));
            same(near.getAll(List.of("a", "b")), Map.of("a", 1, "b", 2));
            same(near.getAll(List.of("a", "b")), Map.of("a", 1, "b", 2));
        });
        checks.add("near.contains_key", s -> {
            var near = near(s);
            near.put("a", 1);
            same(List.of(near.containsKey("a"), near.containsKey("b")), List.of(true, false));
        });
        checks.add("near.changes_of_others", s -> {
            var near = near(s);
            near.getBackCache().put("a", 1);
            same(near.get("a"), 1);
            near.getBackCache().put("a", 2);
            eventually("the new value", () -> Scene.text(near.get("a")).equals("2"));
            near.getBackCache().remove("a");
            eventually("no value", () -> near.get("a") == null);
        });
        checks.add("near.truncate", s -> {
            var near = near(s);
            near.put("a", 1);
            near.truncate();
            eventually("no value", () -> near.get("a") == null);
        });
        checks.add("near.clear", s -> {
            var near = near(s);
            near.put("a", 1);
            near.clear();
            same(near.get("a"), null);
        });
    }

    private static void addSession(Checks checks) {
        checks.add("session.create", s -> same(List.of(s.session.isActive(), s.session.getScopeName()), List.of(true, "")));
        checks.add("session.get_cache", s -> {
            var one = s.cacheOf(s.name + "-one");
            var two = s.cacheOf(s.name + "-two");
            one.put("a", 1);
            same(java.util.Arrays.asList(one.get("a"), two.get("a")), java.util.Arrays.asList(1, null));
        });
        checks.add("session.get_map", s -> {
            s.cache().put("a", 1);
            same(s.session.<String, Object>getMap(s.name).get("a"), 1);
        });
        checks.add("session.is_cache_active", s -> {
            same(s.session.isCacheActive(s.name, null), false);
            s.cache().put("a", 1);
            same(s.session.isCacheActive(s.name, null), true);
            same(s.session.isMapActive(s.name, null), true);
        });
        checks.add("session.destroy", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events);
            cache.put("a", 1);
            events.next();
            s.session.destroy(cache);
            eventually("the cache is not active", () -> !cache.isActive());
            same(s.cache().size(), 0);
        });
        checks.add("session.close", s -> {
            var cache = s.cache();
            cache.put("a", 1);
            s.session.close(cache);
            same(cache.isActive(), false);
            refused(() -> cache.get("a"));
            same(s.cache().get("a"), 1);
        });
        checks.add("session.scope", s -> {
            var cache = s.cacheOf("scoped-" + s.name);
            cache.put("a", 2);
            same(cache.get("a"), 2);
        });
    }
}
