//! Turns of those that work on the same entry.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use grid_core::store::CacheId;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// So many wait for their turn on one entry.
const WAITING_MAX: usize = 1_024;

/// An entry, or those few whose keys have the same hash.
type Place = (CacheId, u64);

/// Who waits for which entry, in the order in which they came. An entry that nobody works on is not there.
type Waiting = Mutex<HashMap<Place, VecDeque<oneshot::Sender<()>>>>;

/// Has those that work on the same entry do so one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    waiting: Arc<Waiting>,
}

/// As long as it is there, it is the turn of who has it. The next ones come in their order.
#[derive(Debug)]
pub(super) struct Turn {
    waiting: Arc<Waiting>,
    places: Vec<Place>,
}

impl Turns {
    /// Waits for the turn on some entries. `None` when too many wait.
    pub(super) async fn take(&self, mut places: Vec<Place>) -> Option<Turn> {
        // All take them in one order, so that none waits for another in a circle.
        places.sort_unstable();
        places.dedup();
        let mut turn = Turn {
            waiting: self.waiting.clone(),
            places: Vec::with_capacity(places.len()),
        };
        for place in places {
            let told = {
                let mut waiting = self.waiting.lock();
                match waiting.get_mut(&place) {
                    None => {
                        waiting.insert(place, VecDeque::new());
                        None
                    }
                    Some(queue) if queue.len() >= WAITING_MAX => return None,
                    Some(queue) => {
                        let (tell, told) = oneshot::channel();
                        queue.push_back(tell);
                        Some(told)
                    }
                }
            };
            if let Some(told) = told {
                Told(Some(told), &mut turn, place).await_turn().await?;
            } else {
                turn.places.push(place);
            }
        }
        Some(turn)
    }
}

/// Somebody who waits; should they stop, a turn that was given to them meanwhile goes on to the next.
struct Told<'t>(Option<oneshot::Receiver<()>>, &'t mut Turn, Place);

impl Told<'_> {
    async fn await_turn(mut self) -> Option<()> {
        let told = self.0.as_mut()?;
        let given = told.await.is_ok();
        self.0 = None;
        if given {
            self.1.places.push(self.2);
        }
        given.then_some(())
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if let Some(told) = &mut self.0 {
            told.close();
            if told.try_recv().is_ok() {
                self.1.places.push(self.2);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        for place in self.places.drain(..) {
            let Some(queue) = waiting.get_mut(&place) else {
                continue;
            };
            // Those who do not wait any more are passed over.
            let mut given = false;
            while let Some(next) = queue.pop_front() {
                if next.send(()).is_ok() {
                    given = true;
                    break;
                }
            }
            if !given {
                waiting.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn place(hash: u64) -> Place {
        (CacheId::new(1), hash)
    }

    #[tokio::test]
    async fn turns_come_in_their_order_and_leave_nothing() {
        let turns = Turns::default();
        let first = turns.take(vec![place(1), place(2)]).await.unwrap();
        let mut second = Box::pin(turns.take(vec![place(2)]));
        let mut third = Box::pin(turns.take(vec![place(2), place(1)]));
        let mut gone = Box::pin(turns.take(vec![place(2)]));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut gone).now_or_never().is_none());
        assert!(
            turns.take(vec![place(3)]).now_or_never().is_some(),
            "others are free"
        );
        drop(gone);
        drop(first);
        let second = (&mut second).now_or_never().expect("it is its turn");
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        drop(third.await);
        assert!(turns.waiting.lock().is_empty());
    }

    #[tokio::test]
    async fn who_stops_waiting_gives_the_turn_on() {
        let turns = Turns::default();
        let first = turns.take(vec![place(1)]).await.unwrap();
        let mut second = Box::pin(turns.take(vec![place(1)]));
        let mut third = Box::pin(turns.take(vec![place(1)]));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        // It is given to the second, who goes without having looked.
        drop(first);
        drop(second);
        drop(third.await.unwrap());
        assert!(turns.waiting.lock().is_empty());
    }
}
