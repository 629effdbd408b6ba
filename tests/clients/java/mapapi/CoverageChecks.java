package mapapi;

import static mapapi.Scene.same;

import com.tangosol.net.AsyncNamedCache;
import com.tangosol.net.NamedCache;
import com.tangosol.net.Session;
import com.tangosol.util.Aggregators;
import com.tangosol.util.Extractors;
import com.tangosol.util.Filters;
import com.tangosol.util.Processors;

import java.util.List;
import java.util.Map;

/** Whether everything that the client offers has a check; what a name is called here, or - for what is not of maps. */
final class CoverageChecks {
    private CoverageChecks() {
    }

    private static void covers(Checks checks, String area, Class<?> owner, Map<String, String> called) {
        checks.add("coverage." + area, s -> same(checks.missing(area, owner, called), List.of()));
    }

    static void add(Checks checks) {
        covers(checks, "map", NamedCache.class, Map.ofEntries(Map.entry("getName", "name"), Map.entry("getCacheName", "name"),
                Map.entry("getService", "service"), Map.entry("getCacheService", "service"), Map.entry("keySet", "keys"),
                Map.entry("entrySet", "entries"), Map.entry("isActive", "active"), Map.entry("isReleased", "release"),
                Map.entry("isDestroyed", "active"), Map.entry("addMapListener", "-"), Map.entry("removeMapListener", "-"),
                Map.entry("async", "-"), Map.entry("close", "release"), Map.entry("of", "-"), Map.entry("ofEntries", "-"),
                Map.entry("entry", "-"), Map.entry("copyOf", "-"), Map.entry("equals", "-"), Map.entry("hashCode", "-")));
        covers(checks, "async", AsyncNamedCache.class, Map.of("getNamedMap", "named_map", "getNamedCache", "named_map"));
        covers(checks, "filter", Filters.class, Map.of("equal", "equals", "notEqual", "not_equals", "lessEqual", "less_equals",
                "greaterEqual", "greater_equals", "isNull", "is_none", "isNotNull", "is_not_none", "in", "is_in", "not", "negate"));
        covers(checks, "extractor", Extractors.class, Map.of());
        // Asynchronous processors and aggregators are for members of a cluster, and vectors another matter.
        covers(checks, "processor", Processors.class, Map.of("put", "conditional_put", "putAll", "conditional_put_all",
                "conditional", "when", "composite", "and_then", "singleEntryAsynchronous", "-", "streamingAsynchronous", "-"));
        covers(checks, "aggregator", Aggregators.class, Map.of("comparableMax", "max", "comparableMin", "min", "bigDecimalSum", "sum",
                "bigDecimalAverage", "average", "distinctValues", "distinct", "grouping", "group_by", "composite", "and_then",
                "topN", "top", "asynchronous", "-", "similaritySearch", "-"));
        covers(checks, "session", Session.class, Map.ofEntries(Map.entry("isActive", "create"), Map.entry("getScopeName", "create"),
                Map.entry("getName", "create"), Map.entry("activate", "create"), Map.entry("ensure", "create"),
                Map.entry("isMapActive", "is_cache_active"), Map.entry("getTopic", "-"), Map.entry("isTopicActive", "-"),
                Map.entry("createPublisher", "-"), Map.entry("createSubscriber", "-"), Map.entry("getService", "-"),
                Map.entry("getResourceRegistry", "-"), Map.entry("getInterceptorRegistry", "-")));
    }
}
