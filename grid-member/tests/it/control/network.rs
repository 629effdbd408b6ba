//! A network that loses, delays, doubles and cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::membership::MemberId;
use grid_member::control::{ControlNetwork, NetworkError};
use grid_member::task::{Supervisor, TaskKind};
use parking_lot::Mutex;

use super::cluster::Group;
use super::random::Random;

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// How many of a thousand messages get lost.
    pub(crate) loss: u64,
    /// How many of a thousand requests arrive twice.
    pub(crate) twice: u64,
    /// The shortest time that a message takes, in microseconds.
    pub(crate) delay_min_us: u64,
    /// How much longer it may take, in microseconds.
    pub(crate) delay_spread_us: u64,
}

/// Where the members are.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<HubState>,
    copies: Supervisor,
}

#[derive(Debug)]
struct HubState {
    random: Random,
    faults: Faults,
    members: BTreeMap<MemberId, Arc<Group>>,
    /// Whose messages do not arrive where.
    cuts: BTreeSet<(MemberId, MemberId)>,
    /// A dead member's machine refuses connections, unless the machine is gone too.
    refuses: bool,
    requests: BTreeMap<MemberId, u64>,
    recorded: Option<Vec<Bytes>>,
}

impl Hub {
    pub(crate) fn new(random: Random, faults: Faults) -> Arc<Self> {
        let state = HubState {
            random,
            faults,
            members: BTreeMap::new(),
            cuts: BTreeSet::new(),
            refuses: true,
            requests: BTreeMap::new(),
            recorded: None,
        };
        Arc::new(Hub {
            state: Mutex::new(state),
            copies: Supervisor::new(),
        })
    }

    /// The network as a member sees it.
    pub(crate) fn network(self: &Arc<Self>, from: MemberId) -> Arc<dyn ControlNetwork> {
        let hub = self.clone();
        Arc::new(Port { from, hub })
    }

    pub(crate) fn add(&self, member: MemberId, group: Arc<Group>) {
        self.state.lock().members.insert(member, group);
    }

    pub(crate) fn remove(&self, member: MemberId) -> Option<Arc<Group>> {
        self.state.lock().members.remove(&member)
    }

    pub(crate) fn members(&self) -> BTreeMap<MemberId, Arc<Group>> {
        self.state.lock().members.clone()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// Whether a call to a dead member fails at once, or has no answer.
    pub(crate) fn set_refuses(&self, refuses: bool) {
        self.state.lock().refuses = refuses;
    }

    /// Nothing goes from one to the other any more.
    pub(crate) fn cut(&self, from: MemberId, to: MemberId) {
        self.state.lock().cuts.insert((from, to));
    }

    /// Nothing comes to this member or from it.
    pub(crate) fn isolate(&self, member: MemberId) {
        let others: Vec<_> = self
            .members()
            .into_keys()
            .filter(|other| *other != member)
            .collect();
        for other in others {
            self.cut(member, other);
            self.cut(other, member);
        }
    }

    pub(crate) fn heal(&self) {
        self.state.lock().cuts.clear();
    }

    /// How many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.state.lock().requests.values().sum()
    }

    /// How many of them to this member.
    pub(crate) fn requests_to(&self, member: MemberId) -> u64 {
        self.state.lock().requests.get(&member).copied().unwrap_or(0)
    }

    /// Keeps a copy of each request from now on.
    pub(crate) fn record(&self) {
        self.state.lock().recorded = Some(Vec::new());
    }

    /// The requests that were kept.
    pub(crate) fn recorded(&self) -> Vec<Bytes> {
        self.state.lock().recorded.take().unwrap_or_default()
    }

    /// How long a message takes; forever if it gets lost.
    async fn travel(&self, from: MemberId, to: MemberId) {
        let (delay, lost) = {
            let mut state = self.state.lock();
            let faults = state.faults;
            let extra = state.random.below(faults.delay_spread_us + 1);
            let lost = state.random.per_mille(faults.loss);
            (Duration::from_micros(faults.delay_min_us + extra), lost)
        };
        tokio::time::sleep(delay).await;
        if lost || self.state.lock().cuts.contains(&(from, to)) {
            futures::future::pending::<()>().await;
        }
    }

    fn find(&self, member: MemberId) -> Result<Arc<Group>, bool> {
        let state = self.state.lock();
        state.members.get(&member).cloned().ok_or(state.refuses)
    }

    async fn carry(
        self: Arc<Self>,
        from: MemberId,
        to: MemberId,
        request: Bytes,
    ) -> Result<Bytes, NetworkError> {
        self.travel(from, to).await;
        let group = match self.find(to) {
            Ok(group) => group,
            Err(true) => return Err(NetworkError::Unreachable),
            Err(false) => return futures::future::pending().await,
        };
        let answer = group.handle(request).await;
        drop(group);
        self.travel(to, from).await;
        Ok(answer)
    }
}

struct Port {
    from: MemberId,
    hub: Arc<Hub>,
}

impl ControlNetwork for Port {
    fn call(&self, to: MemberId, request: Bytes) -> BoxFuture<'static, Result<Bytes, NetworkError>> {
        let twice = {
            let mut state = self.hub.state.lock();
            *state.requests.entry(to).or_default() += 1;
            if let Some(recorded) = &mut state.recorded {
                recorded.push(request.clone());
            }
            if !state.members.contains_key(&self.from) {
                // A dead member says nothing.
                return futures::future::pending().boxed();
            }
            let times = state.faults.twice;
            state.random.per_mille(times)
        };
        if twice {
            let copy = self.hub.clone().carry(self.from, to, request.clone());
            let copy = tokio::time::timeout(Duration::from_secs(2), copy).map(|_answer| ());
            self.hub.copies.spawn(TaskKind::Connection, "copy", copy);
        }
        self.hub.clone().carry(self.from, to, request).boxed()
    }
}
