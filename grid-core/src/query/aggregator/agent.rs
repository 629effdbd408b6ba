//! Reading and writing aggregators.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::{
    Aggregator, NumberOperation, OwnAggregator, RecordKind, SimilaritySearch, SortedPart, SortedPlace,
    similar,
};
use crate::query::agent::{
    AGGREGATORS_MAX, Node, ObjectWriter, Tree, WriteAgent, check_depth, extractor, filter, implied,
};
use crate::query::comparator::comparator;
use crate::query::{AgentError, Comparator, Extractor, QueryError};

impl Aggregator {
    /// Reads an aggregator as clients send it.
    ///
    /// # Errors
    /// As [`Filter::from_json`](crate::query::Filter::from_json).
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        Ok(Self::from_json_in_time(text)?.0)
    }

    /// The same, with the longest time that the answer may take, if one is told: the least of those that the
    /// `PriorityAggregator`s in it tell for the request and for running it. Priorities say nothing: all are served alike.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_json_in_time(text: &[u8]) -> Result<(Self, Option<Duration>), AgentError> {
        let mut time_limit = None;
        let aggregator = aggregator(Tree::read(text)?.root(), 0, &mut time_limit)?;
        if aggregator.part_count() > AGGREGATORS_MAX {
            return Err(AgentError::TooMany { max: AGGREGATORS_MAX });
        }
        Ok((aggregator, time_limit))
    }

    /// How many aggregators this is made of.
    pub(super) fn part_count(&self) -> usize {
        match self {
            Aggregator::Group { aggregator, .. } => 1 + aggregator.part_count(),
            Aggregator::Composite(inner) => 1 + inner.iter().map(Aggregator::part_count).sum::<usize>(),
            _ => 1,
        }
    }

    /// Writes the aggregator in the one form.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        self.write_agent(&mut out)?;
        Ok(out)
    }

    /// The class that the clients name it by.
    pub(in crate::query) fn class(&self) -> &'static str {
        match self {
            Aggregator::Count => "aggregator.Count",
            Aggregator::Number(operation, _) => operation.class(),
            Aggregator::Min(_) => "aggregator.ComparableMin",
            Aggregator::Max(_) => "aggregator.ComparableMax",
            Aggregator::Distinct(_) => "aggregator.DistinctValues",
            Aggregator::Top { .. } => "aggregator.TopNAggregator",
            Aggregator::Similar(_) => similar::CLASS,
            Aggregator::Group { .. } => "aggregator.GroupAggregator",
            Aggregator::Reducer(_) => "aggregator.ReducerAggregator",
            Aggregator::Composite(_) => "aggregator.CompositeAggregator",
            Aggregator::Record(_) => "aggregator.QueryRecorder",
            Aggregator::Indexes { .. } => "girih.IndexReports",
            Aggregator::Sorted(_) => "girih.Sorted",
            Aggregator::Own(_) => "girih.Aggregator",
        }
    }
}

/// Reads an aggregator that stands in so many agents, and lowers the time limit to what it tells.
fn aggregator(
    node: Node<'_>,
    depth: usize,
    time_limit: &mut Option<Duration>,
) -> Result<Aggregator, AgentError> {
    check_depth(depth)?;
    let expected = "an aggregator";
    let class = node.expect_class(expected)?;
    match class.as_ref() {
        "aggregator.GroupAggregator" => group(node, depth, time_limit),
        "aggregator.CompositeAggregator" | "aggregator.compositeAggregator" => {
            composite(node, depth, time_limit)
        }
        "aggregator.PriorityAggregator" => {
            let told = told_limit(node)?;
            *time_limit = time_limit.iter().copied().chain(told).min();
            aggregator(node.need("aggregator")?, depth + 1, time_limit)
        }
        class => single(node, class, depth),
    }
}

