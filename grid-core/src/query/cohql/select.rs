//! Trees of statements into queries.

use super::bindings::Bindings;
use super::condition::{Scope, expected};
use super::error::{CohqlErrorKind, Fault};
use super::parser::Parsed;
use super::path::Item;
use super::query::{Column, Query, Selection, Sort};
use super::span::Span;
use super::syntax::{Expression, OrderSyntax, SelectSyntax};
use crate::query::agent::{EXTRACTORS_MAX, Patterns};
use crate::query::{Aggregator, Extractor, Filter};

/// The query that a `select` means.
pub(super) fn query(select: &SelectSyntax, text: &str, bindings: &Bindings) -> Parsed<Query> {
    let alias = select.alias.as_deref();
    let scope = Scope {
        alias,
        bindings,
        patterns: &Patterns::new(),
    };
    let filter = match &select.condition {
        Some(condition) => scope.condition(condition)?,
        None => Filter::Always,
    };
    let mut builder = Builder {
        scope,
        extractors: Vec::new(),
        aggregators: Vec::new(),
    };
    let (selection, columns, sorts) = match &select.items {
        None => builder.entries(select)?,
        Some(items) if matches!(items.as_slice(), [item] if scope.is_alias(item)) => {
            builder.entries(select)?
        }
        Some(items) => builder.items(select, items, text)?,
    };
    Ok(Query {
        cache: select.cache.clone(),
        filter,
        selection,
        distinct: select.distinct && selection != Selection::Entries,
        columns,
        sorts,
        extractors: builder.extractors,
        aggregators: builder.aggregators,
    })
}

/// What is extracted and computed, each once.
#[derive(Debug)]
struct Builder<'s> {
    scope: Scope<'s>,
    extractors: Vec<Extractor>,
    aggregators: Vec<Aggregator>,
}

type Shape = (Selection, Vec<Column>, Vec<Sort>);

