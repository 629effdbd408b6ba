//! Aggregators of one's own, written in Rust and known by a name.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::query::{Operand, QueryEntry, QueryError};
use crate::value::{Binary, Format, ValueError, from_binary, to_binary};

/// An aggregator of one's own: what is made of the entries of a partition, and how that is put together.
///
/// Each partition begins with [`start`](Self::start) and shows its entries one by one; what was made of them goes to the
/// member that was asked, which puts all of them together. So the answer must not depend on how the entries were divided,
/// nor on their order. It runs beside the entries, without a lock, and its time is limited.
///
/// ```
/// use grid_core::query::OwnAggregation;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Order {
///     freight: f64,
/// }
///
/// /// The sum of what lies above a price.
/// struct Above;
///
/// impl OwnAggregation for Above {
///     type Key = u32;
///     type Value = Order;
///     type Args = f64;
///     type Partial = f64;
///     type Answer = f64;
///     type Error = String;
///
///     fn start(&self, _price: &f64) -> Result<f64, String> {
///         Ok(0.0)
///     }
///
///     fn accumulate(&self, price: &f64, sum: &mut f64, _key: u32, order: Order) -> Result<(), String> {
///         *sum += (order.freight - price).max(0.0);
///         Ok(())
///     }
///
///     fn combine(&self, _price: &f64, sum: &mut f64, other: f64) -> Result<(), String> {
///         *sum += other;
///         Ok(())
///     }
///
///     fn finish(&self, _price: &f64, sum: f64) -> Result<f64, String> {
///         Ok(sum)
///     }
/// }
/// ```
pub trait OwnAggregation: Send + Sync + 'static {
    /// What keys are read as.
    type Key: DeserializeOwned;
    /// What values are read as.
    type Value: DeserializeOwned;
    /// What the aggregator is asked with.
    type Args: DeserializeOwned + Send;
    /// What is made of the entries of a partition.
    type Partial: Serialize + DeserializeOwned + Send;
    /// The answer.
    type Answer: Serialize;
    /// Why it fails, in words.
    type Error: fmt::Display;

    /// What there is before the first entry.
    ///
    /// # Errors
    /// When it cannot begin; the aggregation fails then. So it is with the others.
    fn start(&self, args: &Self::Args) -> Result<Self::Partial, Self::Error>;

    /// Takes an entry in.
    ///
    /// # Errors
    /// When it cannot.
    fn accumulate(
        &self,
        args: &Self::Args,
        partial: &mut Self::Partial,
        key: Self::Key,
        value: Self::Value,
    ) -> Result<(), Self::Error>;

    /// Takes in what was made of the entries of another partition.
    ///
    /// # Errors
    /// When it cannot.
    fn combine(
        &self,
        args: &Self::Args,
        partial: &mut Self::Partial,
        other: Self::Partial,
    ) -> Result<(), Self::Error>;

    /// The answer.
    ///
    /// # Errors
    /// When there is none.
    fn finish(&self, args: &Self::Args, partial: Self::Partial) -> Result<Self::Answer, Self::Error>;
}

/// The code of an aggregator, whatever its types are.
#[derive(Clone)]
pub struct AggregatorCode(Arc<dyn Begin>);

impl AggregatorCode {
    /// This code.
    #[must_use]
    pub fn new(code: impl OwnAggregation) -> Self {
        AggregatorCode(Arc::new(Shared(Arc::new(code))))
    }
}

impl fmt::Debug for AggregatorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AggregatorCode")
    }
}

/// An aggregator of one's own, asked for by its name: `{"@class": "girih.Aggregator", "name": ..., "args": ...}`.
///
/// Two are equal when their names and arguments are.
#[derive(Clone, Debug)]
pub struct OwnAggregator {
    pub(super) name: String,
    pub(super) args: Operand,
    /// Where it runs.
    pub(super) code: Option<AggregatorCode>,
}

