//! Finding the cluster: bootstrap, joining, and coming back after being cut off.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use grid_core::control::{Command, ControlState, Identity, KeptCopy, Outcome};
use grid_core::membership::bootstrap::{BootstrapInput, BootstrapMessage, BootstrapOutput, Rank, Seen};
use grid_core::membership::{ClusterId, MemberId, MemberInfo, Moment};
use grid_core::replication::RoleKind;

use crate::control::ControlSettings;
use crate::task::TaskKind;
use crate::transport::{DialError, Link, PeerInfo, Refusal};

use super::control_loop::{ControlLoop, Dialed, Event, Phase};
use super::core::{Core, Group};
use super::looking::Looking;
use super::machine::{Observer, StateMachine};
use super::message::{JoinAnswer, JoinRequest, kind, read, write};

/// How often addresses at which nobody was found are dialed again.
const DIAL_AGAIN: Duration = Duration::from_millis(200);

/// How often it is asked to be let in again.
const JOIN_AGAIN: Duration = Duration::from_millis(300);

/// After so many refusals for an address that another member has it is said that something is wrong.
const OCCUPIED_MAX: u32 = 10;

impl Core {
    /// Where others reach this member.
    pub(super) fn own_address(&self) -> SocketAddr {
        let listen = self.transport.get().map(crate::transport::Transport::local_addr);
        self.settings
            .advertised
            .or(listen)
            .unwrap_or(self.settings.listen)
    }

