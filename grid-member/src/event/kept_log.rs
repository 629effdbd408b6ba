//! The log of the last changes of a cache, as this member keeps it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures::stream::{StreamExt, unfold};
use grid_core::cache::BinaryEvents;
use grid_core::event::{
    BinaryEvent, EventLog, EventNumber, EventOrigin, EventPositions, Gap, Listen, LogReader, LoggedChange,
    Taken,
};
use grid_core::partition::PartitionCount;
use grid_core::partition::table::Epoch;
use grid_core::store::{Change, Sequence};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::log_budget::Share;
use super::{AttachedSink, EventSink, Lifecycle, LogBudget, Matched};

struct State {
    log: EventLog,
    /// How often changes were lost on their way here.
    losses: u64,
}

/// The log of the last changes of a cache, as this member keeps it: a sink that writes it, and those who read it.
///
/// Whoever follows a cache reads here at its own pace: nothing waits for it. One that is slower than the log forgets is
/// told so.
pub struct KeptLog {
    state: Mutex<State>,
    share: Share,
    news: watch::Sender<()>,
}

impl KeptLog {
    /// A log that knows nothing yet.
    #[must_use]
    pub fn new(origin: EventOrigin, partitions: PartitionCount, budget: &Arc<LogBudget>) -> Self {
        let share = budget.share();
        KeptLog {
            state: Mutex::new(State {
                log: EventLog::new(origin, partitions, share.bytes()),
                losses: 0,
            }),
            share,
            news: watch::Sender::new(()),
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.state.lock());
        self.news.send_replace(());
        result
    }

    /// Whether it knows of every change since it began.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state.lock().log.is_whole()
    }

    /// How often changes were lost on their way here.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.state.lock().losses
    }

    /// Every change after these numbers was told here or will be, if none was lost since there were so many losses.
    /// Whether it is so.
    pub fn begin(&self, losses: u64, marks: &[(Epoch, Sequence)]) -> bool {
        self.change(|state| {
            let begins = state.losses == losses;
            if begins {
                state.log.begin(marks);
            }
            begins
        })
    }

    /// About how many bytes it keeps.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state.lock().log.bytes()
    }

    /// Forgets what is more than its share, which is smaller when more caches are followed. What those who follow have not
    /// read yet stays, within a limit of its own.
    pub fn shrink_to_share(&self) {
        self.shrink(&mut self.state.lock());
    }

    fn shrink(&self, state: &mut State) {
        state
            .log
            .set_bytes_max(self.share.bytes(), self.share.unread_bytes());
    }

    /// Takes what comes next for a reader that [follows](Self::follow).
    fn take(&self, reader: &mut LogReader) -> Result<Taken, Gap> {
        let mut state = self.state.lock();
        state.log.end_reading(reader.place());
        let taken = reader.take(&state.log);
        state.log.begin_reading(reader.place());
        taken
    }

    /// What follows these positions, or is told from now on. The sink goes with the stream.
    #[must_use]
    pub fn follow(
        self: &Arc<Self>,
        listen: Listen,
        after: Option<&EventPositions>,
        sink: AttachedSink,
    ) -> BinaryEvents {
        let (reader, first) = {
            let mut state = self.state.lock();
            let read = after.map_or_else(|| Ok(state.log.read_on()), |after| state.log.read_after(after));
            let (reader, first) = match read {
                Ok(reader) => (reader, None),
                Err(Gap) => {
                    let (whole, bytes) = (state.log.is_whole(), state.log.bytes());
                    tracing::debug!(
                        whole,
                        bytes,
                        "who came back is to read again: changes are not kept any more"
                    );
                    (state.log.read_on(), Some(BinaryEvent::Resync))
                }
            };
            state.log.begin_reading(reader.place());
            (reader, first)
        };
        let begins = BinaryEvent::Reached(reader.positions().clone().into());
        let following = Following {
            news: self.news.subscribe(),
            log: self.clone(),
            reader,
            listen,
            told: first.into_iter().chain([begins]).collect(),
            ended: false,
            _sink: sink,
        };
        unfold(following, |mut following| async {
            let event = following.next().await?;
            Some((Ok(event), following))
        })
        .boxed()
    }
}

impl EventSink for KeptLog {
    fn entry(&self, (number, change): (EventNumber, &Change), _: Matched) {
        // Its bytes are copied before the lock, which other partitions' writers wait for.
        let logged = Arc::new(LoggedChange::new(number, change));
        self.change(|state| {
            self.shrink(state);
            state.log.push(logged);
        });
    }

