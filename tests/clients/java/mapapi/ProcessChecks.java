package mapapi;

import static mapapi.QueryChecks.AGE;
import static mapapi.QueryChecks.NAME;
import static mapapi.QueryChecks.NICK;
import static mapapi.QueryChecks.RED;
import static mapapi.Scene.field;
import static mapapi.Scene.object;
import static mapapi.Scene.refused;
import static mapapi.Scene.refusedOr;
import static mapapi.Scene.same;

import com.oracle.coherence.io.json.JsonObject;
import com.tangosol.util.Extractors;
import com.tangosol.util.Filter;
import com.tangosol.util.Filters;
import com.tangosol.util.InvocableMap.EntryProcessor;
import com.tangosol.util.Processors;
import com.tangosol.util.extractor.CompositeUpdater;
import com.tangosol.util.extractor.UniversalExtractor;
import com.tangosol.util.extractor.UniversalUpdater;
import com.tangosol.util.processor.MethodInvocationProcessor;
import com.tangosol.util.processor.NumberIncrementor;
import com.tangosol.util.processor.NumberMultiplier;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Entry processors. */
final class ProcessChecks {
    private static final Filter<Object> ADULT = Filters.greater(AGE, 30);
    private static final Filter<Object> CHILD = Filters.less(AGE, 18);

    private ProcessChecks() {
    }

    /** A processor that leaves Ada as she is. */
    private static <R> void reads(Checks checks, String name, EntryProcessor<String, Object, R> processor, Object expected) {
        checks.add(name, s -> {
            var cache = s.people();
            same(cache.invoke("ada", processor), expected);
            same(cache.get("ada"), s.person("ada"));
        });
    }