    fn info(&self) -> MemberInfo {
        MemberInfo {
            process: self.settings.process,
            host: self.identity.load().host,
            name: self.settings.member_name.clone(),
            address: self.own_address(),
            grpc: self.settings.grpc,
            http: self.settings.http,
            location: self.settings.location.clone(),
            role: self.settings.role.clone(),
            storage: self.settings.storage,
            weight: self.settings.weight,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl ControlLoop {
    /// Time passes for a member that looks for its cluster.
    pub(super) fn look_on(&mut self) {
        if self.core.has_left() {
            return;
        }
        self.look_up();
        let now = self.now();
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if now >= looking.next_dial {
            looking.next_dial = now.after(DIAL_AGAIN);
            for address in looking.next_dials() {
                self.dial(Dialed::Address(address), address);
            }
        }
        self.bootstrap(BootstrapInput::Tick);
    }

    pub(super) fn bootstrap(&mut self, input: BootstrapInput) {
        let now = self.now();
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if looking.before.is_some() {
            // It belonged to a cluster: it joins that again, and starts none.
            return self.join_again(now);
        }
        for output in looking.bootstrap.step(now, input) {
            self.bootstrap_says(output);
        }
    }

    fn bootstrap_says(&mut self, output: BootstrapOutput) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        match output {
            BootstrapOutput::Send { to, message } => {
                if let Some(link) = looking.links.get(&to) {
                    // What is lost is sent again.
                    let _sent_again = link.send(kind::BOOTSTRAP, write(&message));
                }
            }
            BootstrapOutput::Start => self.found(),
            BootstrapOutput::Join { address, .. } => self.ask_to_join(address),
            BootstrapOutput::Waiting {
                missing,
                seen,
                needed,
                tainted,
            } => {
                let why = |address: &SocketAddr| match looking.unmet.get(address) {
                    Some(error) => format!("{address} ({error})"),
                    None => address.to_string(),
                };
                let missing: Vec<String> = missing.iter().map(why).collect();
                let missing = missing.join(", ");
                tracing::info!(
                    seen,
                    needed,
                    tainted,
                    "waiting for other members{}{missing}",
                    match missing.is_empty() {
                        true if seen < needed => " to be found",
                        true => " to agree",
                        false => " at ",
                    }
                );
            }
            BootstrapOutput::OtherCluster { address, cluster } => {
                tracing::error!(
                    %address,
                    %cluster,
                    "there is another cluster of the same name; the two never merge: stop the members of the one \
                     whose data is not needed, and start them again"
                );
            }
        }
    }

    fn join_again(&mut self, now: Moment) {
        let own = self.core.identity.load().cluster;
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if looking.joining || now < looking.next_join {
            return;
        }
        let address = looking.join_at.take().or_else(|| {
            let mut links: Vec<_> = looking.links.values().map(Link::info).collect();
            links.sort_by_key(|info| info.listen);
            let member = |info: &&PeerInfo| info.cluster == own && info.member.is_some();
            links.into_iter().find(member).map(|info| info.listen)
        });
        if let Some(address) = address {
            self.ask_to_join(address);
        }
    }

    fn ask_to_join(&mut self, address: SocketAddr) {
        let now = self.now();
        let (core, info) = (self.core.clone(), self.core.info());
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if looking.joining || now < looking.next_join {
            return;
        }
        // The leader that was named may be gone, and another one lead from there: it is asked once.
        let address = looking.join_at.take().unwrap_or(address);
        let process = looking.connected.get(&address).copied();
        let link = process.and_then(|process| looking.links.get(&process)).cloned();
        let link = link.or_else(|| {
            let mut links = looking.links.values();
            links.find(|link| link.info().listen == address).cloned()
        });
        let Some(link) = link else {
            looking.addresses.insert(address);
            return;
        };
        looking.joining = true;
        looking.next_join = now.after(JOIN_AGAIN);
        let request = JoinRequest {
            info,
            before: looking.before.clone(),
        };
        let asked = link.request(kind::JOIN, write(&request));
        self.core
            .supervisor
            .spawn(TaskKind::Connection, "join", async move {
                let answer = match tokio::time::timeout(Duration::from_secs(5), asked).await {
                    Ok(Ok(answer)) => read::<JoinAnswer>(&answer),
                    Ok(Err(_)) | Err(_) => None,
                };
                core.tell_surely(Event::JoinAnswered(answer)).await;
            });
    }

    pub(super) fn join_answered(&mut self, answer: Option<JoinAnswer>) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        looking.joining = false;
        match answer {
            Some(JoinAnswer::Welcome(me, state)) => {
                match read::<ControlState>(&state) {
                    Some(state) => self.welcome(me, state),
                    None => tracing::error!(
                        "the state of the cluster cannot be read; run the same version everywhere"
                    ),
                };
            }
            Some(JoinAnswer::Ask(leader)) => {
                looking.join_at = Some(leader);
                looking.addresses.insert(leader);
                looking.next_join = Moment::BOOT;
            }
            Some(JoinAnswer::Refused(what)) => {
                tracing::error!("the cluster does not let this member in: {what}");
            }
            Some(JoinAnswer::Occupied(member)) => {
                // A restart at the same address finds this once or twice, until the process before is known to be dead.
                looking.occupied = looking.occupied.saturating_add(1);
                if looking.occupied == OCCUPIED_MAX {
                    tracing::error!(
                        address = %self.core.own_address(),
                        "the cluster does not let this member in: {member} has the same address and is heard; give each \
                         member an address of its own (--listen, --advertise)"
                    );
                }
            }
            Some(JoinAnswer::Later) | None => {}
        }
    }

    fn welcome(&mut self, me: MemberId, state: ControlState) {
        if !state.members().contains_key(&me) {
            // It was removed again before it heard.
            return;
        }
        let (core, agreed) = (self.core.clone(), self.agreed.clone());
        let generation = state.generation();
        if self.core.settings.storage {
            let machine = StateMachine::new(ControlState::new(state.identity().clone()));
            let settings = ControlSettings::new(me, generation);
            self.core
                .supervisor
                .spawn(TaskKind::Essential, "control group", async move {
                    match Group::start(settings, machine, core.network(), Observer::new(agreed)).await {
                        Ok(group) => core.set_group(group),
                        Err(error) => {
                            tracing::error!(%error, "this member takes no part in the control group")
                        }
                    }
                });
        }
        self.become_member(me, state);
    }

    /// Starts a cluster.
    fn found(&mut self) {
        let (core, agreed) = (self.core.clone(), self.agreed.clone());
        let identity = Identity {
            name: core.settings.cluster_name.clone(),
            id: ClusterId::new(crate::random::draw()),
            partition_count: core.settings.partition_count.get(),
        };
        let info = core.info();
        tracing::info!(cluster = %identity.id, name = identity.name, "starting a cluster");
        self.core
            .supervisor
            .spawn(TaskKind::Essential, "founding", async move {
                let state = ControlState::new(identity);
                let founded = async {
                    let settings = ControlSettings::new(MemberId::FIRST, state.generation());
                    let machine = StateMachine::new(state);
                    let group = Group::start(settings, machine, core.network(), Observer::new(agreed)).await;
                    let group = group.map_err(|error| error.to_string())?;
                    group.bootstrap().await.map_err(|error| error.to_string())?;
                    let backups = core.settings.backups;
                    let join = Command::Join {
                        info: Box::new(info),
                        before: None,
                    };
                    let service = Command::EnsureService {
                        name: Core::service_name(backups),
                        backups,
                    };
                    let me = core.agree_alone(&group, &join).await?;
                    core.agree_alone(&group, &service).await?;
                    core.set_group(group);
                    match me {
                        Outcome::Joined(me) => Ok(me),
                        other => Err(format!("{other:?} is no answer to who wants to join")),
                    }
                };
                let founded = founded.await;
                core.tell_surely(Event::Founded(founded)).await;
            });
    }

    pub(super) fn founded(&mut self, founded: Result<MemberId, String>) {
        let state = self
            .core
            .group()
            .and_then(|group| group.read(|machine| machine.state().clone()));
        match (founded, state) {
            (Ok(me), Some(state)) => self.become_member(me, state),
            (Err(error), _) => tracing::error!("no cluster could be started: {error}"),
            (Ok(_), None) => tracing::error!("no cluster could be started: its control group is gone"),
        }
    }

    /// A handshake was done with a process, while this one looks for its cluster.
    pub(super) fn seen(&mut self, peer: &PeerInfo, dialed: Option<SocketAddr>) {
        let seen = Seen {
            rank: Rank {
                address: peer.listen,
                process: peer.process,
            },
            belongs_to: peer.cluster,
        };
        let now = self.now();
        if let Phase::Looking(looking) = &mut self.phase {
            looking.addresses.insert(peer.listen);
            for address in [Some(peer.listen), dialed].into_iter().flatten() {
                looking.met(address, peer.process, now);
            }
        }
        self.bootstrap(BootstrapInput::Seen { seen, dialed });
    }

    pub(super) fn address_dialed(
        &mut self,
        address: SocketAddr,
        started: Moment,
        result: Result<Link, DialError>,
    ) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        looking.dialing.remove(&address);
        let error = match result {
            Ok(link) => return self.address_met(address, link),
            Err(error) => error,
        };
        let ended = match &error {
            DialError::Rejected(Refusal::Fenced { .. }) | DialError::Refused => {
                looking.nobody_at(address, started)
            }
            // The transport says once why a member can't be talked to; whoever waits says for whom.
            _ => None,
        };
        looking.unmet.insert(address, error);
        if let Some(process) = ended {
            self.bootstrap(BootstrapInput::Gone(process));
        }
    }

