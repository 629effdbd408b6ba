//! Questions of other members that are being answered, and may be withdrawn.
//!
//! Who asks and goes away, as a client does that gives up a query, withdraws what it asked: no partition is begun any more
//! for an answer that nobody reads. What changes something is never withdrawn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;

use crate::transport::Link;

use super::message::kind;

/// The connection on which a question came, and its number there.
type Place = (u64, u64);

/// The questions that are being answered here.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: Mutex<BTreeMap<Place, Arc<AtomicBool>>>,
    withdrawn: AtomicU64,
}

impl Questions {
    /// A question came.
    pub(super) fn begin(self: &Arc<Self>, connection: u64, number: u64) -> OpenQuestion {
        let stop = Arc::new(AtomicBool::new(false));
        self.open.lock().insert((connection, number), stop.clone());
        OpenQuestion {
            questions: self.clone(),
            place: (connection, number),
            stop,
        }
    }

    /// A question is withdrawn, if it is open.
    pub(super) fn withdraw(&self, connection: u64, number: u64) {
        let stop = self.open.lock().get(&(connection, number)).cloned();
        if let Some(stop) = stop {
            self.stop(&stop);
        }
    }

    /// A connection is over, and nobody can get the answers to its questions.
    pub(super) fn closed(&self, connection: u64) {
        let open = self.open.lock();
        for ((came_on, _), stop) in open.iter() {
            if *came_on == connection {
                self.stop(stop);
            }
        }
    }

    /// How many are being answered.
    pub(super) fn open(&self) -> usize {
        self.open.lock().len()
    }

    /// How many were withdrawn.
    pub(super) fn withdrawn(&self) -> u64 {
        self.withdrawn.load(Ordering::Relaxed)
    }

    fn stop(&self, stop: &AtomicBool) {
        if !stop.swap(true, Ordering::Relaxed) {
            self.withdrawn.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A question that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct OpenQuestion {
    questions: Arc<Questions>,
    place: Place,
    stop: Arc<AtomicBool>,
}

impl OpenQuestion {
    /// Turns true when nobody wants the answer any more.
    pub(super) fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        self.questions.open.lock().remove(&self.place);
    }
}

/// A question that was asked of another member: withdrawn when this is dropped before the answer came.
#[derive(Debug)]
pub(super) struct Asked {
    link: Arc<Link>,
    number: u64,
    answered: bool,
}

impl Asked {
    /// A question with this number on a link.
    pub(super) fn new(link: Arc<Link>, number: u64) -> Self {
        Asked {
            link,
            number,
            answered: false,
        }
    }

    /// The answer came.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.answered {
            // One that cannot be told either has no connection, or so much to read that it is late anyway.
            let _told = self.link.send(kind::WITHDRAW, write(self.number));
        }
    }
}

/// A number before the body of a frame.
pub(super) fn write(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// Takes the number off the body of a frame.
pub(super) fn read(body: &mut Bytes) -> Option<u64> {
    body.try_get_u64().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_withdrawn_alone_or_with_its_connection() {
        let questions = Arc::new(Questions::default());
        let all = [(1, 1), (1, 2), (2, 1)].map(|(connection, number)| questions.begin(connection, number));
        let stopped = || all.each_ref().map(|one| one.stop().load(Ordering::Relaxed));
        questions.withdraw(2, 2);
        assert_eq!((stopped(), questions.withdrawn()), ([false, false, false], 0));
        questions.withdraw(1, 2);
        assert_eq!((stopped(), questions.withdrawn()), ([false, true, false], 1));
        questions.closed(1);
        assert_eq!((stopped(), questions.withdrawn()), ([true, true, false], 2));
        assert_eq!(questions.open(), 3);
        drop(all);
        assert_eq!(questions.open(), 0);
    }

    #[test]
    fn a_number_comes_before_the_body() {
        let mut body = Bytes::from([&write(7)[..], b"rest"].concat());
        assert_eq!(read(&mut body), Some(7));
        assert_eq!(body, "rest");
        assert_eq!(read(&mut body), None);
    }
}
