//! Whether an index with a condition has every entry that a filter needs.

use crate::query::{Extractor, Filter, Test, compare};
use crate::store::index::definition::same;
use crate::store::index::effort::Effort;

/// Whether a filter that stands for "all of these" selects, and fails on, no entry for which a condition is false.
///
/// Not every condition that follows is seen to follow: those are that are the same, what cannot be null, and narrower
/// limits of one kind.
/// Takes a step for each filter that is compared with a part of the condition; where too few are left it says no.
pub(in crate::store) fn implied(condition: &Filter, known: &[&Filter], effort: &Effort) -> bool {
    match condition {
        Filter::Always | Filter::Present => effort.take(1).is_some(),
        Filter::All(parts) => parts.iter().all(|part| implied(part, known, effort)),
        _ => effort.take(known.len()).is_some() && known.iter().any(|filter| implies(filter, condition)),
    }
}

fn implies(filter: &Filter, condition: &Filter) -> bool {
    if filter == condition {
        return true;
    }
    let Filter::Compare {
        test,
        extractor,
        value: limit,
    } = condition
    else {
        return false;
    };
    if *test == Test::NotEquals && limit.datum().is_null() {
        return needs_value(filter, extractor);
    }
    match filter {
        Filter::Compare {
            test: other,
            extractor: of,
            value,
        } if same(of, extractor) => narrower(*other, *test).is_some_and(|strictly| {
            compare(value.datum(), limit.datum()).is_ok_and(|order| {
                let order = if matches!(test, Test::Less | Test::LessEquals) {
                    order.reverse()
                } else {
                    order
                };
                order.is_gt() || (order.is_eq() && !strictly)
            })
        }),
        _ => false,
    }
}

/// Whether a test may be narrower than a condition; with `true` when their limits must differ.
fn narrower(test: Test, condition: Test) -> Option<bool> {
    match (test, condition) {
        (Test::Greater, Test::Greater | Test::GreaterEquals)
        | (Test::GreaterEquals, Test::GreaterEquals)
        | (Test::Less, Test::Less | Test::LessEquals)
        | (Test::LessEquals, Test::LessEquals) => Some(false),
        (Test::GreaterEquals, Test::Greater) | (Test::LessEquals, Test::Less) => Some(true),
        _ => None,
    }
}

/// Whether a filter is false where what this extractor takes is null.
fn needs_value(filter: &Filter, extractor: &Extractor) -> bool {
    let of = match filter {
        Filter::Compare { test, value, .. } => match test {
            Test::Equals => !value.datum().is_null(),
            Test::NotEquals => value.datum().is_null(),
            _ => true,
        },
        Filter::In(_, values) => values.iter().all(|value| !value.datum().is_null()),
        Filter::Between(_)
        | Filter::Like(..)
        | Filter::Contains(..)
        | Filter::ContainsAll(..)
        | Filter::ContainsAny(..) => true,
        _ => false,
    };
    of && filter.extractor().is_some_and(|other| same(other, extractor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::field;

    fn implied(condition: &Filter, known: &[&Filter]) -> bool {
        super::implied(condition, known, &Effort::worth(0, 1))
    }

    #[test]
    fn what_takes_too_long_is_not_seen() {
        let adult = field("age").ge(18);
        let other = field("size").ge(18);
        let mut known = vec![&adult];
        known.resize(600, &other);
        let twice = Filter::All(vec![adult.clone(), adult.clone()]);
        assert!(implied(&adult, &known));
        assert!(!implied(&twice, &known));
    }

    #[test]
    fn what_follows_is_seen_where_it_is_simple() {
        let adult = field("age").ge(18);
        let yes = [
            field("age").ge(18),
            field("age").gt(18),
            field("age").ge(30),
            field("age").gt(30),
        ];
        for filter in &yes {
            assert!(implied(&adult, &[filter]), "{filter}");
        }
        let no = [
            field("age").gt(17),
            field("age").lt(30),
            field("age").eq(30),
            field("age").ge(18.5),
            field("size").ge(18),
            field("age").is_not_null(),
        ];
        for filter in &no {
            assert!(!implied(&adult, &[filter]), "{filter}");
        }
        assert!(!implied(&field("age").gt(18), &[&field("age").ge(18)]));
        assert!(implied(&field("age").lt(18), &[&field("age").le(17)]));
        assert!(!implied(&field("age").lt(18), &[&field("age").le(18)]));
        assert!(implied(
            &adult.clone().and(field("x").eq(1)),
            &[&adult, &field("x").eq(1)]
        ));
        assert!(!implied(&adult.clone().and(field("x").eq(1)), &[&adult]));
    }

    #[test]
    fn what_needs_a_value_has_one() {
        let there = field("age").is_not_null();
        for filter in [
            field("age").eq(1),
            field("age").lt(1),
            field("age").like("%"),
            field("age").contains(1),
        ] {
            assert!(implied(&there, &[&filter]), "{filter}");
        }
        for filter in [
            field("age").is_null(),
            field("age").ne(1),
            field("x").eq(1),
            Filter::Always,
        ] {
            assert!(!implied(&there, &[&filter]), "{filter}");
        }
        assert!(implied(&Filter::Always, &[]));
    }
}
