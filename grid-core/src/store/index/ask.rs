//! What a filter asks of an index.

use std::ops::Bound;

use crate::query::{Between, Datum, Filter, LikePattern, Operand, QueryError, RegexPattern, Test};
use crate::store::index::key::{
    IndexKey, KEY_BYTES_MAX, KeyKind, is_exact, lower_bound, text_prefix, upper_bound,
};
use crate::store::index::range::KeyRange;

/// The keys of all values that a filter of one extractor may select, or fail on.
#[derive(Debug)]
pub(in crate::store) struct Ask {
    /// Ranges that do not share keys. Texts in them may be held against a [`Pattern`], too.
    pub(in crate::store) ranges: Vec<KeyRange>,
    /// Whether the filter selects every entry whose whole value has a key in the ranges, and no other value.
    pub(in crate::store) is_exact: bool,
}

/// What texts are held against.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Pattern<'f> {
    Like(&'f LikePattern),
    Regex(&'f RegexPattern),
}

impl<'f> Pattern<'f> {
    /// What a filter holds texts against, if it does, of the entries that are wanted.
    pub(in crate::store) fn of(filter: &'f Filter, wanted: bool) -> Option<Self> {
        match filter {
            Filter::Like(_, pattern) if wanted => Some(Pattern::Like(pattern)),
            Filter::Regex(_, pattern) if wanted => Some(Pattern::Regex(pattern)),
            _ => None,
        }
    }

    /// Whether a value has to be looked at.
    pub(in crate::store) fn may_be(self, key: &IndexKey) -> bool {
        key.text().is_none_or(|text| match self {
            Pattern::Like(pattern) => pattern.matches(&text),
            Pattern::Regex(pattern) => pattern.matches(&text),
        })
    }
}

/// All whole values.
fn values() -> KeyRange {
    KeyRange::kinds(KeyKind::Null.first_byte(), KeyKind::AFTER_VALUES)
}

/// Every value but null.
fn not_null() -> KeyRange {
    KeyRange::kinds(KeyKind::Bool.first_byte(), KeyKind::AFTER_VALUES)
}

impl Ask {
    /// The keys that are asked for alone.
    pub(in crate::store) fn points(&self) -> impl Iterator<Item = &[u8]> {
        self.ranges.iter().filter_map(KeyRange::as_point)
    }

    /// What a filter asks that looks at what one extractor takes. With `wanted` false: what its opposite asks.
    ///
    /// `None` when nothing can be left out, or an index knows nothing about it.
    pub(in crate::store) fn of(filter: &Filter, wanted: bool) -> Option<Self> {
        let ranges = match (filter, wanted) {
            (Filter::Compare { test, value, .. }, _) => compared(*test, value, wanted).ok()??,
            (Filter::Between(between), true) => between_ranges(between).ok()?,
            (Filter::Between(between), false) => outside(between).ok()??,
            (Filter::In(_, values), true) => points(values.iter(), IndexKey::of)?,
            (Filter::Contains(_, value), true) => points([value].into_iter(), IndexKey::of_element)?,
            (Filter::ContainsAny(_, values), true) => points(values.iter(), IndexKey::of_element)?,
            (Filter::Like(_, pattern), true) => like(pattern),
            (Filter::Regex(..), true) => vec![values()],
            _ => return None,
        };
        let whole = matches!(
            (filter, wanted),
            (
                Filter::Compare {
                    test: Test::Equals,
                    ..
                } | Filter::In(..),
                true
            )
        );
        let is_exact = whole && ranges.iter().all(|range| range.as_point().is_some_and(is_plain));
        Some(Ask { ranges, is_exact })
    }

    /// What asks for the arrays that have an element.
    pub(in crate::store) fn element(value: &Operand) -> Option<Self> {
        let ranges = points([value].into_iter(), IndexKey::of_element)?;
        let is_exact = false;
        Some(Ask { ranges, is_exact })
    }

    /// Whether a filter asks about the whole value: an entry has one of those, and several elements.
    pub(in crate::store) fn is_of_whole(filter: &Filter) -> bool {
        matches!(
            filter,
            Filter::Compare { .. }
                | Filter::Between(_)
                | Filter::In(..)
                | Filter::Like(..)
                | Filter::Regex(..)
        )
    }

    /// What is asked when this and another must both hold, of whole values.
    pub(in crate::store) fn and(self, other: Ask) -> Self {
        let ranges = KeyRange::common(self.ranges, other.ranges);
        let is_exact = false;
        Ask { ranges, is_exact }
    }
}

/// Null is not like anything; what is no text is like the text that is made of it.
fn like(pattern: &LikePattern) -> Vec<KeyRange> {
    let prefix = pattern.prefix();
    if prefix.is_empty() {
        return vec![not_null()];
    }
    let (text, last) = (KeyKind::Text.first_byte(), KeyKind::AFTER_VALUES);
    vec![
        KeyRange::kinds(KeyKind::Bool.first_byte(), text),
        KeyRange::prefix(text_prefix(&prefix)),
        KeyRange::kinds(text + 1, last),
    ]
}

/// Whether this is the key of one boolean, integer or text alone.
fn is_plain(key: &[u8]) -> bool {
    let plain = [KeyKind::Bool, KeyKind::Int, KeyKind::Text].map(KeyKind::first_byte);
    is_exact(key) && key.first().is_some_and(|kind| plain.contains(kind))
}

/// The keys of these values.
fn points<'v>(
    values: impl Iterator<Item = &'v Operand>,
    key: impl Fn(&Datum<'_>) -> Result<IndexKey, QueryError>,
) -> Option<Vec<KeyRange>> {
    let mut keys = Vec::new();
    for value in values {
        keys.push(key(value.datum()).ok()?);
    }
    // Several values may share a key.
    keys.sort_unstable_by(|left, right| left.bytes().cmp(right.bytes()));
    keys.dedup();
    Some(keys.iter().map(|key| KeyRange::point(key.bytes())).collect())
}

/// `None` when nothing can be left out.
fn compared(test: Test, value: &Operand, wanted: bool) -> Result<Option<Vec<KeyRange>>, QueryError> {
    let datum = value.datum();
    match (test, wanted) {
        (Test::Equals, true) | (Test::NotEquals, false) => {
            Ok(Some(vec![KeyRange::point(IndexKey::of(datum)?.bytes())]))
        }
        (Test::Equals, false) | (Test::NotEquals, true) => {
            let key = IndexKey::of(datum)?;
            Ok(key.is_exact().then(|| without(key.bytes())))
        }
        // Nothing is greater or less than null.
        _ if datum.is_null() => Ok(wanted.then(Vec::new)),
        _ => {
            let (above, inclusive) = match (test, wanted) {
                (Test::Greater, true) | (Test::LessEquals, false) => (true, false),
                (Test::GreaterEquals, true) | (Test::Less, false) => (true, true),
                (Test::Less, true) | (Test::GreaterEquals, false) => (false, false),
                _ => (false, true),
            };
            let limits = if above {
                (Some((datum, inclusive)), None)
            } else {
                (None, Some((datum, inclusive)))
            };
            let mut ranges = limited(limits.0, limits.1)?;
            if !wanted {
                ranges.push(KeyRange::kind(KeyKind::Null));
            }
            Ok(Some(ranges))
        }
    }
}

/// All values but one.
fn without(key: &[u8]) -> Vec<KeyRange> {
    let KeyRange { from, to } = values();
    let before = KeyRange {
        from,
        to: Bound::Excluded(key.to_vec()),
    };
    let after = KeyRange {
        from: Bound::Excluded(key.to_vec()),
        to,
    };
    vec![before, after]
}

type Limit<'d> = Option<(&'d Datum<'static>, bool)>;

/// The values but null that are not proven to be outside of these limits: those of another kind have no order with
/// them, and are errors.
fn limited(lower: Limit<'_>, upper: Limit<'_>) -> Result<Vec<KeyRange>, QueryError> {
    let kind_of = |limit: &Limit<'_>| {
        limit
            .map(|(datum, _)| KeyKind::of(datum))
            .filter(|kind| kind.is_ordered())
    };
    let (lower_kind, upper_kind) = (kind_of(&lower), kind_of(&upper));
    let mut ranges = Vec::new();
    let mut open = KeyKind::Bool.first_byte();
    let mut kinds: Vec<_> = lower_kind.into_iter().chain(upper_kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let first = kind.first_byte();
        if open < first {
            ranges.push(KeyRange::kinds(open, first));
        }
        open = first + 1;
        let mut range = KeyRange::kind(kind);
        if let Some((datum, inclusive)) = lower.filter(|_| lower_kind == Some(kind)) {
            range.from = bound(lower_bound(datum)?, inclusive);
        }
        if let Some((datum, inclusive)) = upper.filter(|_| upper_kind == Some(kind)) {
            range.to = bound(upper_bound(datum)?, inclusive);
        }
        ranges.push(range);
    }
    ranges.push(KeyRange::kinds(open, KeyKind::AFTER_VALUES));
    Ok(ranges)
}

