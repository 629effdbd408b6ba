//! A member's handle on its cluster.

use std::collections::BTreeSet;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::future::join_all;
use grid_core::cache::CacheError;
use grid_core::control::{Command, Outcome};
use grid_core::membership::{Generation, MemberId};
use tokio::sync::{mpsc, watch};

use crate::cache::{CacheInfo, CacheKind, CacheLimits, CacheRegistry};
use crate::clock::Clock;
use crate::own::OwnRunner;
use crate::routing::{Calls, Router};
use crate::task::{ControlThread, Supervisor, TaskKind};
use crate::transport::{
    Answer, BindError, EndCause, Handler, Identity, Lane, Lanes, PeerInfo, Refusal, Transport,
    TransportSettings,
};

use super::control_loop::{ControlLoop, Event, Phase};
use super::core::Core;
use super::looking::Looking;
use super::lookups::Lookups;
use super::message::{kind, read, write};
use super::withdrawal;
use super::{ClusterEvents, ClusterSettings, View, host, indexing, interest, listening, pump, serve};

/// So many events wait for the control loop.
const EVENTS_MAX: usize = 65_536;

/// After this time without an agreement a drain is asked for again.
const DRAIN_AGAIN: Duration = Duration::from_millis(500);

/// So long other members are waited for that are asked for figures.
const FIGURES_TIMEOUT: Duration = Duration::from_secs(1);

/// So long a member that has handed everything over waits until its leave is agreed.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// A member could not begin to look for its cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can't be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An address to join means nothing.
    #[error("{address:?} is no address to join: {problem}; say HOST:PORT")]
    Join {
        /// What was given.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Members are looked for, and nobody said how many there will be.
    #[error(
        "without addresses to join the number of members to start with must be said: set `expect`, to 2 at least"
    )]
    Expect,
    /// There is no thread for the control loop.
    #[error("no thread could be started for the control of the cluster: {0}")]
    Thread(std::io::Error),
}

/// A member's handle on its cluster.
pub struct Cluster {
    core: Arc<Core>,
    registry: Arc<CacheRegistry>,
    joined: watch::Receiver<Option<MemberId>>,
    /// Runs the control loop. Ends when the handle goes.
    _control: ControlThread,
}

impl Cluster {
    /// Listens for other members, and begins to look for the cluster.
    ///
    /// # Errors
    /// When the address can't be listened on, or an address to join means nothing.
    pub async fn start(
        settings: ClusterSettings,
        (limits, own): (CacheLimits, Arc<OwnRunner>),
        clock: Arc<dyn Clock>,
        supervisor: Supervisor,
    ) -> Result<Self, StartError> {
        let join = resolve(&settings).await?;
        let found = settings.found.clone();
        let identity = Arc::new(ArcSwap::from_pointee(first_identity(&settings)));
        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let (agreed, agreements) = mpsc::channel(EVENTS_MAX);
        let control = ControlThread::start("girih-control").map_err(StartError::Thread)?;
        let listen_at = settings.listen;
        let (shared_identity, shared_clock) = (identity.clone(), clock.clone());
        let control_supervisor = supervisor.clone();
        let core = Arc::new_cyclic(|this| {
            Core::new(
                this.clone(),
                settings,
                shared_clock,
                control_supervisor,
                shared_identity,
                events,
            )
        });
        let calls: Arc<dyn Calls> = core.clone();
        let router = Arc::new(Router::new(
            calls,
            core.view.clone(),
            core.lease.clone(),
            clock.clone(),
            crate::random::draw(),
            (core.settings.routing, own.time_limit()),
        ));
        // Each is set once, here.
        let _once = core.router.set(router);
        let registry = CacheRegistry::of_cluster(CacheKind::Partitioned, core.clone(), limits, own);
        let _once = core.registry.set(Arc::downgrade(&registry));
        let transport = listen(&core, identity, clock, &control, listen_at)?;
        let _once = core.transport.set(transport);
        let (tell_joined, joined) = watch::channel(None);
        let control_loop = ControlLoop {
            core: core.clone(),
            phase: Phase::Looking(Box::new(Looking::new(&core, join, core.moment()))),
            agreed,
            joined: tell_joined,
            found,
        };
        supervisor.spawn_on(
            control.runtime(),
            TaskKind::Essential,
            "control loop",
            control_loop.run(inbox, agreements),
        );
        supervisor.spawn(TaskKind::Essential, "copies", pump::drive_replicas(core.clone()));
        supervisor.spawn(
            TaskKind::Essential,
            "indexes",
            indexing::drive_indexes(core.clone()),
        );
        supervisor.spawn(
            TaskKind::Essential,
            "hand-overs",
            pump::drive_hand_overs(core.clone()),
        );
        supervisor.spawn(
            TaskKind::Essential,
            "changes of replica sets",
            pump::drive_proposals(core.clone()),
        );
        supervisor.spawn(
            TaskKind::Essential,
            "events for other members",
            listening::drive_listening(core.clone()),
        );
        Ok(Cluster {
            core,
            registry,
            joined,
            _control: control,
        })
    }

