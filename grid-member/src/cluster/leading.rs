//! What the member that leads does for all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::control::{Command, Outcome};
use grid_core::membership::judge::{Judge, JudgeInput, JudgeOutput, JudgeSettings};
use grid_core::membership::lease::{LeaseBook, LeaseInput};
use grid_core::membership::{Evidence, MemberId, voters};
use grid_core::partition::assignment::{next_steps, plan};
use grid_core::partition::table::{Assignment, ServiceId, ServiceTable, Step, StepChange};

use crate::task::TaskKind;
use crate::transport::{Answer, Lane, PeerInfo};

use super::agreed::state_bytes;
use super::control_loop::{ControlLoop, Event, Leading, LeaseAsker, Phase, Proposed};
use super::core::Core;
use super::losses::Losses;
use super::message::{JoinAnswer, JoinRequest, Leads, ProposeAnswer, Push, kind, read, write};

/// How often the leader says that it leads.
const LEADS_EVERY: Duration = Duration::from_millis(50);

/// How often it looks for what is to be moved, when nothing changed.
const PLAN_EVERY: Duration = Duration::from_millis(500);

/// How often it looks whether the voters are the right ones.
const VOTERS_EVERY: Duration = Duration::from_millis(200);

/// So many steps are proposed at once.
const STEPS_MAX: usize = 1_000;

impl ControlLoop {
    /// Someone else leads, or nobody, as far as the control group at this member knows.
    pub(super) fn leadership_changed(&mut self) {
        let now = self.now();
        let lease_settings = self.lease_settings();
        let Some(group) = self.core.group() else { return };
        let leadership = *group.leadership().borrow();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        let leads = leadership.leader == Some(me);
        let same = membership
            .leading
            .as_ref()
            .is_some_and(|leading| leading.term == leadership.term);
        if leads && !same {
            tracing::info!(%me, term = leadership.term, "this member leads the control group");
            membership.own_link = membership.own_link.wrapping_sub(1);
            let settings = JudgeSettings {
                lease: self.core.settings.lease,
                ..JudgeSettings::default()
            };
            membership.leading = Some(Leading {
                term: leadership.term,
                judge: Judge::new(settings, me, now),
                book: LeaseBook::new(lease_settings, now),
                condemned: Vec::new(),
                steps_under_way: false,
                voters_under_way: false,
                next_voters: now,
                next_plan: now,
                next_leads: now,
                losses: Losses::default(),
            });
            membership.electing = None;
            self.tell_judge_members();
            self.tell_judge_evidence();
        } else if !leads && membership.leading.take().is_some() {
            let own_link = grid_core::membership::LinkId::new(membership.own_link);
            membership.lease.step(now, LeaseInput::Ended(own_link));
            self.show_lease();
        }
        if let Some(leader) = leadership.leader {
            self.set_leader(leader, leadership.term);
        }
        self.set_lease_source();
    }

    /// A member that begins to lead knows at once what it has found out before: who is dead was reported to the leader
    /// before, and may be that one.
    fn tell_judge_evidence(&mut self) {
        let now = self.now();
        let Phase::In(membership) = &self.phase else {
            return;
        };
        let me = membership.me;
        let known: Vec<(MemberId, Evidence)> = self
            .core
            .links
            .members()
            .into_iter()
            .filter_map(|member| Some((member, membership.detector.evidence(member, now)?)))
            .filter(|(_, evidence)| *evidence != Evidence::Heard)
            .collect();
        for (about, evidence) in known {
            self.reported(me, about, evidence);
        }
    }

    pub(super) fn tell_judge_members(&mut self) {
        let now = self.now();
        let members: Option<BTreeSet<MemberId>> =
            self.read_state(|state| state.members().keys().copied().collect());
        let voters = self.core.group().map(|group| group.voters()).unwrap_or_default();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        let members = members.unwrap_or_default();
        leading
            .condemned
            .retain(|(condemned, ..)| condemned.iter().any(|member| members.contains(member)));
        let decisions = leading.judge.step(
            now,
            JudgeInput::Members {
                members: &members,
                voters: &voters,
            },
        );
        self.judged(decisions);
    }

