//! What the parts of a member of a cluster share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError, CacheName, Unavailability};
use grid_core::control::{CacheRecord, Command, Outcome};
use grid_core::membership::{MemberId, Moment};
use grid_core::partition::PartitionId;
use grid_core::partition::table::{BackupCount, Epoch, ServiceId, Step, StepChange};
use grid_core::query::Extractor;
use grid_core::replication::{Effect, Message, TruncationId};
use grid_core::store::{CacheId, CacheSettings, INDEXES_MAX, IndexDefinition};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc, watch};

use crate::cache::{CacheRegistry, Catalogue};
use crate::clock::Clock;
use crate::control::{ControlGroup, ControlNetwork, NetworkError, ProposeError};
use crate::event::InterestLog;
use crate::replication::{Awaited, Outlet, Replicas, wire};
use crate::routing::{CallFailed, Calls, Router};
use crate::task::{Supervisor, TaskKind};
use crate::transport::{Identity, Lane, LinkError, Transport};

use super::control_loop::Event;
use super::links::Links;
use super::listening::Listening;
use super::machine::{Observer, StateMachine};
use super::message::{ProposeAnswer, kind, read, write};
use super::news::Newsroom;
use super::withdrawal::{self, Asked, Questions};
use super::{ClusterSettings, LeaseGuard, View};

pub(super) type Group = ControlGroup<StateMachine, Observer>;

/// So long something that has to be agreed is tried.
const PROPOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// So long after a proposal that nobody took it is tried again, without news.
const PROPOSE_AGAIN: Duration = Duration::from_millis(20);

/// So long it is waited for other members to know what was agreed.
pub(super) const KNOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Who leads the control group, as far as this member knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) member: MemberId,
    pub(super) term: u64,
}

/// What the parts of a member of a cluster share.
pub(super) struct Core {
    pub(super) settings: ClusterSettings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) supervisor: Supervisor,
    pub(super) identity: Arc<ArcSwap<Identity>>,
    pub(super) transport: OnceLock<Transport>,
    pub(super) view: Arc<View>,
    pub(super) newsroom: Newsroom,
    pub(super) lease: Arc<LeaseGuard>,
    pub(super) links: Links,
    pub(super) listening: Arc<Listening>,
    pub(super) questions: Arc<Questions>,
    /// The number of the last question that this member asked.
    last_question: AtomicU64,
    /// This member's number; 0 while it has none.
    me: AtomicU64,
    pub(super) services: RwLock<BTreeMap<ServiceId, Arc<Replicas>>>,
    pub(super) registry: OnceLock<Weak<CacheRegistry>>,
    pub(super) router: OnceLock<Arc<Router>>,
    pub(super) group: RwLock<Option<Arc<Group>>>,
    pub(super) leader: watch::Sender<Option<Leader>>,
    pub(super) events: mpsc::Sender<Event>,
    /// Changes of replica sets that wait to be proposed together.
    proposals: Mutex<Vec<(ServiceId, Step)>>,
    pub(super) proposals_wait: Notify,
    /// There may be partitions to hand over.
    pub(super) plan_wait: Notify,
    /// The member has taken leave: it does not come back by itself.
    left: AtomicBool,
    pub(super) this: Weak<Core>,
}

impl Core {
    pub(super) fn new(
        this: Weak<Core>,
        settings: ClusterSettings,
        clock: Arc<dyn Clock>,
        supervisor: Supervisor,
        identity: Arc<ArcSwap<Identity>>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Core {
            settings,
            lease: Arc::new(LeaseGuard::new(clock.clone())),
            clock,
            supervisor,
            identity,
            transport: OnceLock::new(),
            view: Arc::new(View::new()),
            newsroom: Newsroom::default(),
            links: Links::default(),
            listening: Arc::default(),
            questions: Arc::default(),
            last_question: AtomicU64::new(0),
            me: AtomicU64::new(0),
            services: RwLock::default(),
            registry: OnceLock::new(),
            router: OnceLock::new(),
            group: RwLock::new(None),
            leader: watch::Sender::new(None),
            events,
            proposals: Mutex::default(),
            proposals_wait: Notify::new(),
            plan_wait: Notify::new(),
            left: AtomicBool::new(false),
            this,
        }
    }

    /// The time since the machine was started, as the state machines of membership are told it.
    pub(super) fn moment(&self) -> Moment {
        let micros = u64::try_from(self.clock.uptime().as_micros()).unwrap_or(u64::MAX);
        Moment::from_micros(micros)
    }

