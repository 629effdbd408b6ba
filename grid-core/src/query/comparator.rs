//! Comparators: the order of what is answered.

use std::cmp::Ordering;

use super::agent::{Node, ObjectWriter, Tree, WriteAgent, check_depth, extractor};
use super::{AgentError, Datum, Extracted, Extractor, QueryEntry, QueryError, compare};

/// An order of values.
///
/// Null comes first, and is equal to null; the inverse of an order has it last. Values of one type are in the order of
/// [`compare`]; values of two types have none, as in the reference, and sorting them is an error.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Comparator {
    /// The order of the values themselves.
    Natural,
    /// The order of what is extracted from them.
    Extractor(Extractor),
    /// Null first; the rest by another order.
    Safe(Box<Comparator>),
    /// Another order backwards.
    Inverse(Box<Comparator>),
    /// The first of these in which the values differ.
    Chained(Vec<Comparator>),
}

impl Comparator {
    /// By a property, by a path of names with dots between them.
    #[must_use]
    pub fn by(path: &str) -> Self {
        Comparator::Extractor(Extractor::path(path))
    }

    /// The same order backwards.
    #[must_use]
    pub fn inverse(self) -> Self {
        Comparator::Inverse(Box::new(self))
    }

    /// Reads a comparator as clients send it. The text `null` means the natural order.
    ///
    /// # Errors
    /// As [`Filter::from_json`](super::Filter::from_json).
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        let tree = Tree::read(text)?;
        if tree.root().is_null() {
            return Ok(Comparator::Natural);
        }
        comparator(tree.root(), 0)
    }

    /// Writes the comparator in the one form.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        self.write_agent(&mut out)?;
        Ok(out)
    }

    /// The order as columns, to make keys of values by.
    #[must_use]
    pub fn order(&self) -> Order {
        let mut columns = Vec::new();
        self.columns(false, &mut columns);
        Order { columns }
    }

    fn columns(&self, inverse: bool, columns: &mut Vec<Column>) {
        match self {
            Comparator::Natural => columns.push(Column {
                extractor: Extractor::Identity,
                inverse,
            }),
            Comparator::Extractor(extractor) => columns.push(Column {
                extractor: extractor.clone(),
                inverse,
            }),
            // Null is first in every order here.
            Comparator::Safe(inner) => inner.columns(inverse, columns),
            Comparator::Inverse(inner) => inner.columns(!inverse, columns),
            Comparator::Chained(inner) => {
                for comparator in inner {
                    comparator.columns(inverse, columns);
                }
            }
        }
    }

    /// Whether it is an order of keys too, so that only entries with their keys can be sorted.
    #[must_use]
    pub fn wants_keys(&self) -> bool {
        match self {
            Comparator::Natural => false,
            Comparator::Extractor(extractor) => extractor.wants_key(),
            Comparator::Safe(inner) | Comparator::Inverse(inner) => inner.wants_keys(),
            Comparator::Chained(inner) => inner.iter().any(Comparator::wants_keys),
        }
    }

    /// Sorts entries that are given by a function. Equal ones stay in their order. What is extracted is taken from the
    /// entry, so that an order may be one of keys; everything else is an order of values.
    ///
    /// # Errors
    /// When something cannot be extracted, or two values have no order between them; then nothing is moved.
    pub fn sort<T>(
        &self,
        values: &mut Vec<T>,
        entry_of: impl for<'v> Fn(&'v T) -> QueryEntry<'v>,
    ) -> Result<(), QueryError> {
        let order = self.order();
        let mut kinds = order.kinds();
        let mut keys = Vec::with_capacity(values.len());
        for value in values.iter() {
            let key = order.key_of_entry(&entry_of(value))?.into_owned();
            keys.push(key);
        }
        // One value needs no order, and may have none.
        if keys.len() > 1 {
            for key in &keys {
                kinds.admit(key)?;
            }
        }
        let mut paired: Vec<_> = keys.into_iter().zip(values.drain(..)).collect();
        paired.sort_by(|(left, _), (right, _)| order.compare(left, right));
        values.extend(paired.into_iter().map(|(_, value)| value));
        Ok(())
    }
}

/// A comparator as a list of columns, each ascending or descending.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq)]
struct Column {
    extractor: Extractor,
    inverse: bool,
}

/// What a value is ordered by: one datum a column.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey<'a>(Vec<Datum<'a>>);

impl<'a> SortKey<'a> {
    /// The key of these data, one a column.
    pub(crate) fn of(data: Vec<Datum<'a>>) -> Self {
        SortKey(data)
    }

    /// What the key is made of, one a column.
    pub(crate) fn data(&self) -> &[Datum<'a>] {
        &self.0
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let beside = |datum: &Datum<'_>| match datum {
            Datum::Text(text) => text.len(),
            Datum::Array(text) | Datum::Object(text) => text.len(),
            Datum::BigInt(number) => usize::try_from(number.bits() / 8).unwrap_or(usize::MAX),
            Datum::Decimal(number) => usize::try_from(number.digits() / 2).unwrap_or(usize::MAX),
            _ => 0,
        };
        let own = size_of::<Datum<'_>>();
        self.0.iter().map(|datum| own + beside(datum)).sum()
    }

    /// The key on its own.
    #[must_use]
    pub fn into_owned(self) -> SortKey<'static> {
        SortKey(self.0.into_iter().map(Datum::into_owned).collect())
    }
}

