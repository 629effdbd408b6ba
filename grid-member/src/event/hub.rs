//! The listeners of one cache.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use grid_core::event::{EventNumber, ListenTo};
use grid_core::membership::MemberId;
use grid_core::store::{Change, Want};
use grid_core::value::Key;
use parking_lot::RwLock;

use super::{EventSink, Lifecycle, Matched, Subject, Wish};

/// Someone listens.
const ANYONE: u8 = 1;
/// Someone listens who wants values.
const VALUES: u8 = 2;

type SinkId = u64;

/// Who is to be told.
enum Ear {
    /// A sink in this process.
    Here(Arc<dyn EventSink>),
    /// Everyone at another member.
    Member(MemberId),
}

impl Ear {
    fn is_here(&self) -> bool {
        matches!(self, Ear::Here(_))
    }
}

/// Hears what the sinks in this process want to hear of, all together.
///
/// Called with the hub locked, in the order of the changes: it notes and returns.
pub trait InterestLog: Send + Sync {
    /// The sinks in this process together want this of a subject from now on; `None`: nothing.
    fn note(&self, subject: &Subject, wish: Option<Wish>);
}

/// How many registrations there are, and how many of them want values.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    all: usize,
    with_values: usize,
}

impl Tally {
    /// A registration changes from one wish (`None`: there is none) to another.
    fn count(&mut self, before: Option<bool>, after: Option<bool>) {
        if let Some(values) = before {
            self.all -= 1;
            self.with_values -= usize::from(values);
        }
        if let Some(values) = after {
            self.all += 1;
            self.with_values += usize::from(values);
        }
    }

    fn wish(self) -> Option<Wish> {
        (self.all > 0).then_some(Wish {
            values: self.with_values > 0,
        })
    }
}

/// The registrations for one key.
#[derive(Debug, Default)]
struct OfKey {
    sinks: BTreeSet<SinkId>,
    /// Those of the sinks in this process.
    here: Tally,
}

struct Attached {
    ear: Ear,
    /// The registration for everything; whether it wants values.
    all: Option<bool>,
    /// The registrations for keys; whether each wants values.
    keys: HashMap<Subject, bool>,
    /// Those registrations that are not told of anything yet.
    quiet: BTreeSet<Subject>,
}

#[derive(Default)]
struct Inner {
    next_id: SinkId,
    sinks: BTreeMap<SinkId, Attached>,
    /// Which sinks registered for everything: those that each change concerns.
    all: BTreeSet<SinkId>,
    /// Which sinks registered for a key.
    by_key: HashMap<Subject, OfKey>,
    /// The cache is gone, and every sink was told.
    destroyed: bool,
    /// The sinks in this process are told of no change: some are missed before it, which they are told later.
    cut_off: bool,
    /// The registrations of all sinks, whatever for.
    registrations: Tally,
    /// The registrations for everything of the sinks in this process.
    all_here: Tally,
}

impl Inner {
    /// A registration of a sink changes from one wish (`None`: there is none) to another. Gives what the sinks in this
    /// process together want of the subject now, if that is something else than before.
    fn count(
        &mut self,
        (id, is_here): (SinkId, bool),
        subject: &Subject,
        (before, after): (Option<bool>, Option<bool>),
    ) -> Option<Option<Wish>> {
        self.registrations.count(before, after);
        let mut nobody = false;
        let here = match subject {
            Subject::All => {
                if after.is_some() {
                    self.all.insert(id);
                } else {
                    self.all.remove(&id);
                }
                &mut self.all_here
            }
            Subject::Key(_) | Subject::Kept => {
                let of_key = self.by_key.entry(subject.clone()).or_default();
                if after.is_some() {
                    of_key.sinks.insert(id);
                } else {
                    of_key.sinks.remove(&id);
                }
                nobody = of_key.sinks.is_empty();
                &mut of_key.here
            }
        };
        let had = here.wish();
        if is_here {
            here.count(before, after);
        }
        let has = here.wish();
        if nobody {
            self.by_key.remove(subject);
        }
        (had != has).then_some(has)
    }