    /// This member's number, when it has one.
    pub(super) fn me(&self) -> Option<MemberId> {
        Some(self.me.load(Ordering::Acquire))
            .filter(|me| *me != 0)
            .map(MemberId::new)
    }

    pub(super) fn set_me(&self, me: Option<MemberId>) {
        self.me.store(me.map_or(0, MemberId::get), Ordering::Release);
    }

    /// The member takes leave: when it is removed, it does not join again.
    pub(super) fn take_leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Whether it has taken leave.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(super) fn registry(&self) -> Option<Arc<CacheRegistry>> {
        self.registry.get()?.upgrade()
    }

    pub(super) fn group(&self) -> Option<Arc<Group>> {
        self.group.read().clone()
    }

    /// Tells the control loop. Only a loop that is far behind or has ended does not hear it.
    pub(super) fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("the control loop is behind or has ended");
        }
    }

    /// Tells the control loop, and waits while it is behind.
    pub(super) async fn tell_surely(&self, event: Event) {
        // A loop that has ended needs no news.
        let _ended = self.events.send(event).await;
    }

    /// Changes what this member says about itself in handshakes.
    pub(super) fn change_identity(&self, change: impl Fn(&mut Identity)) {
        self.identity.rcu(|identity| {
            let mut identity = Identity::clone(identity);
            change(&mut identity);
            identity
        });
    }

    /// This member takes part in this control group from now on.
    pub(super) fn set_group(&self, group: Group) {
        let group = Arc::new(group);
        *self.group.write() = Some(group.clone());
        let Some(core) = self.this.upgrade() else { return };
        self.supervisor
            .spawn(TaskKind::Essential, "news of who leads", async move {
                let mut news = group.leadership();
                drop(group);
                loop {
                    core.tell_surely(Event::LeadershipChanged).await;
                    tokio::select! {
                        biased;
                        () = core.supervisor.stopped() => return,
                        changed = news.changed() => if changed.is_err() { return },
                    }
                }
            });
    }

    /// This member takes part in no control group any more; what it took part in.
    pub(super) fn leave_group(&self) -> Option<Arc<Group>> {
        self.group.write().take()
    }

    /// How the control group reaches its other members.
    pub(super) fn network(&self) -> Arc<dyn ControlNetwork> {
        Arc::new(GroupNetwork {
            core: self.this.clone(),
        })
    }

    /// Has a command agreed by a group whose only voter is this member.
    pub(super) async fn agree_alone(&self, group: &Group, command: &Command) -> Result<Outcome, String> {
        let started = self.clock.uptime();
        loop {
            match propose_in(group, write(command)).await {
                ProposeAnswer::Agreed(_, outcome) => return Ok(outcome),
                ProposeAnswer::Refused(what) => return Err(what),
                ProposeAnswer::NotLeader | ProposeAnswer::Unknown(_) => {}
            }
            if self.clock.uptime().saturating_sub(started) > PROPOSE_TIMEOUT {
                return Err("its control group has no leader".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// There is a new connection to a member for what concerns partitions.
    pub(super) fn reconnected(&self, member: MemberId) {
        self.listening_reconnected(member);
        let services: Vec<_> = self.services.read().values().cloned().collect();
        for replicas in services {
            let at = replicas.uptime();
            for partition in replicas.count().all() {
                replicas.change(partition, |replica, out| {
                    replica.connected(at, member, out);
                    replica.report_to(member, out);
                });
            }
        }
    }

    /// The changes of replica sets that wait to be proposed.
    pub(super) fn take_proposals(&self) -> BTreeMap<ServiceId, Vec<Step>> {
        let mut by_service: BTreeMap<ServiceId, Vec<Step>> = BTreeMap::new();
        for (service, step) in self.proposals.lock().drain(..) {
            by_service.entry(service).or_default().push(step);
        }
        by_service
    }

    /// Has a command agreed, by whichever member leads. When the future is ready, this member knows what was agreed.
    ///
    /// The command is tried again when it is not known whether it was agreed: each does no harm the second time.
    pub(super) async fn agree(&self, command: &Command) -> Result<Outcome, CacheError> {
        let body = write(command);
        let started = self.clock.uptime();
        let mut leaders = self.leader.subscribe();
        loop {
            leaders.mark_unchanged();
            let leader = *leaders.borrow();
            let answer = match leader {
                Some(leader) if Some(leader.member) == self.me() => self.propose_here(body.clone()).await,
                Some(leader) => self.propose_there(leader.member, body.clone()).await,
                None => ProposeAnswer::NotLeader,
            };
            match answer {
                ProposeAnswer::Agreed(index, outcome) => {
                    self.know(index).await;
                    return Ok(outcome);
                }
                ProposeAnswer::Refused(what) => return Err(CacheError::Refused { message: what }),
                ProposeAnswer::NotLeader | ProposeAnswer::Unknown(_) => {}
            }
            let tried = self.clock.uptime().saturating_sub(started);
            let cut_off = self.settings.routing.cut_off_after;
            if tried >= PROPOSE_TIMEOUT || (tried >= cut_off && self.lease.missing_for() >= cut_off) {
                return Err(CacheError::Unavailable {
                    reason: Unavailability::Minority,
                    applied: Applied::Unknown,
                });
            }
            if self.supervisor.token().is_cancelled() {
                return Err(CacheError::ShuttingDown);
            }
            // With news of a leader it is tried at once.
            let _news_or_time = tokio::time::timeout(PROPOSE_AGAIN, leaders.changed()).await;
        }
    }

    pub(super) async fn propose_here(&self, command: Bytes) -> ProposeAnswer {
        match self.group() {
            Some(group) => propose_in(&group, command).await,
            None => ProposeAnswer::NotLeader,
        }
    }

    async fn propose_there(&self, leader: MemberId, command: Bytes) -> ProposeAnswer {
        let Some(link) = self.links.get(leader, Lane::Control) else {
            return ProposeAnswer::NotLeader;
        };
        match link.request(kind::PROPOSE, command).await {
            Ok(answer) => read(&answer)
                .unwrap_or_else(|| ProposeAnswer::Unknown("the answer cannot be read".to_owned())),
            Err(error) => ProposeAnswer::Unknown(error.to_string()),
        }
    }

    /// Waits until this member knows what was agreed up to here.
    pub(super) async fn know(&self, index: u64) {
        let mut news = self.view.index();
        // It comes within moments, or the member is cut off, and those who wait find that out by themselves.
        let _in_time = tokio::time::timeout(KNOWN_TIMEOUT, news.wait_for(|known| *known >= index)).await;
    }

    /// Waits until every member knows what was agreed up to here, or is gone.
    pub(super) async fn all_know(&self, index: u64) {
        let body = write(&index);
        let asked = self.links.members().into_iter().map(|member| {
            let link = self.links.get(member, Lane::Control);
            let body = body.clone();
            async move {
                if let Some(link) = link {
                    // One that does not answer is cut off, and serves nothing that is older.
                    let _known = link.request(kind::KNOWS, body).await;
                }
            }
        });
        let _in_time = tokio::time::timeout(KNOWN_TIMEOUT, futures::future::join_all(asked)).await;
    }

    /// The outlet of the replicas of this member.
    pub(super) fn outlet(&self) -> Option<Arc<dyn Outlet>> {
        let core: Arc<dyn Outlet> = self.this.upgrade()?;
        Some(core)
    }
}

async fn propose_in(group: &Group, command: Bytes) -> ProposeAnswer {
    match group.propose(command).await {
        Ok(agreed) => match read::<Outcome>(&agreed.outcome) {
            Some(outcome) => ProposeAnswer::Agreed(agreed.index, outcome),
            None => ProposeAnswer::Unknown("its outcome cannot be read".to_owned()),
        },
        Err(error @ ProposeError::TooLong { .. }) => ProposeAnswer::Refused(error.to_string()),
        Err(error) if error.may_be_applied() => ProposeAnswer::Unknown(error.to_string()),
        Err(_) => ProposeAnswer::NotLeader,
    }
}

/// Carries the requests of the control group on the control lane.
struct GroupNetwork {
    core: Weak<Core>,
}

impl ControlNetwork for GroupNetwork {
    fn call(&self, to: MemberId, request: Bytes) -> BoxFuture<'static, Result<Bytes, NetworkError>> {
        let link = self
            .core
            .upgrade()
            .and_then(|core| core.links.get(to, Lane::Control));
        match link {
            Some(link) => link
                .request(kind::RAFT, request)
                .map(|answer| answer.map_err(|_error| NetworkError::Unreachable))
                .boxed(),
            None => futures::future::ready(Err(NetworkError::Unreachable)).boxed(),
        }
    }
}

impl Outlet for Core {
    fn publish(
        &self,
        place: (ServiceId, PartitionId, Epoch),
        effect: &Effect,
        here: bool,
        awaited: &mut Vec<Awaited>,
    ) {
        self.tell_listeners(place, effect, here, awaited);
    }

    fn is_heard(&self, awaited: Awaited) -> bool {
        self.listening.is_over(awaited)
    }

    fn send(&self, to: MemberId, service: ServiceId, partition: PartitionId, message: &Message) {
        let Some(link) = self.links.get(to, Lane::Data) else {
            return;
        };
        tracing::trace!(me = ?self.me(), %to, %partition, connection = link.info().connection, "send");
        // What can't be sent is found missing when the next connection begins.
        if let Err(error @ LinkError::TooLong { .. }) =
            link.send(kind::REPLICA, wire::encode(service, partition, message))
        {
            // What a replica sends is bounded, so that this does not happen: the follower would wait for it.
            tracing::error!(%to, %partition, %error, "a message between replicas is too long to be sent");
        }
    }

    fn propose(&self, service: ServiceId, partition: PartitionId, epoch: Epoch, change: StepChange) {
        let step = Step {
            partition,
            epoch,
            change,
        };
        let mut proposals = self.proposals.lock();
        if !proposals.contains(&(service, step.clone())) {
            proposals.push((service, step));
        }
        drop(proposals);
        self.proposals_wait.notify_one();
    }

    fn may_serve(&self) -> bool {
        self.lease.may_serve()
    }
}

impl Calls for Core {
    fn call(
        &self,
        to: MemberId,
        body: Vec<Bytes>,
        is_question: bool,
    ) -> BoxFuture<'static, Result<Bytes, CallFailed>> {
        let Some(link) = self.links.get(to, Lane::Data) else {
            return futures::future::ready(Err(CallFailed::NotSent("there is no connection".to_owned())))
                .boxed();
        };
        if !is_question {
            return link
                .request(kind::PARTS, body)
                .map(|answer| answer.map_err(|error| call_failed(&error)))
                .boxed();
        }
        let number = self.last_question.fetch_add(1, Ordering::Relaxed) + 1;
        let body = [vec![withdrawal::write(number)], body].concat();
        let answer = link.request(kind::QUESTION, body);
        let asked = Asked::new(link, number);
        async move {
            let answer = answer.await;
            asked.answered();
            answer.map_err(|error| call_failed(&error))
        }
        .boxed()
    }

    fn next_truncation(&self) -> TruncationId {
        Core::next_truncation(self)
    }

    fn tell_truncated(&self, cache: CacheId, by: TruncationId, whole: bool) -> BoxFuture<'static, ()> {
        match self.this.upgrade() {
            Some(core) => Core::tell_truncated(&core, cache, by, whole),
            None => futures::future::ready(()).boxed(),
        }
    }

    fn go_on(&self, what: &'static str, task: BoxFuture<'static, ()>) {
        let stopped = self.supervisor.stopped();
        self.supervisor.spawn(TaskKind::Connection, what, async move {
            let _stopped_or_done = futures::future::select(std::pin::pin!(stopped), task).await;
        });
    }

    fn is_me(&self, member: MemberId) -> bool {
        self.me() == Some(member)
    }

    fn wait_heard(&self, member: MemberId, number: u64) -> BoxFuture<'static, ()> {
        Core::wait_heard(self, member, number)
    }

    fn wait_known(&self) -> Option<BoxFuture<'static, Result<(), CacheError>>> {
        Core::wait_known(self)
    }
}

