//! What a query asks.

use std::time::Duration;

use bytes::Bytes;
use grid_core::query::{AgentError, Aggregator, Filter};

/// Agents that read an entry once have about so many bytes of text, or fewer.
const AGENT_BYTES: usize = 256;

/// What a query asks of the entries of a cache, with the texts in which members send it to each other.
#[derive(Debug)]
pub struct Question {
    filter: Filter,
    filter_text: Bytes,
    aggregator: Option<(Aggregator, Bytes)>,
    time_limit: Option<Duration>,
}

impl Question {
    /// Which entries a filter selects. No text means all.
    ///
    /// # Errors
    /// When the text is no filter.
    pub fn select(filter: Bytes) -> Result<Self, AgentError> {
        Ok(Question {
            filter: if filter.is_empty() {
                Filter::Always
            } else {
                Filter::from_json(&filter)?
            },
            filter_text: filter,
            aggregator: None,
            time_limit: None,
        })
    }

    /// Which entries this filter selects.
    ///
    /// # Errors
    /// When it holds what JSON cannot say, or is larger than is looked at.
    pub fn of_filter(filter: &Filter) -> Result<Self, AgentError> {
        match filter {
            Filter::Always => Question::select(Bytes::new()),
            filter => Question::select(filter.to_json()?.into()),
        }
    }

    /// What this aggregator makes of the entries that this filter selects.
    ///
    /// # Errors
    /// As [`of_filter`](Self::of_filter).
    pub fn of_aggregator(filter: &Filter, aggregator: &Aggregator) -> Result<Self, AgentError> {
        let aggregator = Bytes::from(aggregator.to_json()?);
        Ok(Question {
            aggregator: Some((Aggregator::from_json(&aggregator)?, aggregator)),
            ..Question::of_filter(filter)?
        })
    }

    /// What an aggregator makes of the entries that a filter selects.
    ///
    /// # Errors
    /// When a text is none.
    pub fn aggregate(filter: Bytes, aggregator: Bytes) -> Result<Self, AgentError> {
        let (read, time_limit) = Aggregator::from_json_in_time(&aggregator)?;
        Ok(Question {
            aggregator: Some((read, aggregator)),
            time_limit,
            ..Question::select(filter)?
        })
    }

    /// What another aggregator makes of the entries that the filter of this question selects.
    ///
    /// # Errors
    /// As [`of_filter`](Self::of_filter).
    pub fn aggregated(&self, aggregator: &Aggregator) -> Result<Self, AgentError> {
        let aggregator = Bytes::from(aggregator.to_json()?);
        Ok(Question {
            filter: self.filter.clone(),
            filter_text: self.filter_text.clone(),
            aggregator: Some((Aggregator::from_json(&aggregator)?, aggregator)),
            time_limit: self.time_limit,
        })
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The text of the filter; empty for all entries.
    #[must_use]
    pub fn filter_text(&self) -> &Bytes {
        &self.filter_text
    }

    /// The aggregator, if there is one.
    #[must_use]
    pub fn aggregator(&self) -> Option<&Aggregator> {
        self.aggregator.as_ref().map(|(aggregator, _)| aggregator)
    }

    /// How long the answer may take, if whoever asks says so.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        self.time_limit
    }

    /// About how often it reads an entry: conditions and parts of aggregators each do.
    #[must_use]
    pub fn passes(&self) -> usize {
        let aggregator = self.aggregator.as_ref().map_or(0, |(_, text)| text.len());
        1 + (self.filter_text.len() + aggregator) / AGENT_BYTES
    }

    /// Whether the aggregator has code of one's own.
    #[must_use]
    pub fn has_own_code(&self) -> bool {
        self.aggregator()
            .is_some_and(|aggregator| aggregator.own_name().is_some())
    }

    /// The text of the aggregator; empty when there is none.
    #[must_use]
    pub fn aggregator_text(&self) -> Bytes {
        self.aggregator
            .as_ref()
            .map(|(_, text)| text.clone())
            .unwrap_or_default()
    }
}