/// The least of the times in milliseconds that a `PriorityAggregator` tells. Clients name them differently; 0 stands for
/// the time that is set elsewhere, and -1 for none.
fn told_limit(node: Node<'_>) -> Result<Option<Duration>, AgentError> {
    const NAMES: [&str; 6] = [
        "requestTimeout",
        "executionTimeout",
        "_requestTimeout",
        "_executionTimeout",
        "requestTimeoutInMillis",
        "executionTimeoutInMillis",
    ];
    let mut least = None;
    for name in NAMES {
        let millis = node.integer(name)?.and_then(|millis| u64::try_from(millis).ok());
        let limit = millis.filter(|millis| *millis > 0).map(Duration::from_millis);
        least = least.into_iter().chain(limit).min();
    }
    Ok(least)
}

/// Reads an aggregator in another one. What tells of the whole query is in none.
fn inner(node: Node<'_>, depth: usize, time_limit: &mut Option<Duration>) -> Result<Aggregator, AgentError> {
    let inner = aggregator(node, depth + 1, time_limit)?;
    if matches!(inner, Aggregator::Record(_) | Aggregator::Indexes { .. }) {
        return Err(node.refused("it tells of the whole query: ask for it alone, not in another aggregator"));
    }
    Ok(inner)
}

fn composite(
    node: Node<'_>,
    depth: usize,
    time_limit: &mut Option<Duration>,
) -> Result<Aggregator, AgentError> {
    let mut aggregators = Vec::new();
    for part in node.need_elements("aggregators")? {
        aggregators.push(inner(part, depth, time_limit)?);
    }
    Ok(Aggregator::Composite(aggregators))
}

/// An aggregator that has no other one in it. On its own, so that aggregators in aggregators take little stack.
fn single(node: Node<'_>, class: &str, depth: usize) -> Result<Aggregator, AgentError> {
    if let Some(operation) = NumberOperation::of_class(class) {
        return Ok(Aggregator::Number(operation, of_extractor(node, depth)?));
    }
    Ok(match class {
        "aggregator.Count" => Aggregator::Count,
        "aggregator.ComparableMin" => Aggregator::Min(of_extractor(node, depth)?),
        "aggregator.ComparableMax" => Aggregator::Max(of_extractor(node, depth)?),
        "aggregator.DistinctValues" => Aggregator::Distinct(of_extractor(node, depth)?),
        "aggregator.TopNAggregator" => top(node, depth)?,
        similar::CLASS => Aggregator::Similar(Box::new(SimilaritySearch::read(node, depth)?)),
        "aggregator.ReducerAggregator" => Aggregator::Reducer(of_extractor(node, depth)?),
        "aggregator.QueryRecorder" => record(node)?,
        "girih.IndexReports" => Aggregator::Indexes {
            check: node.flag("check")?,
        },
        "girih.Sorted" => Aggregator::Sorted(Box::new(sorted(node, depth)?)),
        "girih.Aggregator" => Aggregator::Own(OwnAggregator {
            name: node.need_string("name")?.into_owned(),
            args: node.operand("args")?,
            code: None,
        }),
        "aggregator.ScriptAggregator" => {
            return Err(node.refused("scripts are not run here; use other aggregators, or your own in Rust by name: girih.Aggregator"));
        }
        _ => return Err(node.unknown("an aggregator")),
    })
}

fn of_extractor(node: Node<'_>, depth: usize) -> Result<Extractor, AgentError> {
    extractor(node.need("extractor")?, depth + 1)
}

fn group(node: Node<'_>, depth: usize, time_limit: &mut Option<Duration>) -> Result<Aggregator, AgentError> {
    Ok(Aggregator::Group {
        extractor: of_extractor(node, depth)?,
        aggregator: Box::new(inner(node.need("aggregator")?, depth, time_limit)?),
        filter: match node.get("filter") {
            Some(inner) => Some(Box::new(filter(inner, depth + 1)?)),
            None => None,
        },
    })
}

