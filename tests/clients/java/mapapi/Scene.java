package mapapi;

import com.oracle.coherence.io.json.JsonObject;
import com.tangosol.net.NamedCache;
import com.tangosol.net.Session;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** What one check runs in: caches of its own. */
final class Scene {
    static final long EVENT_SECONDS = 5;
    private static final String RUN = UUID.randomUUID().toString().substring(0, 8);

    /** A check that found something else than expected. */
    static final class Different extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final String expected;
        final String got;

        Different(String expected, String got) {
            super("expected " + expected + ", got " + got);
            this.expected = expected;
            this.got = got;
        }
    }

    /** Something that may fail. */
    interface Call {
        Object run() throws Exception;
    }

    final Session session;
    final boolean v1;
    final String name;
    private final Map<String, JsonObject> everyone;
    private final List<NamedCache<?, ?>> opened = new ArrayList<>();

    Scene(Session session, boolean v1, Map<String, JsonObject> everyone, String check) {
        this.session = session;
        this.v1 = v1;
        this.everyone = everyone;
        this.name = "map-api-" + RUN + "-" + check.replace('.', '-');
    }

    NamedCache<String, Object> cache() {
        return cacheOf(name);
    }

    <V> NamedCache<String, V> typed() {
        NamedCache<String, V> cache = session.getCache(name);
        opened.add(cache);
        return cache;
    }

    NamedCache<String, Object> cacheOf(String cacheName) {
        NamedCache<String, Object> cache = session.getCache(cacheName);
        opened.add(cache);
        return cache;
    }

    /** A cache with what people.json has. */
    NamedCache<String, Object> people() {
        NamedCache<String, Object> cache = cache();
        cache.putAll(everyone);
        return cache;
    }

    JsonObject person(String key) {
        return everyone.get(key);
    }

    static JsonObject object(Object... namesAndValues) {
        JsonObject object = new JsonObject();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }

    /** One field of a value in a cache. */
    static Object field(NamedCache<String, Object> cache, String key, String field) {
        return ((Map<?, ?>) cache.get(key)).get(field);
    }

    /** The same text for arrays and lists, and for numbers of any type: which of them JSON becomes is the client's affair. */
    static String text(Object value) {
        if (value instanceof Object[] array) {
            return text(Arrays.asList(array));
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, String> sorted = new TreeMap<>();
            map.forEach((key, each) -> sorted.put(text(key), text(each)));
            return sorted.toString();
        }
        if (value instanceof Collection<?> items) {
            return items.stream().map(Scene::text).toList().toString();
        }
        if (value instanceof Number number) {
            return new BigDecimal(number.toString()).stripTrailingZeros().toPlainString();
        }
        return String.valueOf(value);
    }

    static void same(Object got, Object expected) {
        if (!text(got).equals(text(expected))) {
            throw new Different(text(expected), text(got));
        }
    }

    static List<String> sorted(Collection<?> items) {
        return items.stream().map(Scene::text).sorted().toList();
    }

    static Map<String, Object> mapped(Collection<? extends Map.Entry<String, Object>> entries) {
        Map<String, Object> found = new HashMap<>();
        entries.forEach(entry -> found.put(entry.getKey(), entry.getValue()));
        return found;
    }

    static void refused(Call call) {
        Object result;
        try {
            result = call.run();
        } catch (Exception | LinkageError expected) {
            return;
        }
        throw new Different("an error", text(result));
    }

    /** For what a server may refuse or do. */
    static void refusedOr(Object result, Call call) {
        Object found;
        try {
            found = call.run();
        } catch (Exception expected) {
            return;
        }
        same(found, result);
    }

    /** Asks again until the answer is yes: for what the client tells by no event. */
    static void eventually(String what, BooleanSupplier holds) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(EVENT_SECONDS);
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new Different(what, "not within " + EVENT_SECONDS + " s");
            }
            Thread.onSpinWait();
        }
    }

    void close() {
        for (NamedCache<?, ?> cache : opened) {
            if (cache.isActive()) {
                if (v1) {
                    cache.destroy();
                } else {
                    // Destroying while a v0 event stream opens or closes can hang the reference server for good.
                    cache.clear();
                }
            }
        }
    }
}
