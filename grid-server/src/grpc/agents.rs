//! Filters, comparators, aggregators and processors off the wire.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::processor::{ProcessorWork, Work};
use grid_core::query::{AgentError, Comparator, EventFilter, Filter};
use grid_core::store::{IndexDefinition, WorkAnswer};
use grid_core::value::{Format, Key};
use grid_member::cache::Question;

use super::{Edge, Reader, Refusal, RefusalKind, WireValue};

impl Edge {
    /// The JSON text of an agent. `None` when there is none, or it is null.
    ///
    /// # Errors
    /// When it is not in JSON.
    fn agent_text(&self, format: Format, wire: Bytes) -> Result<Option<Bytes>, Refusal> {
        if wire.is_empty() || self.is_null(format, &wire) {
            return Ok(None);
        }
        if format != Format::JSON {
            return Err(Refusal::unsupported(
                "a filter, a comparator, an aggregator or a processor that is not in JSON",
            ));
        }
        Ok(Some(self.agent(wire)?.into_bytes()))
    }

    /// What a query asks: which entries a filter selects, or all.
    ///
    /// # Errors
    /// When the filter is none, or not in JSON.
    pub fn selection(&self, format: Format, filter: Bytes) -> Result<Arc<Question>, Refusal> {
        let filter = self.agent_text(format, filter)?.unwrap_or_default();
        Ok(Arc::new(Question::select(filter)?))
    }

    /// What a query asks: what an aggregator makes of the entries that a filter selects, or of all.
    ///
    /// # Errors
    /// When one of them is none, or not in JSON.
    pub fn aggregation(
        &self,
        format: Format,
        filter: Bytes,
        aggregator: Bytes,
    ) -> Result<Arc<Question>, Refusal> {
        let filter = self.agent_text(format, filter)?.unwrap_or_default();
        let aggregator = self.agent_text(format, aggregator)?;
        let aggregator = aggregator.ok_or_else(|| Refusal::invalid("the request has no aggregator"))?;
        Ok(Arc::new(Question::aggregate(filter, aggregator)?))
    }

    /// The order that a query wants, if it wants one.
    ///
    /// # Errors
    /// When the comparator is none, or not in JSON.
    pub fn comparator(&self, format: Format, wire: Bytes) -> Result<Option<Comparator>, Refusal> {
        let text = self.agent_text(format, wire)?;
        Ok(text.map(|text| Comparator::from_json(&text)).transpose()?)
    }

    /// A processor as work on an entry.
    ///
    /// # Errors
    /// When it is none, is not known here, or is not in JSON.
    pub fn processor(&self, format: Format, wire: Bytes) -> Result<ProcessorWork, Refusal> {
        let text = self.agent_text(format, wire)?;
        let text = text.ok_or_else(|| Refusal::invalid("the request has no entry processor"))?;
        Ok(ProcessorWork::from_json(text)?)
    }

    /// A processor as work on those entries alone that a filter selects, and the query for them.
    ///
    /// # Errors
    /// When one of them is none, or not in JSON.
    pub fn processor_on(
        &self,
        format: Format,
        wire: Bytes,
        filter: Bytes,
    ) -> Result<(Arc<Question>, Arc<dyn Work>), Refusal> {
        let question = self.selection(format, filter)?;
        let work = self.processor(format, wire)?;
        let work = work.only(question.filter().clone(), question.filter_text().clone());
        Ok((question, Arc::new(work)))
    }

    /// The definition of an index.
    ///
    /// # Errors
    /// When the extractor or the comparator is none, or not in JSON.
    pub fn index(
        &self,
        format: Format,
        extractor: Bytes,
        sorted: bool,
        comparator: Bytes,
    ) -> Result<IndexDefinition, Refusal> {
        let extractor = self.agent_text(format, extractor)?;
        let extractor = extractor.ok_or_else(|| Refusal::invalid("the request has no extractor"))?;
        let comparator = self.agent_text(format, comparator)?;
        Ok(IndexDefinition::of_request(
            &extractor,
            sorted,
            comparator.as_deref(),
        )?)
    }

    /// What a processor said of an entry, for a client that reads this format.
    ///
    /// # Errors
    /// When it failed, or its answer is in another format.
    pub fn work_answer(
        &self,
        reader: impl Into<Reader>,
        answer: Option<WorkAnswer>,
    ) -> Result<WireValue, Refusal> {
        let reader = reader.into();
        match answer {
            Some(WorkAnswer::Failed(reason)) => Err(Refusal::invalid(reason)),
            Some(WorkAnswer::Said(answer)) if !self.means_null(&answer) => self.to_wire(reader, answer),
            _ => Ok(self.null_result(reader.format)),
        }
    }

    /// The filter of a listener: events of all kinds about everything when there is none.
    ///
    /// # Errors
    /// When it is none, or not in JSON.
    pub fn event_filter(&self, format: Format, wire: Bytes) -> Result<EventFilter, Refusal> {
        let everything = EventFilter::all();
        let Some(text) = self.agent_text(format, wire)? else {
            return Ok(everything);
        };
        Ok(match Filter::from_json(&text)? {
            Filter::Always => everything,
            Filter::Event(filter) => match filter.filter.as_deref() {
                Some(Filter::Always) => EventFilter {
                    filter: None,
                    ..filter
                },
                _ => filter,
            },
            filter => EventFilter::new(filter),
        })
    }

    /// The keys of a listener that primes a copy of its own and has a filter: it must be one of keys, as on the reference.
    ///
    /// # Errors
    /// When it is another.
    pub fn primed_keys(&self, format: Format, wire: Bytes) -> Result<Vec<Key>, Refusal> {
        match self.event_filter(format, wire)?.filter.as_deref() {
            Some(Filter::InKeySet(_, keys)) => {
                let keys = keys.iter().map(|key| Ok(Key::new(key.to_binary())?));
                keys.collect()
            }
            _ => Err(Self::not_primed()),
        }
    }

    /// The refusal of a listener that primes a copy of something else than keys.
    pub(super) fn not_primed() -> Refusal {
        Refusal::unsupported("a priming listener with another filter than an InKeySetFilter")
    }
}

impl From<AgentError> for Refusal {
    fn from(error: AgentError) -> Self {
        Refusal::new(RefusalKind::Malformed, error.to_string())
    }
}