    /// Tells the sinks in this process that events were lost.
    fn tell_missed(&self) {
        for attached in self.sinks.values() {
            if let Ear::Here(sink) = &attached.ear
                && (attached.all.is_some() || !attached.keys.is_empty())
            {
                sink.missed();
            }
        }
    }
}

/// The listeners of one cache, and what they registered for.
///
/// The invariant that listeners rely on: a change that starts after [`AttachedSink::listen`] returned, or
/// [`Quiet::begin`], is heard. It holds because a registration raises the interest first, and a writer asks for it
/// ([`ListenerHub::want`]) when it has the lock of the partition, before it changes anything.
///
/// In a cluster the other members are among those who listen, each with what its own sinks want together; what the sinks
/// in this process want together goes into an [`InterestLog`]. A change that this member made is told to all of them
/// ([`tell`](Self::tell)), one that another member made to the sinks in this process alone.
///
/// No sink is told of a change when one before it was missed, unless it was told so in between. So a member that was
/// [cut off](Self::cut_off) tells its sinks of nothing, from whichever side it comes, until all is heard again: what it
/// hears of in between may have gaps anywhere. That and the word of it are one step ([`heard_again`](Self::heard_again)).
#[derive(Default)]
pub struct ListenerHub {
    interest: AtomicU8,
    log: OnceLock<Arc<dyn InterestLog>>,
    inner: RwLock<Inner>,
}

impl ListenerHub {
    /// A cache without listeners.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A cache without listeners, whose interest is noted here.
    #[must_use]
    pub fn with_log(log: Arc<dyn InterestLog>) -> Self {
        ListenerHub {
            log: OnceLock::from(log),
            ..Self::default()
        }
    }

    /// What a writer must find out about its change for the listeners to be told.
    #[must_use]
    pub fn want(&self, previous: bool) -> Want {
        let interest = self.interest.load(Ordering::SeqCst);
        let values = interest & VALUES != 0;
        Want {
            previous,
            change: interest & ANYONE != 0,
            old_value: values,
            new_value: values,
        }
    }

    /// Attaches a sink. It hears of the cache's lifecycle at once, and of entries when it listens. A sink that comes
    /// after the cache was destroyed is told so here, and is not left to wait for ever.
    #[must_use]
    pub fn attach(self: &Arc<Self>, sink: Arc<dyn EventSink>) -> AttachedSink {
        self.attach_ear(Ear::Here(sink))
    }

    /// Attaches another member. It is told of changes that are made here when it listens, and of nothing else.
    #[must_use]
    pub fn attach_member(self: &Arc<Self>, member: MemberId) -> AttachedSink {
        self.attach_ear(Ear::Member(member))
    }

    fn attach_ear(self: &Arc<Self>, ear: Ear) -> AttachedSink {
        let mut inner = self.inner.write();
        if let Ear::Here(sink) = &ear
            && inner.destroyed
        {
            sink.lifecycle(Lifecycle::Destroyed);
        }
        let id = inner.next_id;
        inner.next_id += 1;
        let is_here = ear.is_here();
        inner.sinks.insert(
            id,
            Attached {
                ear,
                all: None,
                keys: HashMap::new(),
                quiet: BTreeSet::new(),
            },
        );
        AttachedSink {
            hub: self.clone(),
            id,
            is_here,
        }
    }

    /// Tells the sinks in this process of a change. Called with the partition locked, or what stands for it when another
    /// member made the change, so that the order is that of the changes.
    pub fn publish(&self, number: EventNumber, change: &Change) {
        self.tell((number, change), true, |_, _| {});
    }