    /// Waits until the member is in a cluster and may serve. Gives its number.
    ///
    /// # Errors
    /// When it is stopped before.
    pub async fn joined(&self) -> Result<MemberId, CacheError> {
        let mut joined = self.joined.clone();
        let stopped = self.core.supervisor.stopped();
        let member = tokio::select! {
            biased;
            () = stopped => None,
            member = joined.wait_for(Option::is_some) => member.ok().and_then(|member| *member),
        };
        let member = member.ok_or(CacheError::ShuttingDown)?;
        // Its caches need a service, and someone who serves.
        let name = Core::service_name(self.core.settings.backups);
        let mut news = self.core.view.index();
        loop {
            news.mark_unchanged();
            let served = self.core.view.read(|state| {
                state
                    .service_named(&name)
                    .is_some_and(|service| service.assignments.iter().all(|assignment| !assignment.is_free()))
            });
            if served == Some(true) && self.core.lease.may_serve() {
                return Ok(member);
            }
            // The lease comes without news of the state.
            let _news_or_time = tokio::time::timeout(Duration::from_millis(5), news.changed()).await;
            if self.core.supervisor.token().is_cancelled() {
                return Err(CacheError::ShuttingDown);
            }
        }
    }

    /// The caches of the cluster.
    #[must_use]
    pub fn registry(&self) -> &Arc<CacheRegistry> {
        &self.registry
    }

