//! Reading filters.

use super::read_extractor::{extractor, operands};
use super::tree::{check_depth, implied};
use super::{AgentError, Node};
use crate::query::{
    Between, EventCauses, EventFilter, EventKinds, EventTransformer, Extractor, Filter, KeySet, Operand,
    Test, ValueSet,
};

/// Reads a filter that stands in so many agents.
pub(crate) fn filter(node: Node<'_>, depth: usize) -> Result<Filter, AgentError> {
    check_depth(depth)?;
    let expected = "a filter";
    let class = node.expect_class(expected)?;
    let name = class
        .strip_prefix("filter.")
        .ok_or_else(|| node.unknown(expected))?;
    // What takes stack is done on its own, so that filters in filters take little.
    match name {
        "AllFilter" | "AndFilter" | "AnyFilter" | "OrFilter" | "XorFilter" | "BetweenFilter" => {
            of_many(node, name, filters(node, depth)?)
        }
        "InKeySetFilter" if node.get("filter").is_none() => leaf(node, name, depth),
        "NotFilter" | "InKeySetFilter" | "KeyAssociatedFilter" | "LimitFilter" | "PriorityFilter" => {
            of_one(node, name, filter(node.need("filter")?, depth + 1)?)
        }
        "PredicateFilter" => {
            let predicate = filter(node.need("predicate")?, depth + 1)?;
            of_predicate(node, predicate, depth)
        }
        "MapEventFilter" | "CacheEventFilter" => {
            let inner = node.get("filter").map(|inner| filter(inner, depth + 1));
            of_events(node, name, inner.transpose()?, depth)
        }
        "MapEventTransformerFilter" => {
            let inner = node.get("filter").map(|inner| filter(inner, depth + 1));
            of_transformed(node, inner.transpose()?, depth)
        }
        _ => leaf(node, name, depth),
    }
}

/// A filter of several ones.
fn of_many(node: Node<'_>, name: &str, filters: Vec<Filter>) -> Result<Filter, AgentError> {
    Ok(match name {
        "AnyFilter" | "OrFilter" => Filter::any(filters),
        "BetweenFilter" => between(filters),
        "XorFilter" => {
            let mut filters = filters.into_iter();
            match (filters.next(), filters.next()) {
                (Some(left), Some(right)) => left.xor(right),
                _ => return Err(node.wrong("filters", "two filters")),
            }
        }
        _ => Filter::all(filters),
    })
}

/// A filter of another one.
fn of_one(node: Node<'_>, name: &str, filter: Filter) -> Result<Filter, AgentError> {
    let filter = Box::new(filter);
    Ok(match name {
        // What it says of priorities and time is for those who run it.
        "PriorityFilter" => *filter,
        "InKeySetFilter" => Filter::InKeySet(filter, KeySet::new(operands(node, "keys")?)),
        "KeyAssociatedFilter" => Filter::KeyAssociated(filter, Operand::new(node.need("hostKey")?.text())?),
        "LimitFilter" => {
            let number = |name, what| {
                let number = u32::try_from(node.integer(name)?.unwrap_or_default());
                number.map_err(|_negative| node.wrong(name, what))
            };
            Filter::Limit {
                filter,
                page_size: number("pageSize", "a size of pages")?,
                page: number("page", "a number of a page")?,
            }
        }
        _ => Filter::Not(filter),
    })
}

fn of_predicate(node: Node<'_>, predicate: Filter, depth: usize) -> Result<Filter, AgentError> {
    let extractor = match node.get("extractor") {
        Some(inner) => extractor(inner, depth + 1)?,
        None => implied(Extractor::Identity, depth)?,
    };
    Ok(Filter::Predicate(extractor, Box::new(predicate)))
}

fn of_events(node: Node<'_>, name: &str, filter: Option<Filter>, depth: usize) -> Result<Filter, AgentError> {
    let bits = |field, what| {
        let bits = node.integer(field)?.map(u32::try_from).transpose();
        bits.map_err(|_negative| node.wrong(field, what))
    };
    let kinds = bits("mask", "bits of kinds of events")?.map_or(EventKinds::ALL, EventKinds::from_bits);
    let causes = match name {
        // Without causes there are none, as in the reference.
        "CacheEventFilter" => {
            let bits = bits("syntheticMask", "bits of causes of events")?;
            EventCauses::from_bits(bits.unwrap_or_default())
        }
        _ => EventCauses::ALL,
    };
    let changes = node.get("extractor").map(|inner| extractor(inner, depth + 1));
    Ok(Filter::Event(EventFilter {
        kinds,
        filter: filter.map(Box::new),
        changes: changes.transpose()?,
        causes,
        transformer: None,
    }))
}

fn of_transformed(node: Node<'_>, filter: Option<Filter>, depth: usize) -> Result<Filter, AgentError> {
    let events = match filter {
        None => EventFilter::all(),
        Some(Filter::Event(events)) if events.transformer.is_some() => {
            return Err(node.refused("what is transformed is not transformed again"));
        }
        Some(Filter::Event(events)) => events,
        Some(filter) => EventFilter::new(filter),
    };
    let transformer = node.need("transformer")?;
    let expected = "a transformer of events";
    let class = transformer.expect_class(expected)?;
    let extractor_of = |name: &str| {
        let inner = transformer.get(name).map(|inner| extractor(inner, depth + 1));
        inner.transpose()
    };
    let transformer = match class.as_ref() {
        "transformer.SemiLiteEventTransformer" => EventTransformer::SemiLite,
        "transformer.ExtractorEventTransformer" => EventTransformer::Extract {
            old: extractor_of("extractorOld")?,
            new: extractor_of("extractorNew")?,
        },
        "girih.SelectedEventTransformer" => EventTransformer::Selected {
            new: extractor_of("extractorNew")?,
        },
        _ => return Err(transformer.unknown(expected)),
    };
    Ok(Filter::Event(events.transformed(transformer)))
}