    /// Tells those who listen of a change that was made here. Called with the partition locked, so that the order is that
    /// of the changes. `here`: the sinks in this process are told; `member` is called for each other member, with whether
    /// it wants values, and must not wait.
    ///
    /// A registration that wants values is not told of a change that was made without them: it came after the writer
    /// asked what is [wanted](ListenerHub::want), so the change is before it, and its listener reads the result.
    pub fn tell(
        &self,
        (number, change): (EventNumber, &Change),
        here: bool,
        mut member: impl FnMut(MemberId, bool),
    ) {
        let has_values = change.has_values();
        let told = |values: bool| has_values || !values;
        let inner = self.inner.read();
        let keys = inner.by_key.len() > usize::from(inner.by_key.contains_key(&Subject::Kept));
        let subject = keys.then(|| Key::new(change.key.clone()).ok()).flatten();
        let subject = subject.map(|key| Subject::of_key(&key));
        let of_key = subject.as_ref().and_then(|subject| inner.by_key.get(subject));
        let of_key_alone = of_key
            .into_iter()
            .flat_map(|of_key| &of_key.sinks)
            .filter(|id| !inner.all.contains(id));
        for attached in inner
            .all
            .iter()
            .chain(of_key_alone)
            .filter_map(|id| inner.sinks.get(id))
        {
            let key = subject.as_ref().and_then(|subject| attached.keys.get(subject));
            let begun = |subject: Option<&Subject>| {
                attached.quiet.is_empty() || subject.is_none_or(|subject| !attached.quiet.contains(subject))
            };
            let (all, key) = (
                attached
                    .all
                    .filter(|values| told(*values) && begun(Some(&Subject::All))),
                key.filter(|values| told(**values) && begun(subject.as_ref())),
            );
            if all.is_none() && key.is_none() {
                continue;
            }
            match &attached.ear {
                Ear::Here(sink) if here && !inner.cut_off => sink.entry(
                    (number, change),
                    Matched {
                        all: all.is_some(),
                        key: key.is_some(),
                    },
                ),
                Ear::Here(_) => {}
                Ear::Member(id) => member(*id, all == Some(true) || key == Some(&true)),
            }
        }
    }

    /// Tells the sinks in this process that events were lost; those of a member that is cut off are told later.
    pub fn publish_missed(&self) {
        let inner = self.inner.read();
        if !inner.cut_off {
            inner.tell_missed();
        }
    }

    /// The sinks in this process miss changes from now on.
    pub fn cut_off(&self) {
        self.inner.write().cut_off = true;
    }

    /// Every change from now on is heard again: the sinks in this process are told that they missed some, if they did, and of
    /// changes from then on.
    pub fn heard_again(&self) {
        let mut inner = self.inner.write();
        if std::mem::take(&mut inner.cut_off) {
            inner.tell_missed();
        }
    }

    /// Whether someone, here or at another member, wants the last changes to be kept.
    #[must_use]
    pub fn is_log_wanted(&self) -> bool {
        self.inner.read().by_key.contains_key(&Subject::Kept)
    }

    /// What the sinks in this process want to hear of, all together.
    #[must_use]
    pub fn interest(&self) -> Vec<(Subject, Wish)> {
        let inner = self.inner.read();
        let all = inner.all_here.wish().map(|wish| (Subject::All, wish));
        let keys = inner.by_key.iter();
        let keys = keys.filter_map(|(subject, of_key)| Some((subject.clone(), of_key.here.wish()?)));
        all.into_iter().chain(keys).collect()
    }

    /// Tells every sink what happened to the cache.
    pub fn publish_lifecycle(&self, what: Lifecycle) {
        let mut inner = self.inner.write();
        inner.destroyed |= what == Lifecycle::Destroyed;
        for attached in inner.sinks.values() {
            if let Ear::Here(sink) = &attached.ear {
                sink.lifecycle(what);
            }
        }
    }

    /// The number of sinks in this process that are attached.
    #[must_use]
    pub fn sink_count(&self) -> usize {
        let inner = self.inner.read();
        inner
            .sinks
            .values()
            .filter(|attached| attached.ear.is_here())
            .count()
    }

    /// The other members that listen.
    #[must_use]
    pub fn members(&self) -> BTreeSet<MemberId> {
        let inner = self.inner.read();
        let members = inner.sinks.values().filter_map(|attached| match &attached.ear {
            Ear::Member(member) => Some(*member),
            Ear::Here(_) => None,
        });
        members.collect()
    }

    fn show_interest(&self, inner: &Inner) {
        let anyone = if inner.registrations.all > 0 { ANYONE } else { 0 };
        let values = if inner.registrations.with_values > 0 {
            VALUES
        } else {
            0
        };
        self.interest.store(anyone | values, Ordering::SeqCst);
    }

