//! The filters that listeners come with.

use bytes::Bytes;
use grid_core::store::ChangeKind;
use grid_core::value::{Format, Value, from_binary};

use super::{Edge, Refusal};

/// Which changes a listener for everything wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventMask(i64);

impl EventMask {
    const INSERTED: i64 = 1;
    const UPDATED: i64 = 2;
    const DELETED: i64 = 4;
    /// An update from a matching value to a matching one; with a filter that always matches, every update.
    const UPDATED_WITHIN: i64 = 32;

    /// Every change.
    pub(crate) const ALL: EventMask = EventMask(Self::INSERTED | Self::UPDATED | Self::DELETED);

    /// Whether a change of this kind is wanted.
    #[must_use]
    pub(crate) fn wants(self, kind: ChangeKind) -> bool {
        let bits = match kind {
            ChangeKind::Insert => Self::INSERTED,
            ChangeKind::Update => Self::UPDATED | Self::UPDATED_WITHIN,
            ChangeKind::Delete => Self::DELETED,
        };
        self.0 & bits != 0
    }
}

/// Reads a listener's filter: absent, `AlwaysFilter`, or `MapEventFilter` over one of those.
///
/// # Errors
/// When it is malformed, or another filter.
pub(crate) fn event_mask(edge: &Edge, format: Format, filter: Bytes) -> Result<EventMask, Refusal> {
    // Java clients send null when they want everything.
    if filter.is_empty() || edge.is_null(format, &filter) {
        return Ok(EventMask::ALL);
    }
    if format != Format::JSON {
        return Err(Refusal::unsupported(
            "a listener with a filter that is not in JSON",
        ));
    }
    let filter: Value = from_binary(&edge.agent(filter)?)?;
    mask_of(&filter)
}

/// Whether a query's filter is absent or matches everything.
///
/// # Errors
/// When it is malformed, or another filter.
pub(crate) fn check_matches_all(edge: &Edge, format: Format, filter: Option<Bytes>) -> Result<(), Refusal> {
    let set = |filter: &Bytes| !filter.is_empty() && !edge.is_null(format, filter);
    let Some(filter) = filter.filter(set) else {
        return Ok(());
    };
    if format != Format::JSON {
        return Err(Refusal::unsupported("a query with a filter that is not in JSON"));
    }
    let filter: Value = from_binary(&edge.agent(filter)?)?;
    if is_always(&filter) {
        Ok(())
    } else {
        Err(unsupported_filter(&filter))
    }
}

fn mask_of(filter: &Value) -> Result<EventMask, Refusal> {
    if is_always(filter) {
        return Ok(EventMask::ALL);
    }
    let (Some("MapEventFilter"), Value::Object(object)) = (simple_class(filter), filter) else {
        return Err(unsupported_filter(filter));
    };
    match object.get("filter") {
        None | Some(Value::Null) => {}
        Some(inner) if is_always(inner) => {}
        Some(inner) => return Err(unsupported_filter(inner)),
    }
    match object.get("mask") {
        None | Some(Value::Null) => Ok(EventMask::ALL),
        Some(Value::Int(mask)) => Ok(EventMask(*mask)),
        Some(other) => Err(Refusal::invalid(format!(
            "the mask of a MapEventFilter is a number, not {other}"
        ))),
    }
}

fn is_always(filter: &Value) -> bool {
    simple_class(filter) == Some("AlwaysFilter")
}

/// The class without its package; the clients do not agree on that (`filter.`, `util.filter.`).
fn simple_class(filter: &Value) -> Option<&str> {
    let Value::Object(object) = filter else {
        return None;
    };
    let Some(Value::String(class)) = object.get("@class") else {
        return None;
    };
    let class = class.strip_prefix("util.").unwrap_or(class);
    class.strip_prefix("filter.")
}

fn unsupported_filter(filter: &Value) -> Refusal {
    let Value::Object(object) = filter else {
        return Refusal::invalid("a filter is a JSON object with an @class");
    };
    match object.get("@class") {
        Some(Value::String(class)) => {
            let class: String = class.chars().take(100).collect();
            Refusal::unsupported(&format!("the filter {class:?}"))
        }
        _ => Refusal::invalid("Could not deserialize the filter: it has no @class"),
    }
}