fn call_failed(error: &LinkError) -> CallFailed {
    match error {
        LinkError::TooLong {
            payload_len,
            payload_max,
        } => CallFailed::TooLong(format!(
            "what goes to one member has {payload_len} bytes, at most {payload_max} are possible (not applied): send \
             less at once"
        )),
        error if error.may_have_arrived() => CallFailed::NoAnswer(error.to_string()),
        error => CallFailed::NotSent(error.to_string()),
    }
}

impl Catalogue for Core {
    fn ensure(
        &self,
        scope: &str,
        name: &CacheName,
        settings: CacheSettings,
        backups: BackupCount,
        caches_max: usize,
    ) -> BoxFuture<'static, Result<CacheRecord, CacheError>> {
        let Some(core) = self.this.upgrade() else {
            return futures::future::ready(Err(CacheError::ShuttingDown)).boxed();
        };
        let (scope, name) = (scope.to_owned(), name.as_str().to_owned());
        async move {
            let service = core.ensure_service(backups).await?;
            let command = Command::EnsureCache {
                scope: scope.clone(),
                name: name.clone(),
                service,
                default_ttl_ms: settings.default_ttl_ms,
                caches_max: caches_max as u64,
            };
            match core.agree(&command).await? {
                Outcome::Cache(id) => Ok(CacheRecord {
                    id,
                    scope,
                    name,
                    service,
                    default_ttl_ms: settings.default_ttl_ms,
                    indexes: BTreeMap::new(),
                }),
                Outcome::Refused(what) => Err(CacheError::Overloaded { what }),
                other => Err(CacheError::Protocol {
                    what: format!("{other:?} is no answer to who wants a cache"),
                }),
            }
        }
        .boxed()
    }

    fn life(&self) -> u128 {
        // A cache that is agreed on is one of a cluster.
        let life = self.view.read(|state| state.identity().id.get());
        life.unwrap_or_default()
    }

    fn named(&self, scope: &str, name: &CacheName) -> Option<CacheRecord> {
        self.view
            .read(|state| state.cache_named(scope, name.as_str()).cloned())?
    }

    fn numbered(&self, id: CacheId) -> Option<CacheRecord> {
        self.view.read(|state| state.cache(id).cloned())?
    }

    fn destroy(&self, id: CacheId) -> BoxFuture<'static, Result<(), CacheError>> {
        let Some(core) = self.this.upgrade() else {
            return futures::future::ready(Err(CacheError::ShuttingDown)).boxed();
        };
        async move {
            // Asked again it is refused as destroyed before: either way it is gone.
            core.agree(&Command::DestroyCache(id)).await?;
            core.all_know(core.view.index_now()).await;
            Ok(())
        }
        .boxed()
    }

    fn add_index(
        &self,
        id: CacheId,
        definition: &IndexDefinition,
    ) -> BoxFuture<'static, Result<(), CacheError>> {
        let texts = (definition.extractor.to_json(), definition.to_json());
        let (extractor, definition) = match texts {
            (Ok(extractor), Ok(definition)) => (text_of(extractor), text_of(definition)),
            (Err(error), _) | (_, Err(error)) => {
                let what = error.to_string();
                return futures::future::ready(Err(CacheError::Invalid { what })).boxed();
            }
        };
        self.agree_on_index(Command::AddIndex {
            cache: id,
            extractor,
            definition,
            indexes_max: INDEXES_MAX as u64,
        })
    }

    fn remove_index(&self, id: CacheId, extractor: &Extractor) -> BoxFuture<'static, Result<(), CacheError>> {
        match extractor.to_json() {
            Ok(extractor) => self.agree_on_index(Command::RemoveIndex {
                cache: id,
                extractor: text_of(extractor),
            }),
            Err(error) => {
                let what = error.to_string();
                futures::future::ready(Err(CacheError::Invalid { what })).boxed()
            }
        }
    }

    fn replicas(&self, service: ServiceId) -> Option<Arc<Replicas>> {
        self.services.read().get(&service).cloned()
    }

    fn all_replicas(&self) -> Vec<Arc<Replicas>> {
        self.services.read().values().cloned().collect()
    }

    fn interest_log(&self, cache: CacheId) -> Arc<dyn InterestLog> {
        self.listening.log(cache)
    }

    fn router(&self) -> Arc<Router> {
        self.router
            .get_or_init(|| unreachable!("the router is made before any cache is opened"))
            .clone()
    }
}