    fn note(&self, subject: &Subject, change: Option<Option<Wish>>) {
        if let (Some(log), Some(wish)) = (self.log.get(), change) {
            log.note(subject, wish);
        }
    }
}

impl fmt::Debug for ListenerHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerHub")
            .field("sinks", &self.sink_count())
            .finish()
    }
}

/// A sink on a hub. Dropping it detaches the sink.
#[derive(Debug)]
pub struct AttachedSink {
    hub: Arc<ListenerHub>,
    id: SinkId,
    is_here: bool,
}

impl AttachedSink {
    /// Registers for a key or for everything. A second registration for the same changes only `values`.
    pub fn listen(&self, to: &ListenTo, values: bool) {
        self.register(&Subject::of(to), Some(values));
    }

    /// Registers as [`listen`](Self::listen) does, but is told of nothing before [`Quiet::begin`]: events of changes that
    /// were made before may still be on their way from other members. One that is there already goes on.
    pub fn listen_quietly(&self, to: &ListenTo, values: bool) -> Quiet {
        let subject = Subject::of(to);
        self.change(&subject, Some(values), true);
        Quiet {
            hub: self.hub.clone(),
            id: self.id,
            subject,
        }
    }

    /// Registers for the log of the last changes to be kept, at all members.
    pub fn keep_log(&self) {
        self.register(&Subject::Kept, Some(false));
    }

    /// Takes a registration back. One that was never made is not missed.
    pub fn unlisten(&self, to: &ListenTo) {
        self.register(&Subject::of(to), None);
    }

    /// Registers for a subject, with values or without; `None` takes the registration back.
    pub fn register(&self, subject: &Subject, values: Option<bool>) {
        self.change(subject, values, false);
    }

    fn change(&self, subject: &Subject, values: Option<bool>, quiet: bool) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        let Some(attached) = inner.sinks.get_mut(&self.id) else {
            return;
        };
        let before = match (subject, values) {
            (Subject::All, values) => std::mem::replace(&mut attached.all, values),
            (Subject::Key(_) | Subject::Kept, Some(values)) => attached.keys.insert(subject.clone(), values),
            (Subject::Key(_) | Subject::Kept, None) => attached.keys.remove(subject),
        };
        if quiet && before.is_none() {
            attached.quiet.insert(subject.clone());
        } else if !quiet {
            attached.quiet.remove(subject);
        }
        let change = inner.count((self.id, self.is_here), subject, (before, values));
        self.hub.show_interest(inner);
        self.hub.note(subject, change);
    }

    /// Whether it registered for nothing.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let inner = self.hub.inner.read();
        let attached = inner.sinks.get(&self.id);
        attached.is_none_or(|attached| attached.all.is_none() && attached.keys.is_empty())
    }
}

impl Drop for AttachedSink {
    fn drop(&mut self) {
        let mut guard = self.hub.inner.write();
        let inner = &mut *guard;
        let removed = inner.sinks.remove(&self.id);
        if let Some(attached) = &removed {
            let all = attached.all.map(|values| (&Subject::All, values));
            let keys = attached.keys.iter().map(|(subject, values)| (subject, *values));
            for (subject, values) in all.into_iter().chain(keys) {
                let change = inner.count((self.id, self.is_here), subject, (Some(values), None));
                self.hub.note(subject, change);
            }
        }
        self.hub.show_interest(inner);
        // The sink may hold many events: they are freed after the lock, which writers wait for.
        drop(guard);
        drop(removed);
    }
}

/// A registration that is not told of anything yet.
#[derive(Debug)]
#[must_use = "until it begins its listener hears nothing"]
pub struct Quiet {
    hub: Arc<ListenerHub>,
    id: SinkId,
    subject: Subject,
}

impl Quiet {
    /// From now on it is told of changes.
    pub fn begin(self) {
        if let Some(attached) = self.hub.inner.write().sinks.get_mut(&self.id) {
            attached.quiet.remove(&self.subject);
        }
    }
}

#[cfg(test)]
#[path = "hub_test.rs"]
mod tests;
