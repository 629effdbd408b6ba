//! What an aggregator makes of the entries of a partition.

use indexmap::IndexMap;
use indexmap::map::Entry;

use super::keeping::{Keeping, Kept};
use super::nearest::NearestState;
use super::number::NumberState;
use super::own::OwnRun;
use super::sorted::SortedState;
use super::top::TopState;
use super::{Aggregator, Extractor};
use crate::query::agent::write_array;
use crate::query::{Datum, Elements, Extracted, Filter, QueryEntry, QueryError, compare};
use crate::value::{Binary, Format};

/// What a list or a table takes for an element, beside its bytes.
const ELEMENT_BYTES: usize = 96;

/// An aggregator at work on the entries of a partition, or on what other accumulators made.
#[derive(Debug)]
pub struct Accumulator<'q> {
    part: Part<'q>,
    kept: Kept,
}

/// An aggregator at work, or one of those that one is made of.
#[derive(Debug)]
struct Part<'q> {
    aggregator: &'q Aggregator,
    state: State<'q>,
}

#[derive(Debug)]
enum State<'q> {
    Count(u64),
    Number(NumberState),
    /// The JSON text of the extreme, and its value.
    Extreme(Option<(Vec<u8>, Datum<'static>)>),
    /// JSON texts by canonical form, in the order in which they came.
    Distinct(IndexMap<Vec<u8>, Vec<u8>>),
    Top(TopState),
    Nearest(NearestState),
    /// By the canonical form of the group: its JSON text, and what was made of it.
    Groups(IndexMap<Vec<u8>, (Vec<u8>, Part<'q>)>),
    /// JSON texts of keys and of what was extracted.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>),
    Composite(Vec<Part<'q>>),
    Sorted(SortedState),
    Own(OwnRun),
}

impl<'q> Accumulator<'q> {
    pub(super) fn new(aggregator: &'q Aggregator, keeping: &Keeping) -> Self {
        Accumulator {
            part: Part::new(aggregator),
            kept: keeping.nothing(),
        }
    }

    /// Takes an entry in.
    ///
    /// # Errors
    /// When something cannot be extracted, is no number where one is needed, or has no order with what came before; and
    /// [`QueryError::TooMuch`]. The accumulator is of no use after that.
    pub fn accumulate(&mut self, entry: &QueryEntry<'_>) -> Result<(), QueryError> {
        self.part.accumulate(entry, &mut self.kept)
    }

    /// What was made so far, as JSON that [`Accumulator::combine`] reads.
    ///
    /// # Errors
    /// When a number cannot be written.
    pub fn partial(mut self) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        self.part.write_partial(&mut out)?;
        Ok(out)
    }

    /// Takes in what another accumulator of the same aggregator made.
    ///
    /// # Errors
    /// When the bytes are not what such an accumulator writes, or values of the two have no order between them; and
    /// [`QueryError::TooMuch`].
    pub fn combine(&mut self, partial: &[u8]) -> Result<(), QueryError> {
        self.part.combine(partial, &mut self.kept)
    }

    /// The answer.
    ///
    /// # Errors
    /// When a number cannot be written or is too large, or the filter of a group cannot be evaluated on its answer.
    pub fn finish(mut self) -> Result<Binary, QueryError> {
        let mut out = Vec::new();
        self.part.write_answer(&mut out)?;
        Ok(Binary::new(Format::JSON, out.into()))
    }
}

impl<'q> Part<'q> {
    fn new(aggregator: &'q Aggregator) -> Self {
        let state = match aggregator {
            Aggregator::Count | Aggregator::Record(_) | Aggregator::Indexes { .. } => State::Count(0),
            Aggregator::Number(operation, _) => State::Number(NumberState::new(*operation)),
            Aggregator::Min(_) | Aggregator::Max(_) => State::Extreme(None),
            Aggregator::Distinct(_) => State::Distinct(IndexMap::new()),
            Aggregator::Top {
                results, comparator, ..
            } => State::Top(TopState::new(*results, comparator)),
            Aggregator::Similar(search) => State::Nearest(NearestState::new(search.results)),
            Aggregator::Group { .. } => State::Groups(IndexMap::new()),
            Aggregator::Reducer(_) => State::Pairs(Vec::new()),
            Aggregator::Composite(inner) => State::Composite(inner.iter().map(Part::new).collect()),
            Aggregator::Sorted(wanted) => State::Sorted(SortedState::new(wanted)),
            Aggregator::Own(own) => State::Own(own.run()),
        };
        Part { aggregator, state }
    }

    fn accumulate(&mut self, entry: &QueryEntry<'_>, kept: &mut Kept) -> Result<(), QueryError> {
        match (&mut self.state, self.aggregator) {
            (State::Count(count), _) => *count += 1,
            (State::Number(state), Aggregator::Number(_, extractor)) => {
                state.add(&extractor.extract(entry)?.into_datum()?)?;
            }
            (State::Extreme(extreme), Aggregator::Min(extractor)) => {
                take_extreme(extreme, &extractor.extract(entry)?, false)?;
            }
            (State::Extreme(extreme), Aggregator::Max(extractor)) => {
                take_extreme(extreme, &extractor.extract(entry)?, true)?;
            }
            (State::Distinct(texts), Aggregator::Distinct(extractor)) => {
                take_distinct(texts, &extractor.extract(entry)?, kept)?;
            }
            (State::Top(state), Aggregator::Top { extractor, .. }) => {
                state.add(extractor.extract(entry)?, kept)?;
            }
            (State::Nearest(state), Aggregator::Similar(search)) => state.add(search, entry)?,
            (
                State::Groups(groups),
                Aggregator::Group {
                    extractor,
                    aggregator,
                    ..
                },
            ) => {
                let group = group_of(groups, aggregator, &extractor.extract(entry)?, kept)?;
                group.accumulate(entry, kept)?;
            }
            (State::Pairs(pairs), Aggregator::Reducer(extractor)) => {
                take_pair(pairs, pair(entry, extractor)?, kept)?;
            }
            (State::Composite(inner), _) => {
                for accumulator in inner {
                    accumulator.accumulate(entry, kept)?;
                }
            }
            (State::Sorted(state), _) => state.add(entry, kept)?,
            (State::Own(run), _) => run.accumulate(entry)?,
            _ => {}
        }
        Ok(())
    }

    fn write_partial(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match &mut self.state {
            State::Count(count) => count_of(*count).write(out)?,
            State::Number(state) => state.partial(out)?,
            State::Extreme(extreme) => {
                let text = extreme.as_ref().map(|(text, _)| text.as_slice());
                write_texts(text, out)?;
            }
            State::Distinct(texts) => write_texts(texts.values().map(Vec::as_slice), out)?,
            State::Top(state) => state.write(out),
            State::Nearest(state) => state.write(out)?,
            State::Groups(groups) => {
                write_array(groups.values_mut(), out, |(text, accumulator), out| {
                    out.push(b'[');
                    out.extend_from_slice(text);
                    out.push(b',');
                    accumulator.write_partial(out)?;
                    out.push(b']');
                    Ok(())
                })?;
            }
            State::Pairs(pairs) => {
                let texts = pairs.iter().flat_map(|(key, value)| [key, value]);
                write_texts(texts.map(Vec::as_slice), out)?;
            }
            State::Composite(inner) => {
                write_array(inner, out, |accumulator, out| accumulator.write_partial(out))?;
            }
            State::Sorted(state) => state.write(out)?,
            State::Own(run) => run.partial(out)?,
        }
        Ok(())
    }

    fn combine(&mut self, partial: &[u8], kept: &mut Kept) -> Result<(), QueryError> {
        let bad = QueryError::BadPartial {
            aggregator: self.aggregator.class(),
        };
        match (&mut self.state, self.aggregator) {
            (State::Count(count), _) => {
                let Datum::Int(more) = Datum::read(partial)? else {
                    return Err(bad);
                };
                let more = u64::try_from(more).map_err(|_negative| bad.clone())?;
                *count = count.checked_add(more).ok_or(bad)?;
            }
            (State::Number(state), _) => state.combine(partial)?,
            (State::Extreme(extreme), aggregator) => {
                let greatest = matches!(aggregator, Aggregator::Max(_));
                for text in Elements::new(partial) {
                    take_extreme(extreme, &Extracted::Json(text?), greatest)?;
                }
            }
            (State::Distinct(texts), _) => {
                for text in Elements::new(partial) {
                    take_distinct(texts, &Extracted::Json(text?), kept)?;
                }
            }
            (State::Top(state), _) => state.combine(partial, kept)?,
            (State::Nearest(state), _) => state.combine(partial, &bad)?,
            (State::Groups(groups), Aggregator::Group { aggregator, .. }) => {
                for pair in Elements::new(partial) {
                    let parts: Result<Vec<_>, _> = Elements::new(pair?).collect();
                    let [text, inner] = <[&[u8]; 2]>::try_from(parts?).map_err(|_other| bad.clone())?;
                    group_of(groups, aggregator, &Extracted::Json(text), kept)?.combine(inner, kept)?;
                }
            }
            (State::Pairs(pairs), _) => {
                let mut texts = Elements::new(partial);
                while let Some(key) = texts.next() {
                    let value = texts.next().ok_or_else(|| bad.clone())?;
                    take_pair(pairs, (key?.to_vec(), value?.to_vec()), kept)?;
                }
            }
            (State::Composite(inner), _) => {
                let parts: Result<Vec<_>, _> = Elements::new(partial).collect();
                let parts = parts?;
                if parts.len() != inner.len() {
                    return Err(bad);
                }
                for (accumulator, part) in inner.iter_mut().zip(parts) {
                    accumulator.combine(part, kept)?;
                }
            }
            (State::Sorted(state), _) => state.combine(partial, kept)?,
            (State::Own(run), _) => run.combine(partial)?,
            _ => return Err(bad),
        }
        Ok(())
    }

    fn write_answer(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match &mut self.state {
            State::Number(state) => state.clone().finish()?.write(out)?,
            State::Extreme(extreme) => {
                let text = extreme.as_ref().map(|(text, _)| text.as_slice());
                out.extend_from_slice(text.unwrap_or(b"null"));
            }
            State::Groups(groups) => {
                let filter = match self.aggregator {
                    Aggregator::Group { filter, .. } => filter.as_deref(),
                    _ => None,
                };
                let mut answers = Vec::with_capacity(groups.len());
                for (text, accumulator) in groups.values_mut() {
                    let mut answer = Vec::new();
                    accumulator.write_answer(&mut answer)?;
                    if keeps(filter, &answer)? {
                        answers.push((text.as_slice(), answer));
                    }
                }
                let answers = answers.iter().map(|(text, answer)| (*text, answer.as_slice()));
                write_map(answers, out);
            }
            State::Pairs(pairs) => {
                write_map(pairs.iter().map(|(key, value)| (&key[..], &value[..])), out);
            }
            State::Composite(inner) => {
                write_array(inner, out, |accumulator, out| accumulator.write_answer(out))?;
            }
            State::Own(run) => run.finish(out)?,
            State::Count(_) | State::Distinct(_) | State::Top(_) | State::Nearest(_) | State::Sorted(_) => {
                self.write_partial(out)?
            }
        }
        Ok(())
    }
}

fn keeps(filter: Option<&Filter>, answer: &[u8]) -> Result<bool, QueryError> {
    filter.map_or(Ok(true), |filter| {
        filter.evaluate_extracted(&Extracted::Json(answer))
    })
}

fn count_of(count: u64) -> Datum<'static> {
    Datum::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn pair(entry: &QueryEntry<'_>, extractor: &Extractor) -> Result<(Vec<u8>, Vec<u8>), QueryError> {
    let value = extractor.extract(entry)?;
    Ok((entry.key()?.to_vec(), value.json()?.into_owned()))
}

fn take_extreme(
    extreme: &mut Option<(Vec<u8>, Datum<'static>)>,
    value: &Extracted<'_>,
    greatest: bool,
) -> Result<(), QueryError> {
    let datum = value.datum()?;
    if datum.is_null() {
        return Ok(());
    }
    let better = match extreme {
        // A value that has no order at all is found out at once.
        None => compare(&datum, &datum).map(|_equal| true)?,
        Some((_, before)) => {
            let order = compare(&datum, before)?;
            if greatest { order.is_gt() } else { order.is_lt() }
        }
    };
    if better {
        *extreme = Some((value.json()?.into_owned(), datum.into_owned()));
    }
    Ok(())
}

/// Keeps what an element of this many bytes takes.
fn keep(bytes: usize, kept: &mut Kept) -> Result<(), QueryError> {
    kept.grow(bytes.saturating_add(ELEMENT_BYTES))
}

fn take_pair(
    pairs: &mut Vec<(Vec<u8>, Vec<u8>)>,
    pair: (Vec<u8>, Vec<u8>),
    kept: &mut Kept,
) -> Result<(), QueryError> {
    keep(pair.0.len() + pair.1.len(), kept)?;
    pairs.push(pair);
    Ok(())
}

fn take_distinct(
    texts: &mut IndexMap<Vec<u8>, Vec<u8>>,
    value: &Extracted<'_>,
    kept: &mut Kept,
) -> Result<(), QueryError> {
    if value.is_null() {
        return Ok(());
    }
    let canonical = value.canonical()?;
    if !texts.contains_key(&canonical) {
        let text = value.json()?.into_owned();
        keep(canonical.len() + text.len(), kept)?;
        texts.insert(canonical, text);
    }
    Ok(())
}

fn group_of<'g, 'q>(
    groups: &'g mut IndexMap<Vec<u8>, (Vec<u8>, Part<'q>)>,
    aggregator: &'q Aggregator,
    value: &Extracted<'_>,
    kept: &mut Kept,
) -> Result<&'g mut Part<'q>, QueryError> {
    let group = match groups.entry(value.canonical()?) {
        Entry::Occupied(group) => group.into_mut(),
        Entry::Vacant(group) => {
            let text = value.json()?.into_owned();
            let parts = aggregator.part_count().saturating_mul(ELEMENT_BYTES);
            keep(group.key().len() + text.len() + parts, kept)?;
            group.insert((text, Part::new(aggregator)))
        }
    };
    Ok(&mut group.1)
}

fn write_texts<'t>(texts: impl IntoIterator<Item = &'t [u8]>, out: &mut Vec<u8>) -> Result<(), QueryError> {
    write_array(texts, out, |text, out| {
        out.extend_from_slice(text);
        Ok(())
    })
}

/// A map as the reference writes it: with its entries, without what is null in them.
fn write_map<'t>(entries: impl IntoIterator<Item = (&'t [u8], &'t [u8])>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"@class":"util.LiteMap","entries":["#);
    for (index, (key, value)) in entries.into_iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        let named = [(&br#""key":"#[..], key), (&br#""value":"#[..], value)];
        let mut comma: &[u8] = b"";
        for (name, text) in named {
            if !Extracted::Json(text).is_null() {
                out.extend_from_slice(comma);
                out.extend_from_slice(name);
                out.extend_from_slice(text);
                comma = b",";
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}