/// What `inverse` and `property` say is said by the comparator too.
fn top(node: Node<'_>, depth: usize) -> Result<Aggregator, AgentError> {
    let results = node.integer("results")?.unwrap_or_default();
    Ok(Aggregator::Top {
        results: usize::try_from(results)
            .map_err(|_negative| node.wrong("results", "a number of results"))?,
        extractor: match node.get("extractor") {
            Some(inner) => extractor(inner, depth + 1)?,
            None => implied(Extractor::Identity, depth)?,
        },
        comparator: match node.get("comparator") {
            Some(inner) => comparator(inner, depth + 1)?,
            None => implied(Comparator::Natural, depth)?,
        },
    })
}

fn sorted(node: Node<'_>, depth: usize) -> Result<SortedPart, AgentError> {
    let count = |name| {
        let count = node.integer(name)?.and_then(|count| usize::try_from(count).ok());
        count
            .and_then(NonZeroUsize::new)
            .ok_or_else(|| node.wrong(name, "a number above zero"))
    };
    Ok(SortedPart {
        comparator: comparator(node.need("comparator")?, depth + 1)?,
        entries_max: count("entries")?,
        bytes_max: count("bytes")?,
        after: match node.get("after") {
            Some(after) => {
                let place = after.string().and_then(|text| SortedPlace::read(text.as_bytes()));
                Some(place.ok_or_else(|| node.wrong("after", "a place"))?)
            }
            None => None,
        },
    })
}

fn record(node: Node<'_>) -> Result<Aggregator, AgentError> {
    let kind = node.need("type")?;
    let name = kind.string().or_else(|| kind.get("enum")?.string());
    Ok(Aggregator::Record(match name.as_deref() {
        Some("EXPLAIN") => RecordKind::Explain,
        Some("TRACE") => RecordKind::Trace,
        _ => return Err(node.wrong("type", "EXPLAIN or TRACE")),
    }))
}

impl WriteAgent for Aggregator {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let writer = ObjectWriter::new(self.class(), out);
        match self {
            Aggregator::Count => writer.end(),
            Aggregator::Number(_, extractor)
            | Aggregator::Min(extractor)
            | Aggregator::Max(extractor)
            | Aggregator::Distinct(extractor)
            | Aggregator::Reducer(extractor) => writer.agent("extractor", extractor)?.end(),
            Aggregator::Top {
                results,
                extractor,
                comparator,
            } => writer
                .agent("comparator", comparator)?
                .agent("extractor", extractor)?
                .integer("results", i64::try_from(*results).unwrap_or(i64::MAX))
                .end(),
            Aggregator::Similar(search) => search.write(writer)?,
            Aggregator::Group {
                extractor,
                aggregator,
                filter,
            } => {
                let writer = writer.agent("aggregator", aggregator.as_ref())?;
                let writer = writer.agent("extractor", extractor)?;
                match filter {
                    Some(filter) => writer.agent("filter", filter.as_ref())?.end(),
                    None => writer.end(),
                }
            }
            Aggregator::Composite(inner) => writer.agents("aggregators", inner)?.end(),
            Aggregator::Own(own) => writer
                .json("args", own.args.text())
                .string("name", &own.name)
                .end(),
            Aggregator::Record(kind) => {
                let name = format!(r#"{{"enum":"{}"}}"#, kind.name());
                writer.json("type", name.as_bytes()).end();
            }
            Aggregator::Indexes { check } => writer.flag("check", *check).end(),
            Aggregator::Sorted(part) => {
                let integer = |count: NonZeroUsize| i64::try_from(count.get()).unwrap_or(i64::MAX);
                let writer = match &part.after {
                    // As a string: a key may be of any depth.
                    Some(after) => writer.string("after", &after.to_text()?),
                    None => writer,
                };
                writer
                    .integer("bytes", integer(part.bytes_max))
                    .agent("comparator", &part.comparator)?
                    .integer("entries", integer(part.entries_max))
                    .end();
            }
        }
        Ok(())
    }
}
