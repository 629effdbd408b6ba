package mapapi;

import static mapapi.QueryChecks.AGE;
import static mapapi.QueryChecks.NAME;
import static mapapi.QueryChecks.RED;
import static mapapi.QueryChecks.SCORE;
import static mapapi.QueryChecks.TEAM;
import static mapapi.Scene.refused;
import static mapapi.Scene.same;
import static mapapi.Scene.sorted;

import com.tangosol.util.Aggregators;
import com.tangosol.util.Extractors;
import com.tangosol.util.Filters;
import com.tangosol.util.InvocableMap.EntryAggregator;
import com.tangosol.util.QueryRecord;
import com.tangosol.util.aggregator.PriorityAggregator;
import com.tangosol.util.aggregator.QueryRecorder;
import com.tangosol.util.comparator.ExtractorComparator;
import com.tangosol.util.comparator.InverseComparator;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** Aggregators. */
final class AggregateChecks {
    private AggregateChecks() {
    }

    /** What an aggregator makes of all people, and of none. */
    private static <R> void aggregator(Checks checks, String name, EntryAggregator<String, Object, R> aggregator, Object everybody, Object nobody) {
        checks.add(name, s -> {
            var cache = s.people();
            same(cache.aggregate(aggregator), everybody);
            same(cache.aggregate(Filters.never(), aggregator), nobody);
        });
    }

    /** An aggregator that the client's JSON cannot write, and so refuses itself. */
    private static void unwritten(Checks checks, String name, EntryAggregator<String, Object, ?> aggregator) {
        checks.add(name, s -> refused(() -> s.people().aggregate(aggregator)));
    }

    static void add(Checks checks) {
        aggregator(checks, "aggregator.max", Aggregators.comparableMax(AGE), 58, null);
        aggregator(checks, "aggregator.max.text", Aggregators.comparableMax(NAME), "Eve", null);
        aggregator(checks, "aggregator.min", Aggregators.comparableMin(AGE), 25, null);
        aggregator(checks, "aggregator.min.double", Aggregators.comparableMin(SCORE), 0.5, null);
        aggregator(checks, "aggregator.sum", Aggregators.bigDecimalSum("age"), 185, null);
        aggregator(checks, "aggregator.sum.double", Aggregators.bigDecimalSum(SCORE), 12.5, null);
        aggregator(checks, "aggregator.average", Aggregators.bigDecimalAverage("age"), 37, null);
        aggregator(checks, "aggregator.average.double", Aggregators.bigDecimalAverage(SCORE), 2.5, null);
        unwritten(checks, "aggregator.average.double_average", Aggregators.average("age"));
        unwritten(checks, "aggregator.big_decimal_max", Aggregators.bigDecimalMax("age"));
        unwritten(checks, "aggregator.big_decimal_min", Aggregators.bigDecimalMin("age"));
        unwritten(checks, "aggregator.double_max", Aggregators.doubleMax("age"));
        unwritten(checks, "aggregator.double_min", Aggregators.doubleMin(SCORE));
        unwritten(checks, "aggregator.double_sum", Aggregators.doubleSum("score"));
        unwritten(checks, "aggregator.long_max", Aggregators.longMax("age"));
        unwritten(checks, "aggregator.long_min", Aggregators.longMin(AGE));
        unwritten(checks, "aggregator.long_sum", Aggregators.longSum("age"));
        aggregator(checks, "aggregator.count", Aggregators.count(), 5, 0);
        aggregator(checks, "aggregator.and_then", Aggregators.composite(Aggregators.comparableMax(AGE), Aggregators.count()),
                List.of(58, 5), java.util.Arrays.asList(null, 0));
        aggregator(checks, "aggregator.priority", new PriorityAggregator<>(Aggregators.bigDecimalSum("age")), 185, null);
        aggregator(checks, "aggregator.top", Aggregators.topN(AGE, 2), List.of(58, 41), List.of());
        aggregator(checks, "aggregator.top.ascending", Aggregators.topN("age", new InverseComparator<Integer>(), 2), List.of(25, 25), List.of());
        checks.add("aggregator.top.descending", s -> {
            Object best = s.people().aggregate(Aggregators.topN(Extractors.identity(), new ExtractorComparator<>(AGE), 2));
            same(best, List.of(s.person("eve"), s.person("cleo")));
        });
        checks.add("aggregator.distinct", s -> {
            var cache = s.people();
            same(sorted((java.util.Collection<?>) cache.aggregate(Aggregators.distinctValues("age"))), List.of("25", "36", "41", "58"));
        });
        checks.add("aggregator.distinct.nobody", s -> same(s.people().aggregate(Filters.never(), Aggregators.distinctValues(AGE)), List.of()));
        checks.add("aggregator.group_by", s ->
                same(s.people().aggregate(Aggregators.grouping(TEAM, Aggregators.count())), Map.of("red", 2, "blue", 2, "green", 1)));
        checks.add("aggregator.group_by.filter", s ->
                same(s.people().aggregate(Aggregators.grouping(TEAM, Aggregators.comparableMax(AGE), Filters.always())),
                        Map.of("red", 41, "blue", 58, "green", 25)));
        checks.add("aggregator.group_by.two", s ->
                same(s.people().aggregate(RED, Aggregators.grouping(Aggregators.count(), "team", "age")),
                        Map.of(List.of("red", 36), 1, List.of("red", 41), 1)));
        checks.add("aggregator.reduce", s -> {
            var cache = s.people();
            same(cache.aggregate(RED, Aggregators.reduce("age")), Map.of("ada", 36, "cleo", 41));
        });
        checks.add("aggregator.record", s -> {
            QueryRecord record = s.people().aggregate(Filters.equal(AGE, 25), new QueryRecorder<>(QueryRecorder.RecordType.EXPLAIN));
            same(record.getType(), QueryRecorder.RecordType.EXPLAIN);
        });
        // A script needs GraalVM in the reference; without it it is refused.
        checks.add("aggregator.script", s -> refused(() -> s.people().aggregate(Aggregators.script("js", "someScript"))));
        checks.add("map.aggregate", s -> {
            same(s.people().aggregate(Aggregators.count()), 5);
            same(s.cacheOf(s.name + "-empty").aggregate(Aggregators.count()), 0);
        });
        checks.add("map.aggregate.keys", s ->
                same(s.people().aggregate(Set.of("ada", "ben", "nobody"), Aggregators.comparableMax(AGE)), 36));
        checks.add("map.aggregate.filter", s -> same(s.people().aggregate(RED, Aggregators.comparableMax(AGE)), 41));
    }
}