/// A filter that has no other one in it.
fn leaf(node: Node<'_>, name: &str, depth: usize) -> Result<Filter, AgentError> {
    if let Some(test) = test(name) {
        return Ok(Filter::Compare {
            test,
            extractor: of_extractor(node, depth)?,
            value: node.operand("value")?,
        });
    }
    Ok(match name {
        "AlwaysFilter" => Filter::Always,
        "NeverFilter" => Filter::Never,
        "PresentFilter" => Filter::Present,
        "IsNullFilter" => is_null(node, Test::Equals, depth)?,
        "IsNotNullFilter" => is_null(node, Test::NotEquals, depth)?,
        "InFilter" => Filter::In(of_extractor(node, depth)?, values(node, "value")?),
        "ContainsFilter" => Filter::Contains(of_extractor(node, depth)?, node.operand("value")?),
        "ContainsAllFilter" => Filter::ContainsAll(of_extractor(node, depth)?, values(node, "value")?),
        "ContainsAnyFilter" => Filter::ContainsAny(of_extractor(node, depth)?, values(node, "value")?),
        "LikeFilter" => like(node, depth)?,
        "RegexFilter" => regex(node, depth)?,
        "ScriptFilter" => {
            return Err(node.refused("scripts are not run here; write the filter out of others"));
        }
        "InKeySetFilter" => of_one(node, name, implied(Filter::Always, depth)?)?,
        "ValueChangeEventFilter" => Filter::Event(EventFilter::of_changes(of_extractor(node, depth)?)),
        "PartitionedFilter" => {
            let instead =
                "clients do not know which partition has what; use KeyAssociatedFilter or InKeySetFilter";
            return Err(node.refused(instead));
        }
        _ => return Err(node.unknown("a filter")),
    })
}

fn test(name: &str) -> Option<Test> {
    Some(match name {
        "EqualsFilter" => Test::Equals,
        "NotEqualsFilter" => Test::NotEquals,
        "GreaterFilter" => Test::Greater,
        "GreaterEqualsFilter" => Test::GreaterEquals,
        "LessFilter" => Test::Less,
        "LessEqualsFilter" => Test::LessEquals,
        _ => return None,
    })
}

fn of_extractor(node: Node<'_>, depth: usize) -> Result<Extractor, AgentError> {
    extractor(node.need("extractor")?, depth + 1)
}

fn is_null(node: Node<'_>, test: Test, depth: usize) -> Result<Filter, AgentError> {
    Ok(Filter::Compare {
        test,
        extractor: of_extractor(node, depth)?,
        value: Operand::null(),
    })
}

fn values(node: Node<'_>, field: &'static str) -> Result<ValueSet, AgentError> {
    node.need(field)?;
    Ok(ValueSet::new(operands(node, field)?))
}

fn filters(node: Node<'_>, depth: usize) -> Result<Vec<Filter>, AgentError> {
    // A loop: adapters of iterators would take stack for each filter in another one.
    let mut filters = Vec::new();
    for inner in node.need_elements("filters")? {
        filters.push(filter(inner, depth + 1)?);
    }
    Ok(filters)
}

/// The text of a pattern; of a number what it is written as. `None` for null.
fn pattern(node: Node<'_>) -> Option<String> {
    let value = node.get("value")?;
    Some(match value.string() {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(value.text()).into_owned(),
    })
}

fn like(node: Node<'_>, depth: usize) -> Result<Filter, AgentError> {
    let extractor = of_extractor(node, depth)?;
    let escape = match node.get("escapeChar") {
        None => None,
        Some(escape) => {
            let wrong = || node.wrong("escapeChar", "one character");
            let escape = escape.string().ok_or_else(wrong)?;
            let mut characters = escape.chars();
            match (characters.next(), characters.next()) {
                (Some(escape), None) => Some(escape).filter(|escape| *escape != '\0'),
                _ => return Err(wrong()),
            }
        }
    };
    let ignore_case = node.flag("ignoreCase")?;
    // Nothing is like null.
    Ok(match pattern(node) {
        Some(pattern) => Filter::Like(extractor, node.patterns().like(&pattern, escape, ignore_case)?),
        None => Filter::Never,
    })
}

fn regex(node: Node<'_>, depth: usize) -> Result<Filter, AgentError> {
    let extractor = of_extractor(node, depth)?;
    let pattern = pattern(node).ok_or_else(|| node.wrong("value", "a regular expression"))?;
    Ok(Filter::Regex(extractor, node.patterns().regex(&pattern)?))
}

/// The clients send the two comparisons; two that are no bounds of one thing are two filters.
fn between(filters: Vec<Filter>) -> Filter {
    if let [
        Filter::Compare {
            test: lower @ (Test::Greater | Test::GreaterEquals),
            extractor,
            value: from,
        },
        Filter::Compare {
            test: upper @ (Test::Less | Test::LessEquals),
            extractor: other,
            value: to,
        },
    ] = filters.as_slice()
        && extractor == other
    {
        return Filter::Between(Box::new(Between {
            extractor: extractor.clone(),
            from: from.clone(),
            includes_from: *lower == Test::GreaterEquals,
            to: to.clone(),
            includes_to: *upper == Test::LessEquals,
        }));
    }
    Filter::all(filters)
}