/// A limit that leaves its own value out only where the key of that value is of no other. (The bounds of decimals are
/// outside of the keys of their values, so that nothing is left out.)
fn bound(key: Vec<u8>, inclusive: bool) -> Bound<Vec<u8>> {
    if inclusive || key.len() >= KEY_BYTES_MAX {
        Bound::Included(key)
    } else {
        Bound::Excluded(key)
    }
}

fn between_ranges(between: &Between) -> Result<Vec<KeyRange>, QueryError> {
    let (from, to) = (between.from.datum(), between.to.datum());
    if from.is_null() || to.is_null() {
        return Ok(Vec::new());
    }
    limited(
        Some((from, between.includes_from)),
        Some((to, between.includes_to)),
    )
}

/// What is not proven to lie between two values. `None` when that may be anything.
fn outside(between: &Between) -> Result<Option<Vec<KeyRange>>, QueryError> {
    let (from, to) = (between.from.datum(), between.to.datum());
    let kind = KeyKind::of(from);
    if kind != KeyKind::of(to) || !kind.is_ordered() {
        return Ok(None);
    }
    // Values that are equal to a limit are looked at: so nothing depends on which limits are included.
    let (below, above) = (upper_bound(from)?, lower_bound(to)?);
    if below >= above {
        return Ok(None);
    }
    let KeyRange { from, to } = values();
    let below = KeyRange {
        from,
        to: Bound::Included(below),
    };
    let above = KeyRange {
        from: Bound::Included(above),
        to,
    };
    Ok(Some(vec![below, above]))
}
