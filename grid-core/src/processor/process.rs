//! What each processor does.

use super::{EntryView, Processor, number, versioned};
use crate::query::{Datum, Extracted, Filter, MethodCall, Operand, QueryError, Updater};
use crate::value::{Binary, Format};

/// The most bytes that several processors answer together.
const ANSWER_LEN_MAX: usize = 32 << 20;

/// The most bytes that several processors read together: some seconds of reading.
const READ_LEN_MAX: u64 = 16 << 30;

impl Processor {
    /// Does it to an entry, and answers.
    ///
    /// # Errors
    /// When the entry cannot be read, has not what is needed, or a result cannot be written; then the view is as before.
    pub fn process(&self, entry: &mut EntryView<'_>) -> Result<Binary, QueryError> {
        Ok(self.process_among(entry)?.unwrap_or_else(null))
    }

    /// Does it to an entry that is one of many. Without an answer the entry is left out of the answers, as conditional
    /// processors do that are not asked for the values that are there.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    pub fn process_among(&self, entry: &mut EntryView<'_>) -> Result<Option<Binary>, QueryError> {
        let before = entry.change().cloned();
        let answer = self.run(entry);
        if answer.is_err() {
            entry.restore(before);
        }
        answer
    }

    fn run(&self, entry: &mut EntryView<'_>) -> Result<Option<Binary>, QueryError> {
        match self {
            Processor::Composite(processors) => composite(processors, entry).map(Some),
            Processor::When { filter, processor } => {
                if filter.evaluate(&entry.entry())? {
                    processor.run(entry)
                } else {
                    Ok(None)
                }
            }
            Processor::Put { .. }
            | Processor::PutAll { .. }
            | Processor::Remove { .. }
            | Processor::VersionedPut { .. }
            | Processor::VersionedPutAll { .. }
            | Processor::Preload => self.run_silent(entry),
            single => single.run_single(entry).map(Some),
        }
    }

    /// A processor that mostly has no answer.
    fn run_silent(&self, entry: &mut EntryView<'_>) -> Result<Option<Binary>, QueryError> {
        match self {
            Processor::Put {
                filter,
                value,
                answers_current,
            } => {
                if filter.evaluate(&entry.entry())? {
                    entry.set(value.to_binary());
                    Ok(None)
                } else {
                    Ok(current(entry, *answers_current))
                }
            }
            Processor::PutAll { filter, entries } => {
                if let Some(value) = entries.get(entry.key())?
                    && filter.evaluate(&entry.entry())?
                {
                    entry.set(value.to_binary());
                }
                Ok(None)
            }
            Processor::Remove {
                filter,
                answers_current,
            } => {
                if entry.is_present() && filter.evaluate(&entry.entry())? {
                    entry.remove();
                    Ok(None)
                } else {
                    Ok(current(entry, *answers_current))
                }
            }
            Processor::VersionedPut {
                value,
                inserts,
                answers_current,
            } => versioned::put(entry, value, *inserts, *answers_current),
            Processor::VersionedPutAll {
                entries,
                inserts,
                answers_current,
            } => match entries.get(entry.key())? {
                Some(value) => versioned::put(entry, value, *inserts, *answers_current),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// A processor that always has an answer, and no other one in it. On its own, so that processors in processors take
    /// little stack.
    fn run_single(&self, entry: &mut EntryView<'_>) -> Result<Binary, QueryError> {
        match self {
            Processor::Extract(extractor) => answer(&extractor.extract(&entry.entry())?),
            Processor::Increment {
                manipulator,
                by,
                answers_old,
            } => number::change(
                entry,
                manipulator,
                |old| number::add(old, by.datum()),
                by,
                *answers_old,
            ),
            Processor::Multiply {
                manipulator,
                by,
                answers_old,
            } => number::change(
                entry,
                manipulator,
                |old| number::multiply(old, by.datum()),
                by,
                *answers_old,
            ),
            Processor::Update { updater, value } => update(entry, updater.as_ref(), value),
            Processor::Method { call, mutates } => method(entry, call, *mutates),
            Processor::Nothing => Ok(json(b"true")),
            Processor::Discard => {
                entry.remove();
                Ok(json(b"true"))
            }
            Processor::Touch => {
                entry.touch();
                Ok(null())
            }
            Processor::Own { name, args } => entry.run_own(name, args),
            _ => Ok(null()),
        }
    }

    /// Whether it may change an entry. What may not can run where the entry is only read.
    #[must_use]
    pub fn may_change(&self) -> bool {
        match self {
            Processor::Extract(_) | Processor::Nothing | Processor::Preload | Processor::Select => false,
            Processor::Method { mutates, .. } => *mutates,
            Processor::Composite(processors) => processors.iter().any(Processor::may_change),
            Processor::When { processor, .. } => processor.may_change(),
            _ => true,
        }
    }
}

/// Runs one after the other; when one fails, what those before did is taken back with it by who called.
fn composite(processors: &[Processor], entry: &mut EntryView<'_>) -> Result<Binary, QueryError> {
    let mut out = vec![b'['];
    let mut read = 0_u64;
    for (index, processor) in processors.iter().enumerate() {
        // Each may make the value longer, and those that follow read it whole.
        read = read.saturating_add(entry.value().map_or(0, |value| value.bytes().len() as u64));
        if read > READ_LEN_MAX {
            let max = usize::try_from(READ_LEN_MAX).unwrap_or(usize::MAX);
            let what = "what a processor of several reads";
            return Err(QueryError::TooLarge { what, max });
        }
        let answer = processor.run(entry)?.unwrap_or_else(null);
        if answer.format() != Format::JSON {
            let format = answer.format();
            return Err(QueryError::Opaque { format });
        }
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(answer.bytes());
        // As many processors as fit into an agent may each answer the whole value.
        if out.len() > ANSWER_LEN_MAX {
            let (what, max) = ("a processor of several", ANSWER_LEN_MAX);
            return Err(QueryError::TooLarge { what, max });
        }
    }
    out.push(b']');
    Ok(Binary::new(Format::JSON, out.into()))
}

fn update(
    entry: &mut EntryView<'_>,
    updater: Option<&Updater>,
    value: &Operand,
) -> Result<Binary, QueryError> {
    let Some(updater) = updater else {
        entry.set(value.to_binary());
        return Ok(json(b"true"));
    };
    let updated = match entry.entry().value()? {
        Some(text) => updater.update(text, value.text())?,
        None => return Ok(json(b"false")),
    };
    entry.set(Binary::new(Format::JSON, updated.into()));
    Ok(json(b"true"))
}

fn method(entry: &mut EntryView<'_>, call: &MethodCall, mutates: bool) -> Result<Binary, QueryError> {
    let called = {
        let view = entry.entry();
        let Some(text) = view.value()? else {
            return Ok(null());
        };
        if !mutates {
            return answer(&call.take_from(Extracted::Json(text), view.room())?);
        }
        call.call(Datum::read(text)?)?
    };
    if let Some(after) = called.after {
        entry.set(Binary::new(Format::JSON, after.into()));
    }
    answer(&Extracted::Datum(called.result))
}

/// What was extracted, as an answer.
pub(super) fn answer(extracted: &Extracted<'_>) -> Result<Binary, QueryError> {
    Ok(Binary::new(Format::JSON, extracted.json()?.into_owned().into()))
}

/// The value that is there or null, if it is asked for.
pub(super) fn current(entry: &EntryView<'_>, asked: bool) -> Option<Binary> {
    asked.then(|| entry.value().cloned().unwrap_or_else(null))
}

pub(super) fn null() -> Binary {
    json(b"null")
}

fn json(text: &'static [u8]) -> Binary {
    Binary::new(Format::JSON, text.into())
}

impl Processor {
    /// The name of a processor of one's own in it; the first of several.
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        match self {
            Processor::Own { name, .. } => Some(name),
            Processor::Composite(processors) => processors.iter().find_map(Processor::own_name),
            Processor::When { processor, .. } => processor.own_name(),
            _ => None,
        }
    }

    /// The first name of a processor of one's own in it that is not known.
    pub(super) fn unknown_name(&self, is_known: &dyn Fn(&str) -> bool) -> Option<&str> {
        match self {
            Processor::Own { name, .. } => (!is_known(name)).then_some(name),
            Processor::Composite(inner) => inner.iter().find_map(|inner| inner.unknown_name(is_known)),
            Processor::When { processor, .. } => processor.unknown_name(is_known),
            _ => None,
        }
    }

    /// Another processor, on entries that a filter selects.
    #[must_use]
    pub fn when(self, filter: Filter) -> Processor {
        Processor::When {
            filter,
            processor: Box::new(self),
        }
    }

    /// This and then another processor.
    #[must_use]
    pub fn and_then(self, next: Processor) -> Processor {
        match self {
            Processor::Composite(mut processors) => {
                processors.push(next);
                Processor::Composite(processors)
            }
            first => Processor::Composite(vec![first, next]),
        }
    }
}
