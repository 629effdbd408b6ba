//! The classes of agents that clients send, and what their members are.

/// What an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Filter,
    Extractor,
    Comparator,
    Aggregator,
    Processor,
    Updater,
    Manipulator,
    Index,
    Distance,
}

/// What a member is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    One(Kind),
    Many(Kind),
    Value,
    Values,
    Number,
    Flag,
    Size,
    Pattern,
    Character,
    Property,
    Method,
    /// The name of a method, without brackets.
    Bare,
    Map,
    Object,
    Record,
    Vector,
}

/// A class with its members.
pub(crate) type Class = (&'static str, &'static [(&'static str, Part)]);

use Kind::{Aggregator, Comparator, Distance, Extractor, Filter, Manipulator, Processor, Updater};
use Part::{
    Bare, Character, Flag, Many, Map, Method, Number, Object, One, Pattern, Property, Record, Size, Value,
    Values, Vector,
};

const OF: (&str, Part) = ("extractor", One(Extractor));

/// What a plain comparison has.
const COMPARED: &[(&str, Part)] = &[OF, ("value", Value)];

impl Kind {
    /// The classes of this kind. The first has no other agent in it.
    pub(crate) fn classes(self) -> &'static [Class] {
        match self {
            Filter => FILTERS,
            Extractor => EXTRACTORS,
            Comparator => COMPARATORS,
            Aggregator => AGGREGATORS,
            Processor => PROCESSORS,
            Updater => UPDATERS,
            Manipulator => MANIPULATORS,
            Kind::Index => INDEXES,
            Distance => DISTANCES,
        }
    }

    /// What stands before and after an agent of this kind in another one that has nothing else.
    pub(crate) fn wrappers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Filter => &[
                (r#"{"@class":"filter.NotFilter","filter":"#, "}"),
                (r#"{"@class":"filter.AllFilter","filters":["#, "]}"),
                (r#"{"@class":"filter.PredicateFilter","predicate":"#, "}"),
                (r#"{"@class":"filter.MapEventFilter","filter":"#, "}"),
                (
                    r#"{"@class":"filter.XorFilter","filters":[{"@class":"filter.NeverFilter"},"#,
                    "]}",
                ),
            ],
            Extractor => &[
                (r#"{"@class":"extractor.ChainedExtractor","extractors":["#, "]}"),
                (r#"{"@class":"extractor.MultiExtractor","extractors":["#, "]}"),
                (
                    r#"{"@class":"extractor.MultiExtractor","extractors":[{"@class":"extractor.IdentityExtractor"},"#,
                    "]}",
                ),
                (r#"{"@class":"extractor.KeyExtractor","extractor":"#, "}"),
            ],
            Comparator => &[
                (r#"{"@class":"comparator.InverseComparator","comparator":"#, "}"),
                (
                    r#"{"@class":"comparator.ChainedComparator","comparators":["#,
                    "]}",
                ),
            ],
            Aggregator => &[
                (
                    r#"{"@class":"aggregator.GroupAggregator","extractor":{"@class":"extractor.UniversalExtractor","name":"a"},"aggregator":"#,
                    "}",
                ),
                (
                    r#"{"@class":"aggregator.CompositeAggregator","aggregators":["#,
                    "]}",
                ),
            ],
            Processor => &[
                (
                    r#"{"@class":"processor.ConditionalProcessor","filter":{"@class":"filter.AlwaysFilter"},"processor":"#,
                    "}",
                ),
                (r#"{"@class":"processor.CompositeProcessor","processors":["#, "]}"),
            ],
            Updater => &[(
                r#"{"@class":"extractor.CompositeUpdater","extractor":{"@class":"extractor.UniversalExtractor","name":"o"},"updater":"#,
                "}",
            )],
            Manipulator | Kind::Index | Distance => &[("", "")],
        }
    }
}

const FILTERS: &[Class] = &[
    ("filter.AlwaysFilter", &[]),
    ("filter.NeverFilter", &[]),
    ("filter.PresentFilter", &[]),
    ("filter.EqualsFilter", COMPARED),
    ("filter.NotEqualsFilter", COMPARED),
    ("filter.GreaterFilter", COMPARED),
    ("filter.GreaterEqualsFilter", COMPARED),
    ("filter.LessFilter", COMPARED),
    ("filter.LessEqualsFilter", COMPARED),
    ("filter.BetweenFilter", &[("filters", Many(Filter))]),
    ("filter.IsNullFilter", &[OF]),
    ("filter.IsNotNullFilter", &[OF]),
    ("filter.InFilter", &[OF, ("value", Values)]),
    ("filter.ContainsFilter", COMPARED),
    ("filter.ContainsAllFilter", &[OF, ("value", Values)]),
    ("filter.ContainsAnyFilter", &[OF, ("value", Values)]),
    (
        "filter.LikeFilter",
        &[
            OF,
            ("value", Pattern),
            ("escapeChar", Character),
            ("ignoreCase", Flag),
        ],
    ),
    ("filter.RegexFilter", &[OF, ("value", Pattern)]),
    ("filter.AllFilter", &[("filters", Many(Filter))]),
    ("filter.AnyFilter", &[("filters", Many(Filter))]),
    ("filter.AndFilter", &[("filters", Many(Filter))]),
    ("filter.OrFilter", &[("filters", Many(Filter))]),
    ("filter.XorFilter", &[("filters", Many(Filter))]),
    ("filter.NotFilter", &[("filter", One(Filter))]),
    ("filter.PredicateFilter", &[OF, ("predicate", One(Filter))]),
    (
        "filter.InKeySetFilter",
        &[("filter", One(Filter)), ("keys", Values)],
    ),
    (
        "filter.KeyAssociatedFilter",
        &[("filter", One(Filter)), ("hostKey", Value)],
    ),
    (
        "filter.LimitFilter",
        &[("filter", One(Filter)), ("pageSize", Size)],
    ),
    (
        "filter.MapEventFilter",
        &[("filter", One(Filter)), ("mask", Size)],
    ),
    (
        "filter.CacheEventFilter",
        &[("filter", One(Filter)), ("mask", Size), ("syntheticMask", Size)],
    ),
    ("filter.ValueChangeEventFilter", &[OF]),
    ("filter.PriorityFilter", &[("filter", One(Filter))]),
    ("filter.InKeySetFilter", &[("keys", Values)]),
    ("filter.PartitionedFilter", &[("filter", One(Filter))]),
    (
        "filter.ScriptFilter",
        &[("name", Property), ("language", Property)],
    ),
    ("filter.NopeFilter", COMPARED),
];

const EXTRACTORS: &[Class] = &[
    ("extractor.IdentityExtractor", &[]),
    ("extractor.UniversalExtractor", &[("name", Property)]),
    ("extractor.UniversalExtractor", &[("name", Property)]),
    (
        "extractor.UniversalExtractor",
        &[("name", Property), ("target", Size)],
    ),
    (
        "extractor.UniversalExtractor",
        &[("name", Method), ("params", Values), ("target", Size)],
    ),
    (
        "extractor.ReflectionExtractor",
        &[("method", Bare), ("args", Values), ("target", Size)],
    ),
    (
        "extractor.ReflectionExtractor",
        &[("method", Bare), ("params", Values)],
    ),
    ("extractor.PofExtractor", &[]),
    ("extractor.ChainedExtractor", &[("extractors", Many(Extractor))]),
    ("extractor.MultiExtractor", &[("extractors", Many(Extractor))]),
    ("extractor.KeyExtractor", &[OF]),
    ("extractor.ScriptValueExtractor", &[("name", Property)]),
];

const COMPARATORS: &[Class] = &[
    ("comparator.SafeComparator", &[]),
    ("comparator.ExtractorComparator", &[OF]),
    ("comparator.InverseComparator", &[("comparator", One(Comparator))]),
    ("comparator.SafeComparator", &[("comparator", One(Comparator))]),
    (
        "comparator.ChainedComparator",
        &[("comparators", Many(Comparator))],
    ),
    ("extractor.UniversalExtractor", &[("name", Property)]),
    ("comparator.EntryComparator", &[]),
];

const AGGREGATORS: &[Class] = &[
    ("aggregator.Count", &[]),
    ("aggregator.BigDecimalSum", &[OF]),
    ("aggregator.BigDecimalAverage", &[OF]),
    ("aggregator.BigDecimalMin", &[OF]),
    ("aggregator.BigDecimalMax", &[OF]),
    ("aggregator.LongSum", &[OF]),
    ("aggregator.LongMin", &[OF]),
    ("aggregator.LongMax", &[OF]),
    ("aggregator.DoubleSum", &[OF]),
    ("aggregator.DoubleAverage", &[OF]),
    ("aggregator.DoubleMin", &[OF]),
    ("aggregator.DoubleMax", &[OF]),
    ("aggregator.ComparableMin", &[OF]),
    ("aggregator.ComparableMax", &[OF]),
    ("aggregator.DistinctValues", &[OF]),
    ("aggregator.ReducerAggregator", &[OF]),
    (
        "aggregator.TopNAggregator",
        &[("results", Size), OF, ("comparator", One(Comparator))],
    ),
    (
        "aggregator.GroupAggregator",
        &[OF, ("aggregator", One(Aggregator)), ("filter", One(Filter))],
    ),
    (
        "aggregator.GroupAggregator",
        &[OF, ("aggregator", One(Aggregator))],
    ),
    (
        "aggregator.CompositeAggregator",
        &[("aggregators", Many(Aggregator))],
    ),
    (
        "aggregator.PriorityAggregator",
        &[("aggregator", One(Aggregator))],
    ),
    ("aggregator.QueryRecorder", &[("type", Record)]),
    (
        "ai.search.SimilarityAggregator",
        &[OF, ("vector", Vector), ("maxResults", Size)],
    ),
    (
        "ai.search.SimilarityAggregator",
        &[
            OF,
            ("algorithm", One(Distance)),
            ("bruteForce", Flag),
            ("filter", One(Filter)),
            ("maxResults", Size),
            ("vector", Vector),
        ],
    ),
    ("aggregator.ScriptAggregator", &[("name", Property)]),
];

const PROCESSORS: &[Class] = &[
    ("util.NullEntryProcessor", &[]),
    ("processor.ExtractorProcessor", &[OF]),
    ("processor.CompositeProcessor", &[("processors", Many(Processor))]),
    (
        "processor.ConditionalProcessor",
        &[("filter", One(Filter)), ("processor", One(Processor))],
    ),
    ("processor.PriorityProcessor", &[("processor", One(Processor))]),
    (
        "processor.ConditionalPut",
        &[("filter", One(Filter)), ("value", Value), ("return", Flag)],
    ),
    (
        "processor.ConditionalPutAll",
        &[("filter", One(Filter)), ("entries", Map)],
    ),
    (
        "processor.ConditionalRemove",
        &[("filter", One(Filter)), ("return", Flag)],
    ),
    (
        "processor.NumberIncrementor",
        &[
            ("manipulator", One(Manipulator)),
            ("increment", Number),
            ("postInc", Flag),
        ],
    ),
    (
        "processor.NumberMultiplier",
        &[
            ("manipulator", One(Manipulator)),
            ("multiplier", Number),
            ("postMultiplication", Flag),
        ],
    ),
    (
        "processor.UpdaterProcessor",
        &[("updater", One(Updater)), ("value", Value)],
    ),
    ("processor.UpdaterProcessor", &[("value", Value)]),
    (
        "processor.MethodInvocationProcessor",
        &[("methodName", Method), ("mutator", Flag), ("args", Values)],
    ),
    (
        "processor.VersionedPut",
        &[("value", Object), ("insert", Flag), ("return", Flag)],
    ),
    (
        "processor.VersionedPutAll",
        &[("entries", Map), ("insert", Flag), ("return", Flag)],
    ),
    ("processor.TouchProcessor", &[]),
    ("processor.PreloadRequest", &[]),
    ("internal.util.processor.CacheProcessors.Null", &[]),
    ("internal.util.processor.CacheProcessors.Get", &[]),
    ("internal.util.processor.CacheProcessors.RemoveBlind", &[]),
    ("processor.ScriptProcessor", &[("name", Property)]),
];

const UPDATERS: &[Class] = &[
    ("extractor.UniversalUpdater", &[("name", Property)]),
    ("extractor.ReflectionUpdater", &[("method", Bare)]),
    ("extractor.CompositeUpdater", &[OF, ("updater", One(Updater))]),
];

const MANIPULATORS: &[Class] = &[
    ("processor.PropertyManipulator", &[("propertyName", Property)]),
    ("extractor.CompositeUpdater", &[OF, ("updater", One(Updater))]),
];

const INDEXES: &[Class] = &[
    ("index.IndexDefinition", &[OF]),
    (
        "index.IndexDefinition",
        &[
            OF,
            ("sorted", Flag),
            ("comparator", One(Comparator)),
            ("filter", One(Filter)),
        ],
    ),
    ("extractor.ConditionalExtractor", &[OF, ("filter", One(Filter))]),
    ("ai.index.BinaryQuantIndex", &[OF, ("oversamplingFactor", Size)]),
    ("index.IndexDefinition", &[OF, ("oversamplingFactor", Size)]),
    ("coherence.hnsw.HnswIndex", &[OF, ("dimension", Size)]),
];

const DISTANCES: &[Class] = &[
    ("ai.distance.CosineSimilarity", &[]),
    ("ai.distance.InnerProductSimilarity", &[]),
    ("ai.distance.L2SquaredDistance", &[]),
];
