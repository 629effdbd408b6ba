//! One member's part in the control group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use grid_core::membership::{Generation, MemberId};
use openraft::EmptyNode;
use openraft::error::{ClientWriteError, RaftError};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, RwLock, Semaphore, mpsc, oneshot, watch};

use super::applied::{Applied, Progress};
use super::confirm::{self, Waiting};
use super::election::Election;
use super::log::MemoryLog;
use super::peer::Peers;
use super::types::{Command, ForwardToLeader, Logged, Membership, Raft, StoredMembership, Vote};
use super::wire::{Answer, Refusal, Request, RequestBody};
use super::{
    ConfirmError, Confirmation, ControlError, ControlMachine, ControlNetwork, ControlObserver,
    ControlSettings, ElectError, Leadership, ProposeError, Seized, VotersError, leadership, voters,
};
use crate::task::{Supervisor, TaskKind};

/// A command that was agreed and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Its number.
    pub index: u64,
    /// What the machine answered.
    pub outcome: Bytes,
}

/// One member's part in the control group. See the [module](super).
///
/// It runs on the runtime that it was started on. All methods may be called from any task of it, at the same time. A group
/// that is dropped stops soon after; [`stop`](Self::stop) waits for it.
pub struct ControlGroup<M, O> {
    settings: Arc<ControlSettings>,
    raft: Raft,
    log: MemoryLog,
    applied: Applied<M, O>,
    peers: Peers,
    leadership: watch::Receiver<Leadership>,
    questions: mpsc::Sender<Waiting>,
    proposals: Semaphore,
    /// One change of voters at a time.
    changing: Mutex<()>,
    /// Read by calls that bring about an election, as long as they do.
    campaigns: RwLock<()>,
    /// It gives its leadership up just now.
    steps_down: AtomicBool,
    supervisor: Supervisor,
}

impl<M: ControlMachine, O: ControlObserver> ControlGroup<M, O> {
    /// Starts to take part, with a machine in its first state.
    ///
    /// The member has no vote yet. It waits until the leader of a group makes it a voter, or until it starts one itself
    /// by [`bootstrap`](Self::bootstrap).
    ///
    /// # Errors
    /// When the settings do not fit together.
    pub async fn start(
        settings: ControlSettings,
        machine: M,
        network: Arc<dyn ControlNetwork>,
        observer: O,
    ) -> Result<Self, ControlError> {
        settings.check()?;
        let log = MemoryLog::new(settings.append_len_max);
        let applied = Applied::new(
            machine,
            observer,
            Progress::default(),
            StoredMembership::default(),
        );
        Self::launch(settings, log, applied, network).await
    }

    /// Starts a new generation of the group with this member as its only voter, from what it had of the one before.
    ///
    /// For the survivor of a lost majority alone: whoever calls this must know that no other member goes on with the old
    /// generation. It leads within moments. Commands are numbered on.
    ///
    /// # Errors
    /// When the settings do not fit together, or are not of a later generation.
    pub async fn start_generation(
        settings: ControlSettings,
        seized: Seized<M, O>,
        network: Arc<dyn ControlNetwork>,
    ) -> Result<Self, ControlError> {
        settings.check()?;
        if settings.generation <= seized.generation {
            return Err(ControlError::SameGeneration);
        }
        let me = settings.member.get();
        let alone = Membership::new(vec![BTreeSet::from([me])], ());
        let alone = StoredMembership::new(Some(seized.last), alone);
        let progress = Progress {
            index: seized.index,
            last: Some(seized.last),
        };
        let vote = Vote::new(seized.term, me);
        let log = MemoryLog::behind(settings.append_len_max, seized.last, vote);
        let applied = Applied::new(seized.machine, seized.observer, progress, alone);
        let group = Self::launch(settings, log, applied, network).await?;
        // The only voter need not wait for silence.
        let elected = group.raft.trigger().elect().await;
        elected.map_err(|_fatal| ControlError::Stopped)?;
        Ok(group)
    }