/// A JSON text as a string: it is one.
fn text_of(json: Vec<u8>) -> String {
    String::from_utf8_lossy(&json).into_owned()
}

impl Core {
    fn agree_on_index(&self, command: Command) -> BoxFuture<'static, Result<(), CacheError>> {
        let Some(core) = self.this.upgrade() else {
            return futures::future::ready(Err(CacheError::ShuttingDown)).boxed();
        };
        async move {
            match core.agree(&command).await? {
                Outcome::Refused(what) => Err(CacheError::Invalid { what }),
                _ => Ok(()),
            }
        }
        .boxed()
    }

    /// The name of the service with so many backups.
    pub(super) fn service_name(backups: BackupCount) -> String {
        format!("partitioned-{}", backups.get())
    }

    async fn ensure_service(&self, backups: BackupCount) -> Result<ServiceId, CacheError> {
        let name = Self::service_name(backups);
        let known = self
            .view
            .read(|state| state.service_named(&name).map(|service| service.id));
        if let Some(Some(id)) = known {
            return Ok(id);
        }
        match self.agree(&Command::EnsureService { name, backups }).await? {
            Outcome::Service(id) => Ok(id),
            Outcome::Refused(what) => Err(CacheError::Overloaded { what }),
            other => Err(CacheError::Protocol {
                what: format!("{other:?} is no answer to who wants a service"),
            }),
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("me", &self.me())
            .finish_non_exhaustive()
    }
}