    /// The agreed state as this member knows it.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.core.view
    }

    /// What happens to the cluster from now on: members that come and go, partitions that are lost, come back or are given
    /// up. Up to 1,024 events wait for a subscriber that does not take them.
    #[must_use]
    pub fn events(&self) -> ClusterEvents {
        self.core.newsroom.subscribe()
    }

    /// Opens all caches that the cluster knows at this member, which may have entries of caches that nobody opened here.
    pub fn open_all(&self) {
        self.core.open_all();
    }

    /// The figures of the partitioned caches at the other members, those that answer within a second.
    pub async fn caches_elsewhere(&self) -> Vec<Vec<CacheInfo>> {
        self.open_all();
        let asked = self.core.links.members().into_iter().map(|member| async move {
            let link = self.core.links.get(member, Lane::Data)?;
            let answer = link.request(kind::CACHES, Bytes::new());
            let answer = tokio::time::timeout(FIGURES_TIMEOUT, answer).await;
            let infos: Option<Vec<CacheInfo>> = read(&answer.ok()?.ok()?);
            if infos.is_none() {
                tracing::warn!(%member, "the figures of its caches cannot be read; run the same version everywhere");
            }
            infos
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// This member's number, while it has one.
    #[must_use]
    pub fn me(&self) -> Option<MemberId> {
        self.core.me()
    }

    /// Who leads the control group, as far as this member knows.
    #[must_use]
    pub fn leader(&self) -> Option<MemberId> {
        self.core.leader.borrow().map(|leader| leader.member)
    }

    /// Whether this member may serve: it is connected to the leader, and has a lease.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        self.core.lease.may_serve()
    }

    /// For how long it has not been allowed to serve; zero while it is.
    #[must_use]
    pub fn lease_missing_for(&self) -> Duration {
        self.core.lease.missing_for()
    }

    /// How many questions of other members are being answered here, and how many were withdrawn since the start by who asked.
    #[must_use]
    pub fn questions(&self) -> (usize, u64) {
        (self.core.questions.open(), self.core.questions.withdrawn())
    }

    /// Where it listens for other members.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.core.own_address()
    }

    /// Has a command agreed.
    ///
    /// # Errors
    /// When the control group can't be reached in time.
    pub async fn agree(&self, command: &Command) -> Result<Outcome, CacheError> {
        self.core.agree(command).await
    }

    /// Hands all partitions over to others, as long as that takes; a member that is alone has nobody to hand over to.
    ///
    /// # Errors
    /// When the member is stopped meanwhile.
    pub async fn hand_over(&self) -> Result<(), CacheError> {
        let Some(me) = self.me() else { return Ok(()) };
        let mut news = self.core.view.index();
        let mut agreed = false;
        loop {
            news.mark_unchanged();
            if self.core.view.read(|state| state.is_handed_over(me)) != Some(false) {
                return Ok(());
            }
            if !agreed {
                let asked = tokio::time::timeout(DRAIN_AGAIN, self.agree(&Command::Drain(me))).await;
                agreed = matches!(asked, Ok(Ok(Outcome::Done)));
            }
            if self.core.supervisor.token().is_cancelled() {
                return Err(CacheError::ShuttingDown);
            }
            let _news_or_time = tokio::time::timeout(DRAIN_AGAIN, news.changed()).await;
        }
    }

    /// Takes leave of the cluster, after [`hand_over`](Self::hand_over): what is left here is not missed. What another member
    /// left to this one meanwhile, by dying, is handed over first, as far as that takes no longer than the drain timeout.
    pub async fn leave(&self) {
        let Some(me) = self.me() else { return };
        if self.core.links.members().is_empty() {
            return;
        }
        self.core.take_leave();
        let leave = Command::Leave(me);
        let leaving = async {
            loop {
                // Without an answer it is found dead.
                let answer = tokio::time::timeout(LEAVE_TIMEOUT, self.agree(&leave)).await;
                let is_refused = matches!(answer, Ok(Ok(Outcome::Refused(_))));
                let is_handed_over = self.core.view.read(|state| state.is_handed_over(me));
                if !is_refused || is_handed_over != Some(false) || self.hand_over().await.is_err() {
                    return;
                }
            }
        };
        let _found_dead = tokio::time::timeout(self.core.settings.drain_timeout, leaving).await;
    }

    /// Hands all partitions over, and takes leave. At most as long as the drain timeout.
    ///
    /// # Errors
    /// When partitions are left that no other member has taken in time; it does not leave then.
    pub async fn drain(&self) -> Result<(), CacheError> {
        let timeout = self.core.settings.drain_timeout;
        match tokio::time::timeout(timeout, self.hand_over()).await {
            Ok(handed_over) => handed_over?,
            Err(_elapsed) => {
                return Err(CacheError::Deadline {
                    after: timeout,
                    applied: grid_core::cache::Applied::Unknown,
                });
            }
        }
        self.leave().await;
        Ok(())
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("me", &self.me())
            .finish_non_exhaustive()
    }
}

/// What a member says about itself before it belongs to a cluster.
fn first_identity(settings: &ClusterSettings) -> Identity {
    Identity {
        cluster_name: settings.cluster_name.clone(),
        cluster: None,
        generation: Generation::FIRST,
        process: settings.process,
        host: host::host_id(),
        member: None,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        advertised: settings.advertised,
        partitions: settings.partition_count,
    }
}

/// Listens for other members, and for clients that look the cluster up.
fn listen(
    core: &Arc<Core>,
    identity: Arc<ArcSwap<Identity>>,
    clock: Arc<dyn Clock>,
    control: &ControlThread,
    address: SocketAddr,
) -> Result<Transport, BindError> {
    let lanes = Lanes {
        control: control.runtime().clone(),
        data: tokio::runtime::Handle::current(),
    };
    let handler = Arc::new(Incoming { core: core.clone() });
    let builder = Transport::builder(identity, handler, lanes, core.supervisor.clone());
    #[cfg(feature = "tls")]
    let builder = match &core.settings.tls {
        Some(tls) => builder.tls(tls.clone()),
        None => builder,
    };
    builder
        .settings(TransportSettings {
            listen: address,
            ..TransportSettings::default()
        })
        .gate(gate(core))
        .clock(clock)
        .other_protocol(Arc::new(Lookups::new(core)))
        .bind()
}