    async fn launch(
        settings: ControlSettings,
        log: MemoryLog,
        applied: Applied<M, O>,
        network: Arc<dyn ControlNetwork>,
    ) -> Result<Self, ControlError> {
        let settings = Arc::new(settings);
        let config = Arc::new(settings.raft_config());
        let peers = Peers::new(settings.clone(), network);
        let me = settings.member.get();
        let raft = Raft::new(me, config, peers.clone(), log.clone(), applied.clone()).await;
        let raft = raft.map_err(|_fatal| ControlError::Stopped)?;

        let supervisor = Supervisor::new();
        let seen = leadership::watch(settings.generation, &raft);
        let leadership = seen.subscribe();
        let following = leadership::follow(raft.clone(), seen, supervisor.stopped());
        supervisor.spawn(TaskKind::Essential, "control leadership", following);
        let (questions, asked) = mpsc::channel(settings.confirmations_max);
        let answers = confirm::answer(raft.clone(), applied.clone(), settings.confirm_timeout, asked);
        let answers = until(supervisor.stopped(), answers);
        supervisor.spawn(TaskKind::Essential, "control confirmations", answers);
        Ok(ControlGroup {
            proposals: Semaphore::new(settings.proposals_max.min(Semaphore::MAX_PERMITS)),
            settings,
            raft,
            log,
            applied,
            peers,
            leadership,
            questions,
            changing: Mutex::new(()),
            campaigns: RwLock::new(()),
            steps_down: AtomicBool::new(false),
            supervisor,
        })
    }

    /// Starts a group with this member as its only voter. It leads within moments.
    ///
    /// # Errors
    /// When this member is in a group already.
    pub async fn bootstrap(&self) -> Result<(), ControlError> {
        let me = BTreeMap::from([(self.settings.member.get(), EmptyNode::new())]);
        self.raft.initialize(me).await.map_err(|error| match error {
            RaftError::APIError(_) => ControlError::AlreadyStarted,
            RaftError::Fatal(_) => ControlError::Stopped,
        })
    }