    /// Time passes for the leader.
    pub(super) fn lead_on(&mut self) {
        let now = self.now();
        let generation = self.core.identity.load().generation.get();
        let index = self.core.view.index_now();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        let decisions = leading.judge.step(now, JudgeInput::Tick);
        if now >= leading.next_leads {
            leading.next_leads = now.after(LEADS_EVERY);
            let leads = write(&Leads {
                generation,
                term: leading.term,
                index,
            });
            for member in self.core.links.members() {
                self.core
                    .links
                    .send(member, Lane::Control, kind::LEADS, vec![leads.clone()]);
            }
        }
        self.judged(decisions);
        self.remove_condemned();
        self.choose_voters();
        self.rebalance();
        self.accept_losses();
    }

    /// Has lost partitions given up that nobody brought back in time, if that is how it is to be.
    fn accept_losses(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let (Some(leading), Some(after)) = (&mut membership.leading, core.settings.accept_loss_after) else {
            return;
        };
        let due = core.view.read(|state| leading.losses.due(state, now, after));
        for command in due.unwrap_or_default() {
            tracing::warn!(
                ?command,
                "entries of lost partitions are given up, as cluster.accept-loss-after says"
            );
            core.clone().propose_for_leader(command, Proposed::Loss);
        }
    }

    pub(super) fn judged(&mut self, decisions: Vec<JudgeOutput>) {
        for decision in decisions {
            let Phase::In(membership) = &mut self.phase else {
                return;
            };
            let Some(leading) = &mut membership.leading else {
                return;
            };
            match decision {
                JudgeOutput::Remove { members, proven } => {
                    tracing::warn!(?members, proven, "members are gone");
                    let known = leading.condemned.iter().any(|(other, ..)| *other == members);
                    if !known {
                        leading.condemned.push((members, proven, None));
                    }
                }
                JudgeOutput::StepDown { unheard } => {
                    tracing::warn!(
                        ?unheard,
                        "this member alone does not hear these: another one is to lead"
                    );
                    let core = self.core.clone();
                    let supervisor = core.supervisor.clone();
                    supervisor.spawn(TaskKind::Connection, "stepping down", async move {
                        if let Some(group) = core.group()
                            && let Err(error) = group.step_down().await
                        {
                            tracing::warn!(%error, "no other member leads");
                        }
                    });
                }
            }
        }
        self.remove_condemned();
    }

    /// Has members removed that are gone, as soon as they can't serve any more.
    fn remove_condemned(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        for (members, proven, proposed) in &mut leading.condemned {
            let safe = *proven
                || members
                    .iter()
                    .all(|member| leading.book.safe_to_take(*member, now));
            let due = proposed.is_none_or(|at| now.since(at) > Duration::from_secs(1));
            if safe && due {
                *proposed = Some(now);
                let command = Command::Remove {
                    members: members.clone(),
                    proven: *proven,
                };
                core.clone().propose_for_leader(command, Proposed::Removal);
            }
        }
    }