/// Finds the addresses behind names. `None`: nobody is to be joined, and nobody looked for.
async fn resolve(settings: &ClusterSettings) -> Result<Option<BTreeSet<SocketAddr>>, StartError> {
    let expect = settings.expect.map(NonZeroUsize::get);
    let Some(join) = &settings.join else {
        return match settings.found {
            None => Ok(None),
            Some(_) if expect.unwrap_or(0) < 2 => Err(StartError::Expect),
            Some(_) => Ok(Some(BTreeSet::new())),
        };
    };
    let mut addresses = BTreeSet::new();
    for address in join {
        match tokio::net::lookup_host(address.as_str()).await {
            Ok(found) => addresses.extend(found),
            // Nobody counts the names, and whoever looks for members goes on with them.
            Err(error)
                if expect.is_some()
                    && settings.found.is_some()
                    && error.kind() != ErrorKind::InvalidInput =>
            {
                tracing::warn!(%address, %error, "the name of a member to join is not known yet; trying on");
            }
            Err(error) => {
                return Err(StartError::Join {
                    address: address.clone(),
                    problem: error.to_string(),
                });
            }
        }
    }
    Ok(Some(addresses))
}

/// Members that were removed are told so.
fn gate(core: &Arc<Core>) -> impl Fn(&PeerInfo) -> Result<(), Refusal> + Send + Sync + 'static {
    let core = Arc::downgrade(core);
    move |peer| {
        let Some(core) = core.upgrade() else {
            return Err(Refusal::Stopping);
        };
        let removed = peer
            .member
            .and_then(|member| core.view.read(|state| state.removed(member)).flatten());
        match removed {
            Some(removed) => Err(Refusal::Fenced { index: removed.index }),
            None => Ok(()),
        }
    }
}

/// Takes what other members send.
struct Incoming {
    core: Arc<Core>,
}

impl Handler for Incoming {
    fn request(&self, from: &PeerInfo, lane: Lane, kind: u8, payload: Bytes, answer: Answer) {
        match (lane, kind) {
            (Lane::Control, _) => self
                .core
                .tell(Event::Request(from.clone(), kind, payload, answer)),
            (Lane::Data, kind::PARTS) => serve::parts(&self.core, payload, answer, None),
            (Lane::Data, kind::QUESTION) => serve::question(&self.core, from.connection, payload, answer),
            (Lane::Data, kind::CACHES) => serve::caches(&self.core, answer),
            (Lane::Data, kind::INTEREST) => interest::take(&self.core, from.member, payload, answer),
            (Lane::Data, kind::GAP) => self.core.take_gap(from.member, &payload, answer),
            (Lane::Data, kind::TOLD) => {
                answer.send(write(&self.core.listening.awaited_by(from.member)));
            }
            (Lane::Data, kind::FLUSH) => {
                let core = self.core.clone();
                let supervisor = core.supervisor.clone();
                supervisor.spawn(
                    TaskKind::Connection,
                    "waiting for events to be passed on",
                    async move {
                        core.flush().await;
                        answer.send(Bytes::new());
                    },
                );
            }
            (Lane::Data, _) => {
                answer.fail("this member does not know what that is; do both run versions that may be mixed?")
            }
        }
    }

    fn message(&self, from: &PeerInfo, lane: Lane, kind: u8, payload: Bytes) {
        tracing::trace!(me = ?self.core.me(), member = ?from.member, ?lane, kind, len = payload.len(), "message");
        match (lane, kind, from.member) {
            (Lane::Control, ..) => self.core.tell(Event::Message(from.clone(), kind, payload)),
            (Lane::Data, kind::REPLICA, Some(member)) => serve::replica(&self.core, member, payload),
            (Lane::Data, kind::EVENT, Some(member)) => self.core.hear(member, payload),
            (Lane::Data, kind::HEARD, Some(member)) => self.core.listening.heard(member, &payload),
            (Lane::Data, kind::WITHDRAW, _) => {
                let mut payload = payload;
                if let Some(number) = withdrawal::read(&mut payload) {
                    self.core.questions.withdraw(from.connection, number);
                }
            }
            _ => {}
        }
    }

    fn accepted(&self, from: &PeerInfo, _lane: Lane) {
        self.core.tell(Event::Accepted(from.clone()));
    }

    fn closed(&self, from: &PeerInfo, _lane: Lane, cause: &EndCause) {
        self.core.questions.closed(from.connection);
        self.core.tell(Event::Closed(from.clone(), cause.clone()));
    }
}