impl Builder<'_> {
    /// Whole entries: the key, the value, and what they are ordered by.
    fn entries(&mut self, select: &SelectSyntax) -> Parsed<Shape> {
        if let Some(group) = select.groups.first() {
            return Err(expected(
                "columns to select beside `group by`, and no groups",
                group,
            ));
        }
        let key = Extractor::Key(Box::new(Extractor::Identity));
        self.extractors = vec![key, Extractor::Identity];
        let columns = ["key", "value"].into_iter().enumerate();
        let columns = columns.map(|(index, name)| Column {
            name: name.to_owned(),
            index,
        });
        let sorts = self.sorts(&select.order, Grouping::None)?;
        Ok((Selection::Entries, columns.collect(), sorts))
    }

    fn items(&mut self, select: &SelectSyntax, items: &[Expression], text: &str) -> Parsed<Shape> {
        check_count(items.iter().map(|item| item.span))?;
        check_count(select.groups.iter().map(|group| group.span))?;
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            found.push(self.scope.item(item)?);
        }
        let is_grouped = !select.groups.is_empty() || found.iter().any(is_aggregator);
        if is_grouped {
            self.groups(&select.groups, &found)?;
        }
        let grouping = match (is_grouped, select.distinct) {
            (true, _) => Grouping::Groups,
            (false, true) => Grouping::Distinct,
            (false, false) => Grouping::None,
        };
        let mut columns = Vec::with_capacity(items.len());
        for (item, found) in items.iter().zip(&found) {
            let index = match (found, is_grouped) {
                (Item::Extractor(extractor), true) => self.find_extractor(extractor),
                (Item::Extractor(extractor), false) => Some(self.add_extractor(extractor)),
                (Item::Aggregator(aggregator), _) => Some(self.add_aggregator(aggregator)),
            };
            columns.push(Column {
                name: text
                    .get(item.span.start..item.span.end)
                    .unwrap_or_default()
                    .to_owned(),
                index: index.ok_or_else(|| Fault::new(CohqlErrorKind::NotGrouped, item.span))?,
            });
        }
        let sorts = self.sorts(&select.order, grouping)?;
        let selection = match found.pop() {
            _ if is_grouped => Selection::Aggregates,
            Some(only) if found.is_empty() => Selection::from(only),
            _ => Selection::Extractors,
        };
        Ok((selection, columns, sorts))
    }

    /// What the groups are by: what is written, or the columns that are no aggregates, as in the reference.
    fn groups(&mut self, groups: &[Expression], columns: &[Item]) -> Parsed<()> {
        for group in groups {
            let extractor = self.scope.property(group)?;
            self.add_extractor(&extractor);
        }
        if groups.is_empty() {
            for column in columns {
                if let Item::Extractor(extractor) = column {
                    self.add_extractor(extractor);
                }
            }
        }
        Ok(())
    }

    fn sorts(&mut self, order: &[OrderSyntax], grouping: Grouping) -> Parsed<Vec<Sort>> {
        check_count(order.iter().map(|part| part.by.span))?;
        let mut sorts = Vec::with_capacity(order.len());
        for part in order {
            let index = match (self.scope.item(&part.by)?, grouping) {
                (Item::Extractor(extractor), Grouping::None) => Some(self.add_extractor(&extractor)),
                (Item::Extractor(extractor), _) => self.find_extractor(&extractor),
                (Item::Aggregator(aggregator), Grouping::Groups) => Some(self.add_aggregator(&aggregator)),
                (Item::Aggregator(_), _) => None,
            };
            let by = grouping.ordered_by();
            let not_ordered = || Fault::new(CohqlErrorKind::NotOrdered { by }, part.by.span);
            sorts.push(Sort {
                index: index.ok_or_else(not_ordered)?,
                descending: part.descending,
            });
        }
        // What is written is limited, and so is what is extracted for it together.
        match order.last() {
            Some(last) if self.extractors.len() > EXTRACTORS_MAX => Err(too_many(last.by.span)),
            _ => Ok(sorts),
        }
    }

    fn find_extractor(&self, wanted: &Extractor) -> Option<usize> {
        self.extractors.iter().position(|extractor| extractor == wanted)
    }

    fn add_extractor(&mut self, extractor: &Extractor) -> usize {
        self.find_extractor(extractor).unwrap_or_else(|| {
            self.extractors.push(extractor.clone());
            self.extractors.len() - 1
        })
    }

    /// The place of an aggregator, after the extractors, of which no more come.
    fn add_aggregator(&mut self, wanted: &Aggregator) -> usize {
        let known = self
            .aggregators
            .iter()
            .position(|aggregator| aggregator == wanted);
        let place = known.unwrap_or_else(|| {
            self.aggregators.push(wanted.clone());
            self.aggregators.len() - 1
        });
        self.extractors.len() + place
    }
}

/// How rows come about, which says what they can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    /// One row for each entry.
    None,
    /// One row for each value of all columns.
    Distinct,
    /// One row for each group.
    Groups,
}

impl Grouping {
    fn ordered_by(self) -> &'static str {
        match self {
            Grouping::None => "what is taken from an entry",
            Grouping::Distinct => "the columns, because they are distinct",
            Grouping::Groups => "what the groups are by, and by aggregates",
        }
    }
}

fn is_aggregator(item: &Item) -> bool {
    matches!(item, Item::Aggregator(_))
}

/// Refuses a list of too many expressions, at the first one too many.
fn check_count(mut spans: impl Iterator<Item = Span>) -> Parsed<()> {
    match spans.nth(EXTRACTORS_MAX) {
        Some(span) => Err(too_many(span)),
        None => Ok(()),
    }
}

fn too_many(span: Span) -> Box<Fault> {
    let (what, max) = ("columns", EXTRACTORS_MAX);
    Fault::new(CohqlErrorKind::TooMany { what, max }, span)
}