impl Order {
    /// An order of keys that are made by [`SortKey::of`]: of each column whether it is descending.
    pub(crate) fn of_directions(descending: impl IntoIterator<Item = bool>) -> Self {
        let columns = descending.into_iter().map(|inverse| Column {
            extractor: Extractor::Identity,
            inverse,
        });
        Order {
            columns: columns.collect(),
        }
    }

    /// The key of a value.
    ///
    /// # Errors
    /// When something cannot be extracted.
    pub fn key<'a>(&self, value: Extracted<'a>) -> Result<SortKey<'a>, QueryError> {
        let room = value.room();
        let keys: Result<_, _> = self
            .columns
            .iter()
            .map(|column| column.extractor.take_from(value.clone(), &room)?.into_datum())
            .collect();
        keys.map(SortKey)
    }

    /// The key of an entry, of which columns may take the key.
    ///
    /// # Errors
    /// When something cannot be extracted.
    pub fn key_of_entry<'a>(&self, entry: &QueryEntry<'a>) -> Result<SortKey<'a>, QueryError> {
        let columns = self.columns.iter();
        let keys: Result<_, _> = columns.map(|column| column.extractor.datum(entry)).collect();
        keys.map(SortKey)
    }

    /// The order of two keys that were admitted to one [`Kinds`]. Others are equal where they have no order.
    #[must_use]
    pub fn compare(&self, left: &SortKey<'_>, right: &SortKey<'_>) -> Ordering {
        for (column, (left, right)) in self.columns.iter().zip(left.0.iter().zip(&right.0)) {
            let order = match (left.is_null(), right.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => compare(left, right).unwrap_or(Ordering::Equal),
            };
            if order.is_ne() {
                return if column.inverse { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    }

    /// The kinds of values before any was seen.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        Kinds(vec![Datum::Null; self.columns.len()])
    }
}

/// The kind of value that each column has.
///
/// Sorting wants an order that is total: so each key is admitted first, and those that are have an order.
#[derive(Clone, Debug)]
pub struct Kinds(Vec<Datum<'static>>);

impl Kinds {
    /// A key of these kinds.
    pub(crate) fn to_key(&self) -> SortKey<'static> {
        SortKey(self.0.clone())
    }

    /// Takes a key whose kinds of values are those seen before.
    ///
    /// # Errors
    /// When a value has no order, or none with the values before.
    pub fn admit(&mut self, key: &SortKey<'_>) -> Result<(), QueryError> {
        for (seen, datum) in self.0.iter_mut().zip(&key.0) {
            if datum.is_null() {
                continue;
            }
            if seen.is_null() {
                compare(datum, datum)?;
                *seen = datum.clone().into_owned();
            } else {
                compare(datum, seen)?;
            }
        }
        Ok(())
    }
}

/// Reads a comparator that stands in so many agents.
pub(crate) fn comparator(node: Node<'_>, depth: usize) -> Result<Comparator, AgentError> {
    check_depth(depth)?;
    let expected = "a comparator";
    let class = node.expect_class(expected)?;
    let inner = |depth| match node.get("comparator") {
        Some(inner) => comparator(inner, depth),
        None => check_depth(depth).map(|()| Comparator::Natural),
    };
    Ok(match class.as_ref() {
        "comparator.ExtractorComparator" => {
            Comparator::Extractor(extractor(node.need("extractor")?, depth + 1)?)
        }
        // Without another order it is the natural one.
        "comparator.SafeComparator" if node.get("comparator").is_none() => Comparator::Natural,
        "comparator.SafeComparator" => Comparator::Safe(Box::new(inner(depth + 1)?)),
        "comparator.InverseComparator" => Comparator::Inverse(Box::new(inner(depth + 1)?)),
        "comparator.ChainedComparator" => {
            let mut comparators = Vec::new();
            for inner in node.need_elements("comparators")? {
                comparators.push(comparator(inner, depth + 1)?);
            }
            Comparator::Chained(comparators)
        }
        // Two of the clients send an extractor where they mean the order of what it extracts.
        class if class.starts_with("extractor.") => Comparator::Extractor(extractor(node, depth + 1)?),
        _ => return Err(node.unknown(expected)),
    })
}

impl WriteAgent for Comparator {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            // An inverse or safe comparator of nothing is the natural order.
            Comparator::Natural => ObjectWriter::new("comparator.SafeComparator", out).end(),
            Comparator::Extractor(extractor) => ObjectWriter::new("comparator.ExtractorComparator", out)
                .agent("extractor", extractor)?
                .end(),
            Comparator::Safe(inner) => ObjectWriter::new("comparator.SafeComparator", out)
                .agent("comparator", inner.as_ref())?
                .end(),
            Comparator::Inverse(inner) => ObjectWriter::new("comparator.InverseComparator", out)
                .agent("comparator", inner.as_ref())?
                .end(),
            Comparator::Chained(inner) => ObjectWriter::new("comparator.ChainedComparator", out)
                .agents("comparators", inner)?
                .end(),
        }
        Ok(())
    }
}
