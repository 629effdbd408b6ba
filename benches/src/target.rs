//! A cache of the server under load, and the operations on it with their answers checked.

use std::sync::Arc;

use futures::TryFutureExt;
use grid_core::cache::{Cache, CacheBackend, CacheError, NamedCache};
use grid_core::store::{Command, TimeToLive};

use crate::data_set::{DataSet, VALUE_LEN_MIN};
use crate::operation::Operation;
use crate::random::Random;

/// Why an operation counts as failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The cache said so.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The answer was not what was put in.
    #[error("wrong answer: {what}")]
    Wrong {
        /// What was wrong with it.
        what: String,
    },
}

/// One connection's handle on the cache.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// In bytes: the cost of reading and writing values stays out of the measurement.
    Bytes(Arc<dyn CacheBackend>),
    /// As strings, the way an application would.
    Typed(Cache<String, String>),
}

impl Target {
    /// Does one operation.
    pub(crate) async fn call(
        &self,
        operation: Operation,
        data: &DataSet,
        batch: usize,
        random: &mut Random,
    ) -> Result<(), Failure> {
        match operation {
            Operation::Get => self.get(data, random.below(data.keys())).await,
            Operation::Put => self.put(data, random).await,
            Operation::Mixed if random.next() & 1 == 0 => self.get(data, random.below(data.keys())).await,
            Operation::Mixed => self.put(data, random).await,
            Operation::GetAll => self.get_all(data, &distinct(data, batch, random)).await,
            Operation::PutAll => {
                let keys = distinct(data, batch, random);
                self.put_all(data, &keys, random.below(usize::MAX)).await
            }
        }
    }

    /// Gets a key and checks the length of what comes.
    pub(crate) async fn get(&self, data: &DataSet, key: usize) -> Result<(), Failure> {
        let len = match self {
            Target::Bytes(cache) => cache
                .get(DataSet::key(key))
                .await?
                .map(|value| value.bytes().len()),
            Target::Typed(cache) => {
                let value = cache.get(&DataSet::key_text(key)).await?;
                value.map(|text| text.len() + VALUE_LEN_MIN)
            }
        };
        if len == Some(data.value_len()) {
            return Ok(());
        }
        let key = DataSet::key_text(key);
        let what = match len {
            Some(len) => format!(
                "the value of {key:?} has {len} bytes instead of {}",
                data.value_len()
            ),
            None => format!("there is no value of {key:?}"),
        };
        Err(Failure::Wrong { what })
    }

    async fn put(&self, data: &DataSet, random: &mut Random) -> Result<(), Failure> {
        let (key, value) = (random.below(data.keys()), random.below(data.keys()));
        match self {
            Target::Bytes(cache) => {
                let command = Command::Put {
                    value: data.value(value).clone(),
                    ttl: TimeToLive::CacheDefault,
                };
                cache.update(DataSet::key(key), command, false).await?;
            }
            Target::Typed(cache) => cache.insert(&DataSet::key_text(key), data.text(value)).await?,
        }
        Ok(())
    }

    async fn get_all(&self, data: &DataSet, keys: &[usize]) -> Result<(), Failure> {
        let lens: Vec<usize> = match self {
            Target::Bytes(cache) => {
                let entries = cache
                    .get_all(keys.iter().map(|key| DataSet::key(*key)).collect())
                    .await?;
                entries.iter().map(|(_, value)| value.bytes().len()).collect()
            }
            Target::Typed(cache) => {
                let texts: Vec<String> = keys.iter().map(|key| DataSet::key_text(*key)).collect();
                let entries = cache.get_all(&texts).await?;
                entries
                    .into_values()
                    .map(|text| text.len() + VALUE_LEN_MIN)
                    .collect()
            }
        };
        if lens.len() != keys.len() {
            let what = format!("{} entries for {} keys that are present", lens.len(), keys.len());
            return Err(Failure::Wrong { what });
        }
        match lens.iter().find(|len| **len != data.value_len()) {
            None => Ok(()),
            Some(len) => Err(Failure::Wrong {
                what: format!("a value of {len} bytes instead of {}", data.value_len()),
            }),
        }
    }

    /// Puts these keys in one request, with values from this one on.
    pub(crate) async fn put_all(&self, data: &DataSet, keys: &[usize], value: usize) -> Result<(), Failure> {
        let values = (0..).map(|offset: usize| value.wrapping_add(offset));
        match self {
            Target::Bytes(cache) => {
                let entries = keys.iter().zip(values);
                let entries = entries.map(|(key, value)| (DataSet::key(*key), data.value(value).clone()));
                cache
                    .put_all(entries.collect(), TimeToLive::CacheDefault)
                    .err_into()
                    .await
            }
            Target::Typed(cache) => {
                let texts: Vec<String> = keys.iter().map(|key| DataSet::key_text(*key)).collect();
                let entries: Vec<_> = texts.iter().zip(values.map(|value| data.text(value))).collect();
                cache.put_all(entries).err_into().await
            }
        }
    }
}

/// So many different keys, or all when there are not so many.
fn distinct(data: &DataSet, count: usize, random: &mut Random) -> Vec<usize> {
    let count = count.min(data.keys());
    let mut keys = Vec::with_capacity(count);
    let mut seen = std::collections::HashSet::with_capacity(count);
    while keys.len() < count {
        let key = random.below(data.keys());
        if seen.insert(key) {
            keys.push(key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_no_key_twice() {
        let data = DataSet::new(50, 10);
        let mut random = Random::new(1);
        let mut keys = distinct(&data, 100, &mut random);
        keys.sort_unstable();
        assert_eq!(keys, (0..50).collect::<Vec<_>>());
    }
}
