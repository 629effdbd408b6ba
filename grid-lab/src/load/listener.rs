//! Who listens while the cluster is broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use grid_core::cache::{CacheError, FollowedEvents, NamedCache, View};
use grid_core::event::CacheEvent;
use grid_core::query::{EventFilter, Filter};
use parking_lot::Mutex;

use crate::clock::Stopwatch;
use crate::history::{News, Told};

use super::Access;

/// Follows the entries that clients change, over one session and all its connections, and has a view of them.
#[derive(Debug)]
pub struct Listener {
    number: u32,
    member: usize,
    watch: Stopwatch,
    told: Mutex<Vec<Told>>,
    view: View<String, u64>,
}

impl Listener {
    /// Begins to listen. What it is told is taken by [`run`](Self::run).
    ///
    /// # Errors
    /// When the cache cannot be followed.
    pub(super) async fn begin(
        number: u32,
        access: &Access,
        watch: Stopwatch,
    ) -> Result<(Arc<Self>, FollowedEvents<String, u64>), CacheError> {
        let events = access.events.listen_from(EventFilter::all(), None).await?;
        let listener = Listener {
            number,
            member: access.member(),
            watch,
            told: Mutex::default(),
            view: access.events.view(&Filter::Always).await?,
        };
        listener.note(News::Begins);
        Ok((Arc::new(listener), events))
    }

    pub(super) async fn run(self: Arc<Self>, mut events: FollowedEvents<String, u64>) {
        loop {
            let news = match events.next().await {
                Some(Ok(CacheEvent::Entry(event))) => match event.number {
                    Some(number) => News::Change {
                        key: event.key,
                        old: event.old,
                        new: event.new,
                        number: (
                            number.partition.index(),
                            number.placed.get(),
                            number.sequence.get(),
                        ),
                    },
                    None => News::Ended("a change has no number".to_owned()),
                },
                // What follows goes on where this is, or says that something is missing.
                Some(Ok(CacheEvent::Disconnected)) => continue,
                Some(Ok(CacheEvent::Resync)) => News::Resync,
                Some(Ok(other)) => News::Ended(format!("{other:?}")),
                Some(Err(error)) => News::Ended(error.to_string()),
                None => News::Ended("the end".to_owned()),
            };
            let over = matches!(news, News::Ended(_));
            self.note(news);
            if over {
                return;
            }
        }
    }

    fn note(&self, news: News) {
        let told = self.tell(news);
        self.told.lock().push(told);
    }

    fn tell(&self, news: News) -> Told {
        Told {
            listener: self.number,
            member: self.member,
            at_ns: self.watch.ns(),
            news,
        }
    }

    /// All that it was told so far, and what its view shows.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        let shows: BTreeMap<String, u64> = self
            .view
            .entries()
            .into_iter()
            .map(|(key, value)| ((*key).clone(), *value))
            .collect();
        let mut told = self.told.lock().clone();
        told.push(self.tell(News::Shows(shows)));
        told
    }
}