    fn address_met(&mut self, address: SocketAddr, link: Link) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        looking.unmet.remove(&address);
        let info = link.info().clone();
        if info.process == self.core.settings.process {
            link.close();
            looking.addresses.remove(&address);
            looking.own_names.insert(address);
            let rank = Rank {
                address: self.core.own_address(),
                process: info.process,
            };
            let seen = Seen {
                rank,
                belongs_to: None,
            };
            let dialed = Some(address);
            return self.bootstrap(BootstrapInput::Seen { seen, dialed });
        }
        looking.connected.insert(address, info.process);
        looking.connected.insert(info.listen, info.process);
        looking.links.insert(info.process, link);
        self.seen(&info, Some(address));
    }

    pub(super) fn address_link_ended(&mut self, peer: &PeerInfo) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        let current = looking.links.get(&peer.process);
        if current.is_some_and(|link| link.info().connection == peer.connection) {
            looking.links.remove(&peer.process);
            looking.connected.retain(|_, process| *process != peer.process);
            looking.next_dial = Moment::BOOT;
            self.bootstrap(BootstrapInput::Unseen(peer.process));
        }
    }

    pub(super) fn bootstrap_message(&mut self, peer: &PeerInfo, message: BootstrapMessage) {
        match &self.phase {
            Phase::Looking(_) => self.bootstrap(BootstrapInput::Message {
                from: peer.process,
                message,
            }),
            // Its handshake was under way when this member came in, and told it that there is no cluster yet. The next one
            // tells it.
            Phase::In(_) => {
                if let Some(transport) = self.core.transport.get() {
                    transport.close_accepted(|accepted| accepted.connection == peer.connection);
                }
            }
        }
    }

    /// The member was removed: it keeps its copies, and comes back as another member.
    pub(super) fn fenced(&mut self, why: &str) {
        let Phase::In(membership) = &self.phase else {
            return;
        };
        let (me, now) = (membership.me, self.now());
        if self.core.has_left() {
            tracing::info!(%me, "this member has left the cluster");
        } else {
            tracing::warn!(%me, "this member was cut off and removed ({why}); it joins again");
        }
        self.core.lease.end();
        self.core.leader.send_replace(None);
        if let Some(group) = self.core.leave_group() {
            let stopping = async move { group.stop().await };
            self.core
                .supervisor
                .spawn(TaskKind::Connection, "stopping the control group", stopping);
        }
        let kept = self.fence_replicas();
        let addresses: BTreeSet<SocketAddr> = self
            .read_state(|state| {
                state
                    .members()
                    .values()
                    .map(|member| member.info.address)
                    .collect()
            })
            .unwrap_or_default();
        // Without others all of them know who listens here: that must not count for a member.
        self.core.set_me(None);
        self.core.cut_off();
        self.core.set_members(&[]);
        self.core.change_identity(|identity| identity.member = None);
        if let Some(transport) = self.core.transport.get() {
            transport.close_accepted(|_| true);
        }
        let mut looking = Looking::new(&self.core, Some(addresses), now);
        looking.before = Some((me, kept));
        self.phase = Phase::Looking(Box::new(looking));
    }

    fn fence_replicas(&self) -> Vec<KeptCopy> {
        let mut kept = Vec::new();
        for (service, replicas) in self.core.services.read().iter() {
            for partition in replicas.count().all() {
                let now = replicas.now();
                replicas.change(partition, |replica, out| replica.fence(now, out));
                let replica = replicas.read(partition);
                if replica.role() == RoleKind::Kept {
                    kept.push(KeptCopy {
                        service: *service,
                        partition,
                        epoch: replica.kept_epoch(),
                    });
                }
            }
        }
        kept
    }
}
