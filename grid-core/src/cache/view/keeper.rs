//! What keeps a view up to date.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use serde::de::DeserializeOwned;

use crate::cache::{
    Background, BinaryEvents, BinarySelection, CacheBackend, CacheError, CacheName, Query, QueryContents,
    Selected,
};
use crate::event::{BinaryEntryEvent, BinaryEvent, EventPositions, Listen, ListenTo};
use crate::query::{EventFilter, EventKinds, EventTransformer};

use super::content::{Content, Told};
use super::events::{Listeners, Wish};
use super::plan::Contents;
use super::progress::Progress;
use super::{ViewEvents, ViewPhase, ViewPlan, ViewStatus};

/// The pause after a first reading that failed; each further one doubles it.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// The longest pause between readings that fail.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often a view reads before it gives up to be opened, because events were lost or the cache was truncated meanwhile.
const OPENING_READINGS_MAX: u64 = 64;

struct State<K, V> {
    content: Content<K, V>,
    listeners: Listeners<K, V>,
    phase: ViewPhase,
    progress: Progress,
}

/// What the handles of a view and its task share.
pub(super) struct Shared<K, V> {
    state: RwLock<State<K, V>>,
    events: AtomicU64,
}

/// A view's content, locked for reading.
pub(super) struct Reading<'a, K, V>(RwLockReadGuard<'a, State<K, V>>);

impl<K, V> std::ops::Deref for Reading<'_, K, V> {
    type Target = Content<K, V>;

    fn deref(&self) -> &Content<K, V> {
        &self.0.content
    }
}

