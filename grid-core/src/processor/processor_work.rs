//! A processor as the store does it.

use bytes::{Buf, Bytes, BytesMut};

use super::own::{OwnAgents, OwnPlace};
use super::{Change, EntryView, Processor, Work, Worked};
use crate::query::{AgentError, Filter, QueryEntry};

use crate::value::Binary;

/// No agent that reads the value is shorter than this in JSON.
const AGENT_BYTES: usize = 32;

/// A processor with the JSON that it came as, in which members send it to each other; maybe only for entries that a
/// filter selects.
#[derive(Clone, Debug)]
pub struct ProcessorWork {
    processor: Processor,
    json: Bytes,
    only: Option<(Filter, Bytes)>,
}

impl ProcessorWork {
    /// Reads a processor.
    ///
    /// # Errors
    /// When it is none, or larger than is looked at.
    pub fn from_json(json: Bytes) -> Result<Self, AgentError> {
        Ok(ProcessorWork {
            processor: Processor::from_json(&json)?,
            json,
            only: None,
        })
    }

    /// Work of a processor.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say, or is larger than is looked at.
    pub fn new(processor: &Processor) -> Result<Self, AgentError> {
        Self::from_json(processor.to_json()?.into())
    }

    /// The JSON of the processor.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The same work on those entries alone that a filter selects when it is done; the others are passed over, as those
    /// that are not there. The filter comes with its JSON.
    #[must_use]
    pub fn only(mut self, filter: Filter, json: Bytes) -> Self {
        self.only = Some((filter, json));
        self
    }

    /// The processor.
    #[must_use]
    pub fn processor(&self) -> &Processor {
        &self.processor
    }

    /// Reads what [`to_bytes`](Work::to_bytes) wrote.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(mut bytes: Bytes) -> Result<Self, AgentError> {
        let len = bytes.try_get_u32_le().unwrap_or_default();
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
        let filter = bytes.split_to(len);
        let work = ProcessorWork::from_json(bytes)?;
        if filter.is_empty() {
            return Ok(work);
        }
        Ok(work.only(Filter::from_json(&filter)?, filter))
    }
}

impl ProcessorWork {
    fn work_in(
        &self,
        key: &Binary,
        value: Option<&Binary>,
        own: Option<OwnPlace<'_>>,
    ) -> Result<(Worked, Option<Binary>), String> {
        if let Some((filter, _)) = &self.only {
            let selects = || filter.evaluate(&QueryEntry::of(key, value));
            if value.is_none() || !selects().map_err(|error| error.to_string())? {
                return Ok((Worked::Stays, None));
            }
        }
        let mut entry = EntryView::new(key, value);
        if let Some(own) = own {
            entry = entry.with_own(own);
        }
        let answer = self
            .processor
            .process_among(&mut entry)
            .map_err(|error| error.to_string())?;
        let worked = match entry.into_change() {
            None => Worked::Stays,
            // Setting what is there already changes nothing, and is told to nobody, as on the reference.
            Some(Change::Set(new, None)) if value.is_some_and(|value| is_same(value, &new)) => {
                Worked::Touched
            }
            Some(Change::Set(new, life_ms)) => Worked::Set(new, life_ms),
            Some(Change::Remove) => Worked::Removed,
            Some(Change::Touch) => Worked::Touched,
        };
        Ok((worked, answer))
    }
}

impl Work for ProcessorWork {
    fn work(&self, key: &Binary, value: Option<&Binary>) -> Result<(Worked, Option<Binary>), String> {
        self.work_in(key, value, None)
    }

    fn own_name(&self) -> Option<&str> {
        self.processor.own_name()
    }

    fn unknown_name(&self, agents: &OwnAgents) -> Option<&str> {
        self.processor
            .unknown_name(&|name| agents.processor(name).is_some())
    }

    fn passes(&self) -> usize {
        let filter = self.only.as_ref().map_or(0, |(_, json)| json.len());
        1 + (self.json.len() + filter) / AGENT_BYTES
    }

    fn growth(&self) -> usize {
        // What one alone sets is not read again.
        match &self.processor {
            Processor::Composite(_) => self.json.len(),
            _ => 0,
        }
    }

    fn work_beside(
        &self,
        key: &Binary,
        value: Option<&Binary>,
        own: OwnPlace<'_>,
    ) -> Result<(Worked, Option<Binary>), String> {
        self.work_in(key, value, Some(own))
    }

    fn may_change(&self) -> bool {
        self.processor.may_change()
    }

    fn to_bytes(&self) -> Bytes {
        let filter = self.only.as_ref().map(|(_, json)| json.clone());
        let filter = filter.unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(4 + filter.len() + self.json.len());
        // No agent is longer than a 32-bit length can say.
        bytes.extend_from_slice(&u32::try_from(filter.len()).unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(&filter);
        bytes.extend_from_slice(&self.json);
        bytes.freeze()
    }
}

fn is_same(value: &Binary, new: &Binary) -> bool {
    value.format() == new.format() && value.bytes() == new.bytes()
}