    /// Has a command agreed and applied, and gives its number and outcome. Only the leader can.
    ///
    /// A caller that drops the future leaves the command as it is: it may be carried out or not.
    ///
    /// # Errors
    /// Each error says whether the command [may be applied](ProposeError::may_be_applied) all the same.
    pub async fn propose(&self, command: Bytes) -> Result<Agreed, ProposeError> {
        if self.steps_down.load(Ordering::Acquire) {
            return Err(ProposeError::NoLeader);
        }
        let (len, max) = (command.len(), self.settings.command_len_max);
        if len > max {
            return Err(ProposeError::TooLong { len, max });
        }
        let (entries, bytes) = self.log.len();
        let is_full =
            entries >= self.settings.log_len_max || bytes.saturating_add(len) > self.settings.log_bytes_max;
        let (Ok(_permit), false) = (self.proposals.try_acquire(), is_full) else {
            return Err(ProposeError::Overloaded);
        };
        let logged = Logged::watched();
        let command = Command {
            bytes: command,
            logged: logged.clone(),
        };
        let agreed = self.raft.client_write(command);
        let Ok(agreed) = tokio::time::timeout(self.settings.propose_timeout, agreed).await else {
            return Err(ProposeError::Unknown);
        };
        match agreed {
            Ok(response) => Ok(Agreed {
                index: response.data.index,
                outcome: response.data.outcome.unwrap_or_default(),
            }),
            // Another leader may have cut it off this member's log, while a third member still has it.
            Err(_) if logged.is_set() => Err(ProposeError::Unknown),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => Err(not_leader(&forward)),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(_))) => {
                Err(ProposeError::NoLeader)
            }
            Err(RaftError::Fatal(_)) => Err(ProposeError::Stopped),
        }
    }

    /// Answers a request that another member's [`ControlNetwork`] brought. Never fails: a request that makes no sense, or is
    /// of another generation, gets an answer that says so.
    pub async fn handle(&self, request: Bytes) -> Bytes {
        let answer = match self.answer(&request).await {
            Ok(answer) => answer,
            Err(refusal) => Answer::Refused(refusal),
        };
        answer.encode()
    }

    async fn answer(&self, request: &[u8]) -> Result<Answer, Refusal> {
        let request = Request::decode(request, &self.settings)?;
        if request.generation != self.settings.generation {
            return Err(Refusal::OtherGeneration(self.settings.generation));
        }
        if request.to != self.settings.member {
            return Err(Refusal::OtherMember(self.settings.member));
        }
        match request.body {
            RequestBody::Append(append) => {
                let response = self.raft.append_entries(append).await;
                response.map(Answer::Append).map_err(|_fatal| Refusal::Stopped)
            }
            RequestBody::Vote(vote) => {
                let response = self.raft.vote(vote).await;
                response.map(Answer::Vote).map_err(|_fatal| Refusal::Stopped)
            }
            RequestBody::Snapshot(part) => match self.raft.install_snapshot(part).await {
                Ok(response) => Ok(Answer::Snapshot(Ok(response))),
                Err(RaftError::APIError(mismatch)) => Ok(Answer::Snapshot(Err(mismatch))),
                Err(RaftError::Fatal(_)) => Err(Refusal::Stopped),
            },
            RequestBody::Release { leader, term } => {
                let standing = self.election().stand_by(leader, term).await;
                Ok(Answer::Standing(standing))
            }
            RequestBody::Stand { leader, term } => {
                let election = self.election();
                // Who is at it already has asked for votes, or will.
                if let Ok(_alone) = self.campaigns.try_write() {
                    let stood = election.stand(leader, term).await;
                    stood.map_err(|_stopped| Refusal::Stopped)?;
                }
                Ok(Answer::Standing(election.stand_by(leader, term).await))
            }
        }
    }

    /// Who leads, now and from now on. No one once this member stopped.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Makes sure that this member leads: a majority of the voters said so after this was called, and this member's
    /// state has every command that was acknowledged before.
    ///
    /// Any number of callers share the rounds to the other voters.
    ///
    /// # Errors
    /// When it does not lead, or cannot know.
    pub async fn confirm(&self) -> Result<Confirmation, ConfirmError> {
        let (question, answer) = oneshot::channel();
        self.questions.try_send(question).map_err(|error| match error {
            TrySendError::Full(_) => ConfirmError::Overloaded,
            TrySendError::Closed(_) => ConfirmError::Stopped,
        })?;
        match tokio::time::timeout(self.settings.confirm_timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_dropped)) => Err(ConfirmError::Stopped),
            Err(_elapsed) => Err(ConfirmError::NoMajority),
        }
    }

    /// Makes these the voters. Only the leader can; it may leave itself out, and then leads no longer when it is done.
    ///
    /// New voters must have been [started](Self::start), and be reached by the network. It may be called again with the
    /// same or other voters at any time, whatever came of calls before; one call works at a time, and others wait.
    ///
    /// # Errors
    /// When the change was not agreed, or not all of it. It can be asked for again.
    pub async fn set_voters(&self, voters: &BTreeSet<MemberId>) -> Result<(), VotersError> {
        let _one_at_a_time = self.changing.lock().await;
        voters::set_voters(&self.raft, &self.settings, voters).await
    }

    /// Who votes; in a change, both those before and those after. Empty as long as this member knows no group.
    #[must_use]
    pub fn voters(&self) -> BTreeSet<MemberId> {
        voters::voters_of(&self.raft)
    }

    /// Has a new leader elected at once in place of one that is proven dead, and gives the winner.
    ///
    /// Every voter that learns of the death may call it, at the same time. The other voters believe this one, and no longer
    /// wait for the leader's silence. If it lives after all, the group loses nothing but the time for an election.
    /// If there is a new leader already, it is given.
    ///
    /// # Errors
    /// When no one won in time: a majority is missing.
    pub async fn elect_now(&self, dead: MemberId) -> Result<MemberId, ElectError> {
        let _under_way = self.campaigns.read().await;
        self.election().replace(dead).await
    }

    fn election(&self) -> Election {
        Election {
            raft: self.raft.clone(),
            log: self.log.clone(),
            peers: self.peers.clone(),
            settings: self.settings.clone(),
            leadership: self.leadership.clone(),
        }
    }

    /// Gives leadership up, and gives the new leader: one that is better connected. This member falls silent, takes no
    /// proposals, and does not stand for election, until another member leads. Without one in time it goes on.
    ///
    /// # Errors
    /// When no other member stood in time, or there is nobody else.
    pub async fn step_down(&self) -> Result<MemberId, ElectError> {
        let me = self.settings.member;
        if self.voters() == BTreeSet::from([me]) {
            return Err(ElectError::Leads);
        }
        let config = self.raft.runtime_config();
        let silent = |silent: bool| {
            self.steps_down.store(silent, Ordering::Release);
            config.heartbeat(!silent);
            config.elect(!silent);
        };
        let mut leadership = self.leadership.clone();
        silent(true);
        let other = leadership.wait_for(|seen| seen.leader.is_some_and(|leader| leader != me));
        let other = tokio::time::timeout(self.settings.elect_timeout, other).await;
        let result = match other {
            Ok(Ok(seen)) => seen.leader.ok_or(ElectError::TimedOut),
            Ok(Err(_closed)) => Err(ElectError::Stopped),
            Err(_elapsed) => Err(ElectError::TimedOut),
        };
        silent(false);
        result
    }

    /// The number of the last command that was applied here.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.applied.index()
    }

    /// Reads the state under its lock: quickly. Nothing once it was [seized](Self::seize).
    pub fn read<T>(&self, read: impl FnOnce(&M) -> T) -> Option<T> {
        self.applied.read(read)
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &ControlSettings {
        &self.settings
    }

    /// Stops taking part, and applies the whole log of this member, agreed or not.
    ///
    /// With two voters every agreed command is in both logs, so the survivor of the two has them all. It may also have some
    /// that were not agreed; their proposers were told that the outcome is unknown, and applying them makes it known.
    ///
    /// # Errors
    /// When this member has nothing of a group, or was seized before.
    pub async fn seize(&self) -> Result<Seized<M, O>, ControlError> {
        self.stop().await;
        let (rest, vote) = self.log.tail(self.applied.progress().last);
        let seized = self.applied.seize(rest).ok_or(ControlError::Stopped)?;
        let (machine, observer, progress) = seized;
        let last = progress.last.ok_or(ControlError::Nothing)?;
        let voted = vote.map_or(0, |vote| vote.leader_id.term);
        Ok(Seized {
            machine,
            observer,
            index: progress.index,
            last,
            term: voted.max(last.leader_id.term),
            generation: self.settings.generation,
        })
    }

    /// Stops taking part, and waits until nothing of it runs any more. Calls that wait fail.
    pub async fn stop(&self) {
        self.supervisor.shut_down().await;
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "the control group did not stop in order");
        }
    }
}

/// Runs a task until it ends or is told to stop.
async fn until(stopped: impl Future<Output = ()> + Send, task: impl Future<Output = ()> + Send) {
    tokio::select! {
        biased;
        () = stopped => {}
        () = task => {}
    }
}

fn not_leader(forward: &ForwardToLeader) -> ProposeError {
    match forward.leader_id {
        Some(leader) => ProposeError::NotLeader {
            leader: MemberId::new(leader),
        },
        None => ProposeError::NoLeader,
    }
}

impl<M, O> ControlGroup<M, O> {
    /// The generation that this member takes part in.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.settings.generation
    }
}

impl<M, O> fmt::Debug for ControlGroup<M, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlGroup")
            .field("member", &self.settings.member)
            .field("applied", &self.applied)
            .field("log", &self.log)
            .field("leadership", &*self.leadership.borrow())
            .finish_non_exhaustive()
    }
}