    static void add(Checks checks) {
        reads(checks, "processor.extract", Processors.extract(AGE), 36);
        reads(checks, "processor.extract.chained", Processors.extract(Extractors.chained("address", "city")), "London");
        reads(checks, "processor.extract.multi", Processors.extract(Extractors.multi("name", "age")), List.of("Ada", 36));
        reads(checks, "processor.extract.missing", Processors.extract(NICK), null);
        reads(checks, "processor.invoke_accessor", new MethodInvocationProcessor<>("get", false, "age"), 36);
        reads(checks, "processor.invoke_accessor.size", new MethodInvocationProcessor<>("size", false), 6);
        reads(checks, "processor.touch", Processors.touch(), null);
        reads(checks, "processor.preload", Processors.preload(), null);
        reads(checks, "processor.when", Processors.conditional(ADULT, Processors.extract(AGE)), 36);
        reads(checks, "processor.when.not", Processors.conditional(CHILD, Processors.extract(AGE)), null);
        reads(checks, "processor.and_then",
                Processors.composite(new EntryProcessor[] {Processors.extract(AGE), Processors.extract(NAME)}), List.of(36, "Ada"));
        reads(checks, "processor.priority", Processors.priority(Processors.extract(AGE)), 36);
        checks.add("map.invoke", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.extract(AGE)), 36);
            same(cache.invoke("nobody", Processors.extract(AGE)), null);
        });
        checks.add("map.invoke_all", s -> {
            var cache = s.people();
            same(cache.invokeAll(new NumberIncrementor<>(property("age"), 1, false)), Map.of("ada", 37, "ben", 26, "cleo", 42, "dan", 26, "eve", 59));
            same(field(cache, "eve", "age"), 59);
        });
        checks.add("map.invoke_all.keys", s ->
                same(s.people().invokeAll(Set.of("ada", "ben"), Processors.extract(AGE)), Map.of("ada", 36, "ben", 25)));
        checks.add("map.invoke_all.filter", s -> {
            var cache = s.people();
            same(cache.invokeAll(RED, Processors.extract(AGE)), Map.of("ada", 36, "cleo", 41));
            same(cache.invokeAll(Filters.never(), Processors.extract(AGE)), Map.of());
        });
        addConditional(checks);
        addNumbers(checks);
        addUpdates(checks);
        addVersioned(checks);
        // A script needs GraalVM in the reference; without it it is refused. A lambda needs a server in Java.
        checks.add("processor.script", s -> refused(() -> s.people().invoke("ada", Processors.script("js", "someScript"))));
        checks.add("processor.lambda", s -> same(s.people().invoke("ada", entry -> entry.getValue()), s.person("ada")));
        // What makes a call asynchronous is for members of a cluster: the client's own way is async().
        checks.add("processor.asynchronous", s -> refused(() -> s.people().invoke("ada", Processors.asynchronous(Processors.extract(AGE)))));
    }

    private static void addConditional(Checks checks) {
        checks.add("processor.conditional_put", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.put(ADULT, object("age", 1))), null);
            same(cache.get("ada"), object("age", 1));
            same(cache.invoke("ada", Processors.put(ADULT, object("age", 2))), null);
            same(cache.get("ada"), object("age", 1));
        });
        checks.add("processor.conditional_put.return", s -> {
            var cache = s.cache();
            cache.put("a", object("age", 1));
            same(cache.invoke("a", Processors.put(ADULT, object("age", 2), true)), object("age", 1));
            same(cache.get("a"), object("age", 1));
        });
        checks.add("processor.conditional_put.absent", s -> {
            var cache = s.cache();
            same(cache.invoke("a", Processors.put(Filters.not(Filters.present()), 1)), null);
            same(cache.invoke("a", Processors.put(Filters.not(Filters.present()), 2, true)), 1);
            same(cache.get("a"), 1);
        });
        checks.add("processor.conditional_put_all", s -> {
            var cache = s.people();
            cache.invokeAll(Set.of("ada", "ben"), Processors.putAll(ADULT, Map.of("ada", 1, "ben", 2, "cleo", 3)));
            same(Arrays.asList(cache.get("ada"), field(cache, "ben", "age"), field(cache, "cleo", "age")), List.of(1, 25, 41));
        });
        checks.add("processor.conditional_remove", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.remove(CHILD)), null);
            same(cache.containsKey("ada"), true);
            same(cache.invoke("ada", Processors.remove(ADULT)), null);
            same(cache.containsKey("ada"), false);
        });
        checks.add("processor.conditional_remove.return", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.remove(CHILD, true)), s.person("ada"));
            same(cache.containsKey("ada"), true);
        });
        checks.add("processor.remove", s -> {
            var cache = s.people();
            cache.invoke("ada", Processors.remove());
            same(cache.containsKey("ada"), false);
        });
        // This one is a function, sent as the code of its class.
        checks.add("processor.remove.return", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.remove(true)), s.person("ada"));
            same(cache.containsKey("ada"), false);
        });
    }

    /** A field of a JSON object: what {@link Processors} makes of a mere name is a property of a Java class. */
    private static CompositeUpdater property(String name) {
        return new CompositeUpdater(new UniversalExtractor<>(name), new UniversalUpdater(name));
    }

    private static void addNumbers(Checks checks) {
        checks.add("processor.increment", s -> {
            var cache = s.people();
            same(cache.invoke("ada", new NumberIncrementor<>(property("age"), 1, false)), 37);
            same(cache.invoke("ada", new NumberIncrementor<>(property("age"), -2, true)), 37);
            same(field(cache, "ada", "age"), 35);
            same(cache.invoke("ada", new NumberIncrementor<>(property("score"), 0.25, false)), 2.75);
        });
        checks.add("processor.increment.missing", s -> {
            var cache = s.people();
            same(cache.invoke("ada", new NumberIncrementor<>(property("visits"), 3, false)), 3);
            same(field(cache, "ada", "visits"), 3);
        });
        checks.add("processor.increment.text", s -> {
            var cache = s.people();
            refused(() -> cache.invoke("ada", new NumberIncrementor<>(property("name"), 1, false)));
            same(field(cache, "ada", "name"), "Ada");
        });
        checks.add("processor.multiply", s -> {
            var cache = s.people();
            same(cache.invoke("ada", new NumberMultiplier<>(property("age"), 2, false)), 72);
            same(cache.invoke("ada", new NumberMultiplier<>(property("age"), 0.5, true)), 72);
            same(field(cache, "ada", "age"), 36);
        });
        // JSON objects have no property of a Java class: a server may refuse it or take it for a field.
        checks.add("processor.manipulate", s -> refusedOr(37, () ->
                s.people().invoke("ada", Processors.increment(Processors.manipulate("age"), 1, false))));
        checks.add("processor.increment.name", s -> refusedOr(37, () -> s.people().invoke("ada", Processors.increment("age", 1, false))));
        checks.add("processor.multiply.name", s -> refusedOr(72, () -> s.people().invoke("ada", Processors.multiply("age", 2, false))));
        checks.add("processor.extract.name", s -> refusedOr(36, () -> s.people().invoke("ada", Processors.extract("age"))));
        checks.add("processor.update.name", s -> refusedOr(true, () -> s.people().invoke("ada", Processors.update("age", 40))));
    }

    private static void addUpdates(Checks checks) {
        checks.add("processor.invoke_mutator", s -> {
            var cache = s.people();
            same(cache.invoke("ada", new MethodInvocationProcessor<>("remove", true, "age")), 36);
            same(field(cache, "ada", "age"), null);
        });
        checks.add("processor.update", s -> {
            var cache = s.people();
            same(cache.invoke("ada", Processors.update(new UniversalUpdater("age"), 40)), true);
            same(cache.invoke("ada", Processors.update(new UniversalUpdater("nick"), "A")), true);
            same(Arrays.asList(field(cache, "ada", "age"), field(cache, "ada", "nick")), List.of(40, "A"));
        });
        checks.add("processor.update.updater", s -> {
            var cache = s.people();
            var city = new CompositeUpdater(Extractors.extract("address"), new UniversalUpdater("city"));
            same(cache.invoke("ada", Processors.update(city, "Turin")), true);
            same(field(cache, "ada", "address"), object("city", "Turin", "zip", 11));
        });
    }

    private static JsonObject versioned(int version, String name) {
        JsonObject value = object("name", name);
        value.setVersion(version);
        return value;
    }

    private static void isVersion(Object value, int version, String name) {
        JsonObject found = (JsonObject) value;
        same(found == null ? null : Arrays.asList(found.getVersionIndicator(), found.get("name")), Arrays.asList(version, name));
    }

    private static void addVersioned(Checks checks) {
        checks.add("processor.versioned_put", s -> {
            var cache = s.<JsonObject>typed();
            cache.put("a", versioned(1, "old"));
            same(cache.invoke("a", Processors.versionedPut(versioned(1, "new"))), null);
            isVersion(cache.get("a"), 2, "new");
            same(cache.invoke("a", Processors.versionedPut(versioned(1, "late"))), null);
            isVersion(cache.get("a"), 2, "new");
        });
        checks.add("processor.versioned_put.insert", s -> {
            var cache = s.<JsonObject>typed();
            cache.invoke("a", Processors.versionedPut(versioned(1, "x"), false, false));
            same(cache.containsKey("a"), false);
            cache.invoke("a", Processors.versionedPut(versioned(1, "x"), true, false));
            isVersion(cache.get("a"), 2, "x");
        });
        checks.add("processor.versioned_put.return", s -> {
            var cache = s.<JsonObject>typed();
            cache.put("a", versioned(3, "old"));
            isVersion(cache.invoke("a", Processors.versionedPut(versioned(1, "x"), false, true)), 3, "old");
        });
        checks.add("processor.versioned_put_all", s -> {
            var cache = s.<JsonObject>typed();
            cache.putAll(Map.of("a", versioned(1, "old"), "b", versioned(2, "old")));
            Map<String, JsonObject> all = Map.of("a", versioned(1, "new"), "b", versioned(1, "new"), "c", versioned(1, "new"));
            cache.invokeAll(Set.of("a", "b", "c"), Processors.versionedPutAll(all, true, false));
            isVersion(cache.get("a"), 2, "new");
            isVersion(cache.get("b"), 2, "old");
            isVersion(cache.get("c"), 2, "new");
        });
        checks.add("processor.versioned_put_all.return", s -> {
            var cache = s.<JsonObject>typed();
            cache.putAll(Map.of("a", versioned(1, "old"), "b", versioned(2, "old")));
            Map<String, JsonObject> all = Map.of("a", versioned(1, "new"), "b", versioned(1, "new"));
            var found = cache.invokeAll(Set.of("a", "b"), Processors.versionedPutAll(all, false, true));
            same(found.keySet(), List.of("b"));
        });
    }
}
