//! The code of a processor.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Around, Entry, told_words};
use crate::processor::EntryView;
use crate::query::{Operand, QueryError, failed, unfit_args};
use crate::value::{Binary, from_binary, to_binary};

/// The code of a processor, whatever its types are.
#[derive(Clone)]
pub struct ProcessorCode(Arc<dyn Run>);

impl ProcessorCode {
    /// Code that is shown an entry and the arguments, and answers.
    pub fn new<K, V, A, R, E>(
        code: impl Fn(&mut Entry<'_, K, V>, A) -> Result<R, E> + Send + Sync + 'static,
    ) -> Self
    where
        K: DeserializeOwned + 'static,
        V: Serialize + DeserializeOwned + 'static,
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
        E: fmt::Display + 'static,
    {
        ProcessorCode(Arc::new(Typed {
            code,
            types: PhantomData,
        }))
    }

    pub(in crate::processor) fn run(
        &self,
        entry: &mut EntryView<'_>,
        args: &Operand,
        around: &dyn Around,
    ) -> Result<Binary, QueryError> {
        self.0.run(entry, args, around)
    }
}

impl fmt::Debug for ProcessorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessorCode")
    }
}

trait Run: Send + Sync {
    fn run(
        &self,
        entry: &mut EntryView<'_>,
        args: &Operand,
        around: &dyn Around,
    ) -> Result<Binary, QueryError>;
}

type Types<K, V, A, R, E> = fn(K, V, A) -> Result<R, E>;

struct Typed<F, K, V, A, R, E> {
    code: F,
    types: PhantomData<Types<K, V, A, R, E>>,
}

impl<F, K, V, A, R, E> Run for Typed<F, K, V, A, R, E>
where
    F: Fn(&mut Entry<'_, K, V>, A) -> Result<R, E> + Send + Sync,
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
    A: DeserializeOwned,
    R: Serialize,
    E: fmt::Display,
{
    fn run(
        &self,
        entry: &mut EntryView<'_>,
        args: &Operand,
        around: &dyn Around,
    ) -> Result<Binary, QueryError> {
        let args = from_binary(&args.to_binary()).map_err(unfit_args)?;
        let mut entry = Entry::new(entry, around).map_err(failed)?;
        let failed_with = |error: E| failed(told_words(error.to_string()));
        let answer = (self.code)(&mut entry, args).map_err(failed_with)?;
        Ok(to_binary(&answer)?)
    }
}
