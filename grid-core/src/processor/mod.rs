//! Entry processors: what clients do to an entry where it lies.
//!
//! A [`Processor`] is a pure function of an entry: it is shown the entry as an [`EntryView`], says what it has to say,
//! and leaves in the view what is to be done to the entry. Who runs it does that, or nothing when it failed.
//!
//! # On how many entries at once
//!
//! - *On one key* a processor is one step: nobody sees or changes the entry in between, a failure leaves it as it was, and it is
//!   done once however often its request comes. Code of [one's own](own) changes entries beside it in the same step.
//! - *On many keys or a filter from Rust* (`invoke_all`, `invoke_where`) each key is a request of its own: each entry is a step,
//!   with an answer or an error that says whether it was done.
//! - *On many keys or a filter over gRPC* (`invokeAll`) each entry is a step where the processor is built in. Code of one's own
//!   is one step on all keys of a partition that are asked for together (up to 1,024), done on all or on none; where that would
//!   be larger than a step may be (4,096 entries, 32 MiB), it is several. What was done is answered first; then an error
//!   tells which keys were not, for which it is not known, and how many were not begun.

mod agent;
mod builder;
mod number;
pub mod own;
mod process;
mod processor_work;
mod put_all;
mod versioned;
mod view;
mod work;

pub use processor_work::ProcessorWork;
pub use put_all::PutAll;
pub use view::{Change, EntryView};
pub use work::{Work, Worked};

use crate::query::{Extractor, Filter, Manipulator, MethodCall, Operand, Updater};

/// Something done to an entry.
///
/// ```
/// use grid_core::processor::{Change, EntryView, Processor};
/// use grid_core::query::{Manipulator, Operand};
/// use grid_core::value::to_binary;
///
/// let birthday = Processor::Increment {
///     manipulator: Manipulator::path("age"),
///     by: Operand::from(1),
///     answers_old: false,
/// };
/// let (key, value) = (to_binary("ada")?, to_binary(&serde_json::json!({"name": "Ada", "age": 36}))?);
/// let mut entry = EntryView::new(&key, Some(&value));
/// assert_eq!(&birthday.process(&mut entry)?.bytes()[..], b"37");
/// assert!(matches!(entry.into_change(), Some(Change::Set(..))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Processor {
    /// Answers what is extracted; null of an entry without a value.
    Extract(Extractor),
    /// All of these, each on what the one before left. Answers their answers as an array.
    Composite(Vec<Processor>),
    /// Another processor, on entries that a filter selects. Answers null for the others.
    When {
        /// The filter.
        filter: Filter,
        /// The processor.
        processor: Box<Processor>,
    },
    /// Sets the value where a filter selects the entry. Answers null.
    Put {
        /// The filter; it sees entries without a value too.
        filter: Filter,
        /// The value.
        value: Operand,
        /// Whether the value that is there is answered where the filter does not select.
        answers_current: bool,
    },
    /// Sets the value that a map has for the key, where a filter selects the entry. Answers null.
    PutAll {
        /// The filter.
        filter: Filter,
        /// The values by key.
        entries: PutAll,
    },
    /// Takes the entry away where a filter selects it. Answers null.
    Remove {
        /// The filter.
        filter: Filter,
        /// Whether the value that is there is answered where the filter does not select.
        answers_current: bool,
    },
    /// Adds to a number, and answers it. Of an entry without a value, null.
    ///
    /// The type of the number stays: an integer is added the whole part of a double. A property that is missing counts
    /// as zero. Integers have 64 bits and never wrap, where the reference's have 32 and do.
    Increment {
        /// The number.
        manipulator: Manipulator,
        /// What is added.
        by: Operand,
        /// Whether the number before is answered instead of the new one.
        answers_old: bool,
    },
    /// Multiplies a number, and answers it; as [`Processor::Increment`] does. The whole part of a product stays.
    Multiply {
        /// The number.
        manipulator: Manipulator,
        /// The factor.
        by: Operand,
        /// Whether the number before is answered instead of the new one.
        answers_old: bool,
    },
    /// Sets a property, or the whole value. Answers whether there was a value to set it in.
    Update {
        /// What is set; `None` for the whole value, whether there is one or not.
        updater: Option<Updater>,
        /// What it is set to.
        value: Operand,
    },
    /// Calls a method of the value. Answers its result; null of an entry without a value.
    Method {
        /// The method, of strings, numbers, lists and maps.
        call: MethodCall,
        /// Whether the value is set to what the method made of it.
        mutates: bool,
    },
    /// Sets the value where it has the same version (`@version`, 0 when missing), with the next version. Answers null.
    VersionedPut {
        /// The value: an object.
        value: Operand,
        /// Whether it is set where there is none.
        inserts: bool,
        /// Whether the value that is there is answered where the version differs.
        answers_current: bool,
    },
    /// As [`Processor::VersionedPut`], with the value that a map has for the key.
    VersionedPutAll {
        /// The values by key.
        entries: PutAll,
        /// Whether they are set where there is none.
        inserts: bool,
        /// Whether the value that is there is answered where the version differs.
        answers_current: bool,
    },
    /// Nothing. Answers true.
    Nothing,
    /// Starts the time to live anew. Answers null.
    Touch,
    /// Has the value loaded where it is not here. Nothing more is done to the entry. Answers null.
    Preload,
    /// Nothing. Answers null, for those who want the keys of what they select.
    Select,
    /// Takes the entry away. Answers true.
    Discard,
    /// Does what [one's own](own) code does that is registered by this name, and answers what it answers. In JSON
    /// `{"@class": "girih.Processor", "name": ..., "args": ...}`.
    Own {
        /// The name.
        name: String,
        /// What it is asked with; null when it is left out.
        args: Operand,
    },
}
