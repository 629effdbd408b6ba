//! Processors as they read in Rust.

use serde::Serialize;

use super::Processor;
use crate::query::{Extractor, Filter, Manipulator, MethodCall, Operand, QueryError, Updater};
use crate::value::to_binary;

impl Processor {
    /// Answers a property, by a path of names with dots between them.
    #[must_use]
    pub fn extract(path: &str) -> Self {
        Processor::Extract(Extractor::path(path))
    }

    /// Sets a property. Answers whether there was a value to set it in.
    #[must_use]
    pub fn set(path: &str, value: impl Into<Operand>) -> Self {
        Processor::Update {
            updater: Some(Updater::path(path)),
            value: value.into(),
        }
    }

    /// Adds to a number, and answers the new one.
    #[must_use]
    pub fn increment(path: &str, by: impl Into<Operand>) -> Self {
        Processor::Increment {
            manipulator: Manipulator::path(path),
            by: by.into(),
            answers_old: false,
        }
    }

    /// Multiplies a number, and answers the new one.
    #[must_use]
    pub fn multiply(path: &str, by: impl Into<Operand>) -> Self {
        Processor::Multiply {
            manipulator: Manipulator::path(path),
            by: by.into(),
            answers_old: false,
        }
    }

    /// Sets the value. Answers null.
    #[must_use]
    pub fn put(value: impl Into<Operand>) -> Self {
        Processor::Put {
            filter: Filter::Always,
            value: value.into(),
            answers_current: false,
        }
    }

    /// Sets the value where there is none. Answers null, or the value that is there.
    #[must_use]
    pub fn put_if_absent(value: impl Into<Operand>) -> Self {
        Processor::Put {
            filter: !Filter::Present,
            value: value.into(),
            answers_current: true,
        }
    }

    /// Takes the entry away. Answers null.
    #[must_use]
    pub fn remove() -> Self {
        Processor::Remove {
            filter: Filter::Always,
            answers_current: false,
        }
    }

    /// Calls a method of the value, known by its Java name, which changes nothing. Answers its result.
    #[must_use]
    pub fn call(name: &str, arguments: Vec<Operand>) -> Self {
        Processor::Method {
            call: MethodCall::new(name, arguments),
            mutates: false,
        }
    }

    /// One of [one's own](super::own) that is registered by this name, with its arguments.
    ///
    /// # Errors
    /// When the arguments cannot be written as JSON.
    pub fn own(name: &str, args: &impl Serialize) -> Result<Self, QueryError> {
        Ok(Processor::Own {
            name: name.to_owned(),
            args: Operand::new(to_binary(args)?.bytes())?,
        })
    }
}