    fn lifecycle(&self, what: Lifecycle) {
        self.change(|state| match what {
            Lifecycle::Truncated => state.log.truncated(),
            Lifecycle::Destroyed => state.log.end(),
        });
    }

    fn missed(&self) {
        self.change(|state| {
            state.losses += 1;
            state.log.lose();
        });
    }
}

impl fmt::Debug for KeptLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLog").finish_non_exhaustive()
    }
}

/// One who follows.
struct Following {
    news: watch::Receiver<()>,
    log: Arc<KeptLog>,
    reader: LogReader,
    listen: Listen,
    /// What is to be told.
    told: VecDeque<BinaryEvent>,
    ended: bool,
    /// While it is here the log is kept.
    _sink: AttachedSink,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.log.state.lock().log.end_reading(self.reader.place());
    }
}

impl Following {
    async fn next(&mut self) -> Option<BinaryEvent> {
        loop {
            if let Some(event) = self.told.pop_front() {
                self.ended = matches!(event, BinaryEvent::Destroyed);
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.news.mark_unchanged();
            let taken = self.log.take(&mut self.reader);
            match taken {
                Ok(taken) if taken.is_empty() => self.news.changed().await.ok()?,
                Ok(taken) => self.told.extend(self.reader.tell(taken, &self.listen)),
                Err(Gap) => {
                    let reached = self.reader.positions().clone().into();
                    self.told
                        .extend([BinaryEvent::Resync, BinaryEvent::Reached(reached)]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt;
    use grid_core::event::ListenTo;
    use grid_core::store::{CacheId, ChangeKind};
    use grid_core::value::{Binary, Format};

    use super::*;
    use crate::event::ListenerHub;

    const BUDGET: usize = 100_000;

    fn log(budget: &Arc<LogBudget>) -> KeptLog {
        let origin = EventOrigin {
            life: 1,
            cache: CacheId::new(1),
        };
        KeptLog::new(origin, PartitionCount::ONE, budget)
    }

    /// Tells of so many changes.
    fn tell(log: &KeptLog, count: u64) {
        for sequence in 1..=count {
            let change = Change {
                sequence: Sequence::new(sequence),
                cache: CacheId::new(1),
                key: Binary::new(Format::JSON, Bytes::from_static(b"1")),
                kind: ChangeKind::Insert,
                old: None,
                new: Some(Binary::new(Format::JSON, vec![b'1'; 1_000].into())),
                deadline: None,
                expired: false,
            };
            let number = EventNumber {
                partition: PartitionCount::ONE.nth(0).unwrap(),
                placed: Epoch::ZERO,
                sequence: change.sequence,
            };
            log.entry((number, &change), Matched::default());
        }
    }

    #[test]
    fn a_log_that_hears_nothing_keeps_its_share_as_that_becomes_smaller() {
        let budget = Arc::new(LogBudget::new(BUDGET));
        let first = log(&budget);
        tell(&first, 1_000);
        assert!(first.bytes() > BUDGET / 2);
        let second = log(&budget);
        tell(&second, 1_000);
        first.shrink_to_share();
        assert!(first.bytes() + second.bytes() <= BUDGET);
        assert!(first.bytes() > BUDGET / 4);
    }

    /// What one who follows is told that is there.
    fn told(events: &mut BinaryEvents) -> Vec<BinaryEvent> {
        std::iter::from_fn(|| events.next().now_or_never().flatten())
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn who_follows_is_told_of_more_than_the_share_of_one_of_many_logs() {
        let budget = Arc::new(LogBudget::new(BUDGET));
        let first = Arc::new(log(&budget));
        let _others: Vec<_> = (0..1_000).map(|_| log(&budget)).collect();
        first.begin(0, &[Default::default()]);
        let hub = Arc::new(ListenerHub::new());
        let listen = Listen {
            to: ListenTo::All,
            values: true,
        };
        let mut events = first.follow(listen, None, hub.attach(first.clone()));
        assert!(matches!(told(&mut events)[..], [BinaryEvent::Reached(_)]));
        tell(&first, 50);
        let told_now = told(&mut events);
        let all_entries = told_now
            .iter()
            .all(|event| matches!(event, BinaryEvent::Entry(_)));
        assert!(all_entries && told_now.len() == 50, "{told_now:?}");
        first.shrink_to_share();
        assert_eq!(first.bytes(), 0, "a share is less than a change");
        tell(&first, 50);
        drop(events);
        first.shrink_to_share();
        assert_eq!(first.bytes(), 0, "nobody reads any more");
    }
}