impl OwnAggregator {
    /// The name that it was registered by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn run(&self) -> OwnRun {
        OwnRun(match &self.code {
            Some(code) => code.0.begin(&self.args),
            None => Err(QueryError::NotRegistered {
                name: self.name.clone(),
            }),
        })
    }
}

impl PartialEq for OwnAggregator {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.args == other.args
    }
}

/// The code at work, or why it could not begin.
pub(super) struct OwnRun(Result<Box<dyn Run>, QueryError>);

impl OwnRun {
    pub(super) fn accumulate(&mut self, entry: &QueryEntry<'_>) -> Result<(), QueryError> {
        self.run()?.accumulate(entry)
    }

    pub(super) fn partial(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        out.extend_from_slice(self.run()?.partial()?.bytes());
        Ok(())
    }

    pub(super) fn combine(&mut self, partial: &[u8]) -> Result<(), QueryError> {
        self.run()?.combine(&json(partial))
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        out.extend_from_slice(self.run()?.finish()?.bytes());
        Ok(())
    }

    fn run(&mut self) -> Result<&mut dyn Run, QueryError> {
        match &mut self.0 {
            Ok(run) => Ok(run.as_mut()),
            Err(error) => Err(error.clone()),
        }
    }
}

impl fmt::Debug for OwnRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnRun")
    }
}

trait Begin: Send + Sync {
    fn begin(&self, args: &Operand) -> Result<Box<dyn Run>, QueryError>;
}

trait Run: Send {
    fn accumulate(&mut self, entry: &QueryEntry<'_>) -> Result<(), QueryError>;
    fn partial(&mut self) -> Result<Binary, QueryError>;
    fn combine(&mut self, partial: &Binary) -> Result<(), QueryError>;
    fn finish(&mut self) -> Result<Binary, QueryError>;
}

struct Shared<G>(Arc<G>);

impl<G: OwnAggregation> Begin for Shared<G> {
    fn begin(&self, args: &Operand) -> Result<Box<dyn Run>, QueryError> {
        let code = self.0.clone();
        let args = from_binary(&args.to_binary()).map_err(unfit_args)?;
        let partial = code.start(&args).map_err(failed)?;
        Ok(Box::new(Running {
            code,
            args,
            partial: Some(partial),
        }))
    }
}

struct Running<G: OwnAggregation> {
    code: Arc<G>,
    args: G::Args,
    /// `None` after the answer was given.
    partial: Option<G::Partial>,
}

impl<G: OwnAggregation> Run for Running<G> {
    fn accumulate(&mut self, entry: &QueryEntry<'_>) -> Result<(), QueryError> {
        let Some(text) = entry.value()? else { return Ok(()) };
        let key = from_binary(&json(entry.key()?))?;
        let value = from_binary(&json(text))?;
        let partial = self.partial.as_mut().ok_or_else(ended)?;
        self.code
            .accumulate(&self.args, partial, key, value)
            .map_err(failed)
    }

    fn partial(&mut self) -> Result<Binary, QueryError> {
        Ok(to_binary(self.partial.as_ref().ok_or_else(ended)?)?)
    }

    fn combine(&mut self, other: &Binary) -> Result<(), QueryError> {
        let other = from_binary(other)?;
        let partial = self.partial.as_mut().ok_or_else(ended)?;
        self.code.combine(&self.args, partial, other).map_err(failed)
    }

    fn finish(&mut self) -> Result<Binary, QueryError> {
        let partial = self.partial.take().ok_or_else(ended)?;
        let answer = self.code.finish(&self.args, partial).map_err(failed)?;
        Ok(to_binary(&answer)?)
    }
}

fn json(text: &[u8]) -> Binary {
    Binary::new(Format::JSON, text.to_vec().into())
}

pub(crate) fn unfit_args(error: ValueError) -> QueryError {
    QueryError::Own {
        what: format!("the arguments are not what is expected: {error}"),
    }
}

pub(crate) fn failed(error: impl fmt::Display) -> QueryError {
    QueryError::Own {
        what: error.to_string(),
    }
}

fn ended() -> QueryError {
    failed("it has given its answer before")
}