impl<K, V> Shared<K, V> {
    pub(super) fn read(&self) -> Reading<'_, K, V> {
        Reading(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K, V>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> ViewStatus {
        let Reading(state) = self.read();
        let phase = match &state.phase {
            ViewPhase::Current if !state.progress.is_connected() => ViewPhase::Disconnected,
            phase => phase.clone(),
        };
        ViewStatus {
            phase,
            readings: state.content.readings(),
            events: self.events.load(Ordering::Relaxed),
        }
    }

    pub(super) fn current_to(&self) -> Option<EventPositions> {
        let Reading(state) = self.read();
        state.progress.current_to()
    }

    /// All entries, and what is told of changes after they were taken to one who wants to hear of this.
    #[expect(clippy::type_complexity, reason = "a snapshot is entries as they come")]
    pub(super) fn follow(&self, wish: Wish<K, V>) -> (Vec<(Arc<K>, Arc<V>)>, ViewEvents<K, V>) {
        let mut state = self.write();
        let entries = state.content.entries();
        (entries, Self::add(&mut state, wish))
    }

    /// What is told of changes from now on to one who wants to hear of this.
    pub(super) fn listen(&self, wish: Wish<K, V>) -> ViewEvents<K, V> {
        Self::add(&mut self.write(), wish)
    }

    fn add(state: &mut State<K, V>, wish: Wish<K, V>) -> ViewEvents<K, V> {
        let len_max = state.content.plan().event_queue_len;
        let events = state.listeners.add(len_max, wish);
        if let ViewPhase::Ended(error) = &state.phase {
            state.listeners.end(error);
        }
        events
    }

    /// Changes what is shown, and tells of it in the same step.
    fn change<E>(
        &self,
        change: impl FnOnce(&mut Content<K, V>) -> Result<E, CacheError>,
    ) -> Result<(), CacheError>
    where
        E: IntoIterator<Item = Told<K, V>>,
    {
        let mut state = self.write();
        let events = change(&mut state.content)?;
        for event in events {
            state.listeners.tell(&event);
        }
        Ok(())
    }

    /// Takes an event of the cache in. Who is told of it finds the view as far as it.
    fn take_event(&self, event: BinaryEntryEvent) -> Result<(), CacheError>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let mut state = self.write();
        let number = event.number;
        let told = state.content.take_event(event)?;
        if let Some(number) = number {
            state.progress.passed(&[number]);
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        if let Some(told) = told {
            state.listeners.tell(&told);
        }
        Ok(())
    }

    fn begin_reading(&self) {
        let mut state = self.write();
        state.content.begin_reading();
        state.progress.stand_still();
    }

    /// All is read: what is shown is as far as what was heard.
    fn end_reading(&self) {
        let mut state = self.write();
        for event in state.content.end_reading() {
            state.listeners.tell(&event);
        }
        state.progress.go_on();
        state.phase = ViewPhase::Current;
    }

    fn set_phase(&self, phase: ViewPhase) {
        self.write().phase = phase;
    }

    /// The view does not change any more. The first reason counts.
    fn end(&self, error: CacheError) {
        let mut state = self.write();
        if !matches!(state.phase, ViewPhase::Ended(_)) {
            let error = Arc::new(error);
            state.listeners.end(&error);
            state.phase = ViewPhase::Ended(error);
        }
    }
}

/// What an event of the cache means for a view.
enum Heard {
    /// It was taken in.
    Taken,
    /// What was read or heard before may be stale: all is to be read anew.
    ReadAnew,
}

/// The events that a view wants which has less than the values; `None` for one that has them.
fn selected(plan: &ViewPlan) -> Option<EventFilter> {
    let (kinds, new) = match &plan.contents {
        Contents::Values => return None,
        Contents::Extracted(extractor) => (EventKinds::ALL, Some(extractor.clone())),
        Contents::Keys => (EventKinds::KEY_SET, None),
    };
    let filter = EventFilter::new(plan.filter.clone()).of_kinds(kinds);
    Some(filter.transformed(EventTransformer::Selected { new }))
}

fn listen_to(filter: EventFilter) -> Listen {
    Listen {
        to: ListenTo::Where(filter),
        values: true,
    }
}

/// Listens for a view, and reads. Whatever ends it ends the view.
pub(super) struct Keeper<K, V> {
    shared: Arc<Shared<K, V>>,
    backend: Arc<dyn CacheBackend>,
    background: Arc<dyn Background>,
    query: Query,
    events: BinaryEvents,
}

impl<K, V> Drop for Keeper<K, V> {
    fn drop(&mut self) {
        self.shared.end(CacheError::ShuttingDown);
    }
}

impl<K, V> Keeper<K, V>
where
    K: DeserializeOwned + Send + Sync + 'static,
    V: DeserializeOwned + Send + Sync + 'static,
{
    /// Starts to listen.
    pub(super) async fn start(
        backend: Arc<dyn CacheBackend>,
        background: Arc<dyn Background>,
        plan: ViewPlan,
    ) -> Result<Self, CacheError> {
        let all = EventFilter::new(plan.filter.clone());
        let selected = selected(&plan);
        let hears_selection = selected.is_some();
        let wanted = listen_to(selected.unwrap_or_else(|| all.clone()));
        let (events, hears_selection) = match backend.follow(wanted, None).await {
            // Who numbers no changes may not know of selections either.
            Err(CacheError::Unsupported { .. }) => (backend.listen(listen_to(all)).await?, false),
            followed => (followed?, hears_selection),
        };
        let query = Query {
            filter: plan.filter.clone(),
            contents: match plan.contents {
                Contents::Keys => QueryContents::Keys,
                Contents::Values | Contents::Extracted(_) => QueryContents::Entries,
            },
            order: None,
        };
        let state = State {
            content: Content::new(plan, hears_selection),
            listeners: Listeners::new(),
            phase: ViewPhase::Reading(None),
            progress: Progress::new(),
        };
        let shared = Arc::new(Shared {
            state: RwLock::new(state),
            events: AtomicU64::new(0),
        });
        Ok(Keeper {
            shared,
            backend,
            background,
            query,
            events,
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared<K, V>> {
        &self.shared
    }

    /// Reads all that the filter selects, and takes in the events that come meanwhile; again when they say so.
    pub(super) async fn read(&mut self) -> Result<(), CacheError> {
        let first = self.shared.read().readings();
        while self.read_once().await? {
            if self.shared.read().readings() - first >= OPENING_READINGS_MAX {
                let what = "events of what a view shows are lost faster than it can read; use a filter that \
                            selects less, or a cache that is truncated less often";
                return Err(CacheError::Overloaded {
                    what: what.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Reads once. Whether that does not count, and is to be done again.
    async fn read_once(&mut self) -> Result<bool, CacheError> {
        self.shared.begin_reading();
        let mut selection: BinarySelection = self.backend.query(self.query.clone());
        loop {
            // Events first: they came before what is read after them.
            match select(self.events.next(), selection.next()).await {
                Either::Left((event, _)) => {
                    if let Heard::ReadAnew = hear(&self.shared, self.backend.name(), event)? {
                        return Ok(true);
                    }
                }
                Either::Right((part, _)) => match part.transpose()? {
                    Some(part) => self.take(part)?,
                    None => break,
                },
            }
        }
        self.shared.end_reading();
        Ok(false)
    }

    fn take(&self, part: Selected) -> Result<(), CacheError> {
        self.shared.change(|content| content.take_read(part))
    }

    /// Takes in events until the view ends.
    pub(super) async fn keep(mut self) {
        let ended = loop {
            let event = self.events.next().await;
            match hear(&self.shared, self.backend.name(), event) {
                Ok(Heard::Taken) => {}
                Ok(Heard::ReadAnew) => {
                    if let Err(error) = self.read_anew().await {
                        break error;
                    }
                }
                Err(error) => break error,
            }
        };
        self.shared.end(ended);
    }

    /// Reads until that works, or cannot.
    async fn read_anew(&mut self) -> Result<(), CacheError> {
        let mut pause = PAUSE_FIRST;
        self.shared.set_phase(ViewPhase::Reading(None));
        loop {
            match self.read_once().await {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                // What is too large for the view is so at the next reading, too.
                Err(error) if error.is_transient() && !self.shared.read().is_full() => {
                    self.shared.set_phase(ViewPhase::Reading(Some(Arc::new(error))));
                }
                Err(error) => return Err(error),
            }
            self.background.pause(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Takes in what was heard of the cache.
fn hear<K: DeserializeOwned, V: DeserializeOwned>(
    shared: &Shared<K, V>,
    cache: &CacheName,
    event: Option<Result<BinaryEvent, CacheError>>,
) -> Result<Heard, CacheError> {
    match event {
        Some(Ok(BinaryEvent::Entry(event))) => {
            shared.take_event(event)?;
            Ok(Heard::Taken)
        }
        // Others may have put entries since the cache was truncated, and their events came before this one.
        Some(Ok(BinaryEvent::Resync | BinaryEvent::Truncated)) => {
            shared.write().progress.stand_still();
            Ok(Heard::ReadAnew)
        }
        Some(Ok(BinaryEvent::Reached(positions))) => {
            shared.write().progress.reached(*positions);
            Ok(Heard::Taken)
        }
        Some(Ok(BinaryEvent::Passed(numbers))) => {
            shared.write().progress.passed(&numbers);
            Ok(Heard::Taken)
        }
        Some(Ok(BinaryEvent::Disconnected)) => {
            shared.write().progress.disconnected();
            Ok(Heard::Taken)
        }
        // What cannot be read may have been anything.
        Some(Err(CacheError::Protocol { .. })) => Ok(Heard::ReadAnew),
        Some(Ok(BinaryEvent::Destroyed)) => Err(CacheError::Destroyed {
            cache: cache.to_string(),
        }),
        Some(Err(error)) => Err(error),
        None => Err(CacheError::ShuttingDown),
    }
}