    fn choose_voters(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let Some(group) = core.group() else { return };
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        if leading.voters_under_way || now < leading.next_voters {
            return;
        }
        let current = group.voters();
        let wanted = core
            .view
            .read(|state| voters::choose(state.members().values(), &current));
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty() && *wanted != current) else {
            return;
        };
        // A member that can't be reached yet would only hold the change up.
        let me = membership.me;
        let reached = |member: &MemberId| *member == me || core.links.get(*member, Lane::Control).is_some();
        if !wanted.iter().all(reached) {
            return;
        }
        leading.voters_under_way = true;
        leading.next_voters = now.after(VOTERS_EVERY);
        let supervisor = core.supervisor.clone();
        supervisor.spawn(TaskKind::Connection, "change of voters", async move {
            if let Err(error) = group.set_voters(&wanted).await {
                tracing::debug!(%error, "the voters are not changed yet");
            }
            core.tell_surely(Event::Proposed(Proposed::Voters)).await;
        });
    }

    /// Proposes the next steps on the way to a fair assignment.
    fn rebalance(&mut self) {
        let (now, core) = (self.now(), self.core.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        if leading.steps_under_way || now < leading.next_plan {
            return;
        }
        leading.next_plan = now.after(PLAN_EVERY);
        let steps = core.steps(|step, _| {
            // Those are proposed by the primary, which knows when.
            !matches!(step.change, StepChange::Admit(_) | StepChange::HandOver(_))
        });
        for (service, steps) in steps {
            leading.steps_under_way = true;
            core.clone()
                .propose_for_leader(Command::Change { service, steps }, Proposed::Steps);
        }
    }

    pub(super) fn proposed(&mut self, what: &Proposed) {
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let Some(leading) = &mut membership.leading else {
            return;
        };
        match what {
            // What is not agreed is proposed again.
            Proposed::Removal | Proposed::Loss => {}
            Proposed::Steps => leading.steps_under_way = false,
            Proposed::Voters => {
                leading.voters_under_way = false;
                self.tell_judge_members();
                self.set_lease_source();
            }
        }
    }

    /// Tells all members what was agreed, if this one leads.
    pub(super) fn push(&self, push: &Push) {
        let Phase::In(membership) = &self.phase else {
            return;
        };
        if membership.leading.is_none() {
            return;
        }
        let body = write(push);
        for member in self.core.links.members() {
            self.core
                .links
                .send(member, Lane::Control, kind::PUSH, vec![body.clone()]);
        }
    }

    /// Someone asks for a lease.
    pub(super) fn lease_asked(&mut self, asker: LeaseAsker) {
        let (now, core) = (self.now(), self.core.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        let Some(leading) = &mut membership.leading else {
            return;
        };
        let from = match &asker {
            LeaseAsker::Other(member, _) => *member,
            LeaseAsker::Me(..) => me,
        };
        let decisions = leading.judge.step(now, JudgeInput::LeaseAsked { from });
        let Some(group) = core.group() else { return };
        let supervisor = core.supervisor.clone();
        supervisor.spawn(TaskKind::Connection, "confirming", async move {
            let confirmed = group.confirm().await.is_ok();
            core.tell_surely(Event::Confirmed(asker, confirmed)).await;
        });
        self.judged(decisions);
    }

    /// A majority confirmed that this member leads, after a lease was asked for; or did not.
    pub(super) fn confirmed(&mut self, asker: LeaseAsker, confirmed: bool) {
        let now = self.now();
        let members: Option<BTreeSet<MemberId>> =
            self.read_state(|state| state.members().keys().copied().collect());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        let Some(leading) = &mut membership.leading else {
            return;
        };
        let decisions = leading.judge.step(now, JudgeInput::Confirmed(confirmed));
        if confirmed {
            let from = match &asker {
                LeaseAsker::Other(member, _) => *member,
                LeaseAsker::Me(..) => me,
            };
            let condemned = leading
                .condemned
                .iter()
                .any(|(members, ..)| members.contains(&from));
            let is_member = members.is_some_and(|members| members.contains(&from));
            if is_member && !condemned {
                leading.book.granted(from, now);
                match asker {
                    LeaseAsker::Other(_, answer) => answer.send(Bytes::new()),
                    LeaseAsker::Me(source, nonce) => {
                        membership.lease.step(now, LeaseInput::Granted { source, nonce });
                    }
                }
            }
        }
        self.show_lease();
        self.judged(decisions);
    }

    /// Another member asks something on the control lane.
    pub(super) fn request(&mut self, peer: &PeerInfo, kind: u8, body: Bytes, answer: Answer) {
        if let Some(member) = peer.member {
            self.heard(member);
        }
        let core = self.core.clone();
        let supervisor = core.supervisor.clone();
        match kind {
            kind::RAFT => match core.group() {
                Some(group) => supervisor.spawn(TaskKind::Connection, "control group", async move {
                    answer.send(group.handle(body).await);
                }),
                None => answer.fail("this member takes no part in the control group"),
            },
            kind::PROPOSE => supervisor.spawn(TaskKind::Connection, "proposal", async move {
                let agreed: ProposeAnswer = core.propose_here(body).await;
                answer.send(write(&agreed));
            }),
            kind::LEASE => match peer.member {
                Some(member) => self.lease_asked(LeaseAsker::Other(member, answer)),
                None => answer.fail("only members have leases"),
            },
            kind::SNAPSHOT => match core.view.read(state_bytes) {
                Some(state) => answer.send(state),
                None => answer.fail("this member knows nothing yet"),
            },
            kind::KNOWS => match read::<u64>(&body) {
                Some(index) => supervisor.spawn(TaskKind::Connection, "news", async move {
                    core.know(index).await;
                    answer.send(Bytes::new());
                }),
                None => answer.fail("the request cannot be read"),
            },
            kind::JOIN => self.asked_to_let_in(&body, answer),
            _ => {
                answer.fail("this member does not know what that is; do both run versions that may be mixed?")
            }
        }
    }

    fn asked_to_let_in(&mut self, body: &[u8], answer: Answer) {
        let core = self.core.clone();
        let Some(request) = read::<JoinRequest>(body) else {
            return answer.fail("the request cannot be read; run the same version everywhere");
        };
        let leader = *core.leader.borrow();
        let leads = matches!(&self.phase, Phase::In(membership) if membership.leading.is_some());
        if !leads {
            let address = leader.and_then(|leader| {
                core.view.read(|state| {
                    state
                        .members()
                        .get(&leader.member)
                        .map(|member| member.info.address)
                })?
            });
            let later = address.map_or(JoinAnswer::Later, JoinAnswer::Ask);
            return answer.send(write(&later));
        }
        let supervisor = core.supervisor.clone();
        supervisor.spawn(TaskKind::Connection, "letting in", async move {
            let command = Command::Join {
                info: Box::new(request.info),
                before: request.before,
            };
            let joined = match core.agree(&command).await {
                Ok(Outcome::Joined(id)) => match core.view.read(state_bytes) {
                    Some(state) => JoinAnswer::Welcome(id, state),
                    None => JoinAnswer::Later,
                },
                Ok(Outcome::Refused(what)) => JoinAnswer::Refused(what),
                Ok(Outcome::Occupied(member)) => JoinAnswer::Occupied(member),
                Ok(_) | Err(_) => JoinAnswer::Later,
            };
            answer.send(write(&joined));
        });
    }
}

impl Core {
    /// The steps of each service that are to be made now on the way to a fair assignment, as far as `which` picks them,
    /// which is given the present assignment of the step's partition.
    pub(super) fn steps(&self, which: impl Fn(&Step, &Assignment) -> bool) -> Vec<(ServiceId, Vec<Step>)> {
        let of_services = self.view.read(|state| {
            let of_service = |(id, table): (&ServiceId, &ServiceTable)| {
                let target = plan(table, state.members());
                let steps = next_steps(table, &target, state.members(), self.settings.moves);
                let picked = |step: &Step| {
                    let assignment = table.assignments.get(step.partition.index());
                    assignment.is_some_and(|assignment| which(step, assignment))
                };
                let steps: Vec<Step> = steps.into_iter().filter(picked).take(STEPS_MAX).collect();
                (!steps.is_empty()).then_some((*id, steps))
            };
            state.services().iter().filter_map(of_service).collect()
        });
        of_services.unwrap_or_default()
    }

    /// Has a command agreed for this member as the leader, and tells when it came to its end.
    fn propose_for_leader(self: Arc<Self>, command: Command, what: Proposed) {
        let supervisor = self.supervisor.clone();
        supervisor.spawn(TaskKind::Connection, "proposal of the leader", async move {
            if let ProposeAnswer::Agreed(index, _) = self.propose_here(write(&command)).await {
                self.know(index).await;
            }
            self.tell_surely(Event::Proposed(what)).await;
        });
    }
}
