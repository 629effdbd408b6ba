//! A processor as the store does it.

use bytes::Bytes;

use super::{Change, EntryView, Processor};
use crate::query::AgentError;
use crate::store::{Work, Worked};
use crate::value::Binary;

/// A processor with the JSON that it came as, in which members send it to each other.
#[derive(Clone, Debug)]
pub struct ProcessorWork {
    processor: Processor,
    json: Bytes,
}

impl ProcessorWork {
    /// Reads a processor.
    ///
    /// # Errors
    /// When it is none, or larger than is looked at.
    pub fn from_json(json: Bytes) -> Result<Self, AgentError> {
        let processor = Processor::from_json(&json)?;
        Ok(ProcessorWork { processor, json })
    }

    /// The processor.
    #[must_use]
    pub fn processor(&self) -> &Processor {
        &self.processor
    }
}

impl Work for ProcessorWork {
    fn work(&self, key: &Binary, value: Option<&Binary>) -> Result<(Worked, Binary), String> {
        let mut entry = EntryView::new(key, value);
        let answer = self
            .processor
            .process(&mut entry)
            .map_err(|error| error.to_string())?;
        let worked = match entry.into_change() {
            None => Worked::Stays,
            Some(Change::Set(value)) => Worked::Set(value),
            Some(Change::Remove) => Worked::Removed,
            // The same value with a new life.
            Some(Change::Touch) => value.cloned().map_or(Worked::Stays, Worked::Set),
        };
        Ok((worked, answer))
    }

    fn may_change(&self) -> bool {
        self.processor.may_change()
    }

    fn to_bytes(&self) -> Bytes {
        self.json.clone()
    }
}
