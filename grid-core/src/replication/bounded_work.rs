//! Work that sets and answers no more than goes in one message.

use std::sync::Arc;

use bytes::Bytes;

use crate::processor::{Work, Worked};
use crate::value::Binary;

/// Work that fails, and so changes nothing, when the value that it sets or its answer has too many bytes: its record has
/// both, and must fit in one message to the backups.
#[derive(Debug)]
pub(super) struct BoundedWork {
    work: Arc<dyn Work>,
    value_max: usize,
    answer_max: usize,
}

impl BoundedWork {
    /// The same work, with a value and an answer of at most so many bytes.
    pub(super) fn new(work: Arc<dyn Work>, value_max: usize, answer_max: usize) -> Self {
        BoundedWork {
            work,
            value_max,
            answer_max,
        }
    }
}

impl Work for BoundedWork {
    fn work(&self, key: &Binary, value: Option<&Binary>) -> Result<(Worked, Option<Binary>), String> {
        let (worked, answer) = self.work.work(key, value)?;
        let check = |what: &str, len: usize, max: usize| {
            if len > max {
                return Err(format!(
                    "not applied: {what} has {len} bytes, and at most {max} are possible in a cluster"
                ));
            }
            Ok(())
        };
        if let Worked::Set(value, _) = &worked {
            check("the value that it sets", value.bytes().len(), self.value_max)?;
        }
        if let Some(answer) = &answer {
            check("its answer", answer.bytes().len(), self.answer_max)?;
        }
        Ok((worked, answer))
    }

    fn may_change(&self) -> bool {
        self.work.may_change()
    }

    fn to_bytes(&self) -> Bytes {
        self.work.to_bytes()
    }
}
