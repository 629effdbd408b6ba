package mapapi;

import static mapapi.QueryChecks.AGE;
import static mapapi.Scene.eventually;
import static mapapi.Scene.object;
import static mapapi.Scene.same;

import com.tangosol.net.NamedCache;
import com.tangosol.net.cache.ContinuousQueryCache;
import com.tangosol.util.Extractors;
import com.tangosol.util.Filter;
import com.tangosol.util.Filters;
import com.tangosol.util.ValueExtractor;
import com.tangosol.util.filter.AlwaysFilter;
import com.tangosol.util.filter.MapEventFilter;
import com.tangosol.util.filter.MapEventTransformerFilter;
import com.tangosol.util.transformer.ExtractorEventTransformer;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Listeners whose events are transformed, and views: the client's {@link ContinuousQueryCache}. */
final class ViewChecks {
    private static final Filter<Object> OLD = Filters.greater(AGE, 50);
    /**
     * Values as they are. A view that is told of none asks for events with the new value alone by a class that the client's
     * JSON serializer has no name for, and hears nothing, of any server.
     */
    private static final ValueExtractor<Object, Object> WHOLE = Extractors.identity();

    private ViewChecks() {
    }

    private static void aged(NamedCache<String, Object> cache, String key, int age) {
        cache.put(key, object("age", age));
    }

    /** The ages before and after, of what a filter selects. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Filter<Object> ages(Filter<?> filter) {
        return new MapEventTransformerFilter(new MapEventFilter(MapEventFilter.E_ALL, filter), new ExtractorEventTransformer(AGE));
    }

    private static ContinuousQueryCache<String, Object, Object> view(NamedCache<String, Object> cache, Events told,
            ValueExtractor<Object, ?> shown) {
        return new ContinuousQueryCache<>(cache, OLD, true, told, shown);
    }

    static void add(Checks checks) {
        checks.add("listener.transformer", s -> {
            var cache = s.cache();
            var events = new Events();
            cache.addMapListener(events, ages(OLD), false);
            aged(cache, "a", 20);
            aged(cache, "a", 60);
            aged(cache, "a", 70);
            cache.remove("a");
            events.all("update a 20 60", "update a 60 70", "delete a 70 null");
        });
        checks.add("listener.transformer.beside_key", s -> {
            var cache = s.cache();
            var ofKey = new Events();
            var ofAges = new Events();
            var ofAll = new Events();
            cache.addMapListener(ofKey, "a", false);
            cache.addMapListener(ofAges, ages(AlwaysFilter.INSTANCE()), false);
            cache.addMapListener(ofAll);
            cache.put("a", object("age", 60));
            cache.put("a", object("age", 70));
            cache.put("b", object("age", 1));
            cache.remove("a");
            ofAges.all("insert a null 60", "update a 60 70", "insert b null 1", "delete a 70 null");
            same(ofAll.kinds(4), List.of("insert a", "update a", "insert b", "delete a"));
            same(ofAll.told, List.of());
            // Once each, with the values as they are.
            String sixty = Scene.text(object("age", 60));
            String seventy = Scene.text(object("age", 70));
            ofKey.all("insert a null " + sixty, "update a " + sixty + " " + seventy, "delete a " + seventy + " null");
        });
        checks.add("view.filter", s -> {
            var cache = s.cache();
            aged(cache, "young", 20);
            aged(cache, "old", 60);
            var view = view(cache, null, WHOLE);
            try {
                same(view.keySet(), List.of("old"));
                aged(cache, "young", 70);
                eventually("one that enters", () -> view.size() == 2);
                aged(cache, "old", 30);
                eventually("one that leaves", () -> view.keySet().equals(Set.of("young")));
                same(view.get("young"), object("age", 70));
                cache.remove("young");
                eventually("one that goes", view::isEmpty);
            } finally {
                view.release();
            }
        });
        checks.add("view.transformer", s -> {
            var cache = s.cache();
            aged(cache, "a", 60);
            aged(cache, "b", 20);
            var view = view(cache, null, AGE);
            try {
                same(new TreeMap<String, Object>(view), Map.of("a", 60));
                aged(cache, "a", 61);
                aged(cache, "b", 80);
                eventually("the ages now", () -> Scene.text(new TreeMap<String, Object>(view)).equals(Scene.text(new TreeMap<>(Map.of("a", 61, "b", 80)))));
                aged(cache, "a", 1);
                eventually("one that leaves", () -> view.size() == 1);
            } finally {
                view.release();
            }
        });
        checks.add("view.listener", s -> {
            var cache = s.cache();
            var ofView = new Events();
            var ofKey = new Events();
            var ofCache = new Events();
            aged(cache, "a", 60);
            var view = view(cache, ofView, WHOLE);
            try {
                same(ofView.kinds(1), List.of("insert a"));
                view.addMapListener(ofKey, "b", false);
                cache.addMapListener(ofCache, "b", false);
                aged(cache, "b", 70);
                aged(cache, "b", 71);
                aged(cache, "b", 1);
                aged(cache, "c", 80);
                same(ofView.kinds(4), List.of("insert b", "update b", "delete b", "insert c"));
                same(ofKey.kinds(3), List.of("insert b", "update b", "delete b"));
                same(ofCache.kinds(3), List.of("insert b", "update b", "update b"));
                same(List.of(ofView.told.size(), ofKey.told.size(), ofCache.told.size()), List.of(0, 0, 0));
            } finally {
                view.release();
            }
        });
    }
}
