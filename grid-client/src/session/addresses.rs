//! Where a session may connect to.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::clock;
use crate::connection::{Opened, open};

use super::{ConnectError, Settings};

/// The addresses of a session: those that were given, then those that are found while it lives, then those of the
/// members that a member has told of.
#[derive(Debug)]
pub(crate) struct Addresses {
    given: Vec<Arc<str>>,
    found: Mutex<Vec<Arc<str>>>,
    told: Mutex<Vec<Arc<str>>>,
    /// Rings when others are found.
    changed: Notify,
    /// Rings when a connection failed, so that who looks for addresses looks again.
    wanted: Notify,
}

impl Addresses {
    pub(crate) fn new(given: Vec<Arc<str>>) -> Self {
        Addresses {
            given,
            found: Mutex::default(),
            told: Mutex::default(),
            changed: Notify::new(),
            wanted: Notify::new(),
        }
    }

    /// All of them, in the order in which they are tried.
    pub(crate) fn all(&self) -> Vec<Arc<str>> {
        let mut all = self.given.clone();
        for more in [&self.found, &self.told] {
            for address in more.lock().iter() {
                if !all.contains(address) {
                    all.push(address.clone());
                }
            }
        }
        all
    }

    /// The one that is tried after this one: the first after the last, and after one that is not known any more.
    pub(crate) fn after(&self, address: &Arc<str>) -> Arc<str> {
        let all = self.all();
        let next = all
            .iter()
            .position(|known| known == address)
            .map_or(0, |at| at + 1);
        all.get(next).or_else(|| all.first()).unwrap_or(address).clone()
    }

    /// Replaces those that were found.
    #[cfg_attr(
        not(feature = "discovery"),
        expect(dead_code, reason = "nobody looks for members")
    )]
    pub(crate) fn found(&self, found: Vec<Arc<str>>) {
        let changed = {
            let mut known = self.found.lock();
            let changed = *known != found;
            *known = found;
            changed
        };
        if changed {
            self.changed.notify_waiters();
        }
    }

    /// Replaces those of the members that a member has told of.
    pub(crate) fn told(&self, told: Vec<Arc<str>>) {
        *self.told.lock() = told;
    }

    /// Asks for looking again, since a connection failed.
    pub(crate) fn look_again(&self) {
        self.wanted.notify_one();
    }

    /// Waits until looking again is asked for.
    #[cfg_attr(
        not(feature = "discovery"),
        expect(dead_code, reason = "nobody looks for members")
    )]
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Connects to the first address that can be: each is tried once, and while members are looked for, those that are
    /// found in time too.
    ///
    /// # Errors
    /// When none can be, or none was found.
    pub(crate) async fn open_any(&self, settings: &Settings) -> Result<Opened, ConnectError> {
        let deadline = clock::now() + settings.connect_timeout;
        let (mut tried, mut attempts) = (BTreeSet::new(), Vec::new());
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            for address in self.all() {
                if !tried.insert(address.clone()) {
                    continue;
                }
                match open(&address, settings).await {
                    Ok(opened) => return Ok(opened),
                    Err(reason) => attempts.push(format!("{address}: {reason}")),
                }
            }
            if settings.looks() && timeout_at(deadline, changed).await.is_ok() {
                continue;
            }
            #[cfg(feature = "discovery")]
            if attempts.is_empty() {
                return Err(ConnectError::NothingFound {
                    sources: settings.finding.sources(),
                    after: settings.connect_timeout,
                });
            }
            return Err(ConnectError::Unreachable { attempts });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(addresses: &[Arc<str>]) -> Vec<&str> {
        addresses.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn given_addresses_come_first_and_each_comes_once() {
        let addresses = Addresses::new(vec!["a:1".into(), "b:1".into()]);
        addresses.found(vec!["c:1".into(), "a:1".into()]);
        assert_eq!(texts(&addresses.all()), ["a:1", "b:1", "c:1"]);
        assert_eq!(&*addresses.after(&"b:1".into()), "c:1");
        assert_eq!(&*addresses.after(&"c:1".into()), "a:1");
        addresses.found(Vec::new());
        assert_eq!(
            &*addresses.after(&"c:1".into()),
            "a:1",
            "it is not known any more"
        );
    }

    #[test]
    fn with_nothing_to_choose_from_the_same_is_tried() {
        let addresses = Addresses::new(Vec::new());
        assert_eq!(&*addresses.after(&"c:1".into()), "c:1");
    }
}
