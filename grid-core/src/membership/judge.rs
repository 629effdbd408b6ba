//! Who is voted out.
//!
//! Runs on the leader only, and is made anew at each election: it knows nothing of what earlier leaders thought.
//!
//! **Invariant.** No member that runs and is connected with all others in both directions is voted out; and what is voted
//! out leaves a majority of the voters.
//!
//! When a member is voted out:
//!
//! 1. *Proven*: its process ended, by firm proof of any member ([`Proof::SameHost`], [`Proof::Replaced`]), or by [`Proof::Closed`]
//!    of which a majority of the members have some proof and the leader does not hear it. At once, even just after an election.
//!    What it served can be taken at once. [`Proof::Reset`] is treated like `Closed` if the operator vouches for resets.
//! 2. *Silent*: the leader has not heard it for one lease, and a majority of the members that the leader does hear, itself
//!    among them, have not either. Needs that the leader hears a majority of the voters, and one lease since the
//!    election. Those that vanish in the same cut are voted out by one decision, for which the first waits a moment. What
//!    they served can be taken when their leases have ended ([`LeaseBook`](super::lease::LeaseBook)).
//! 3. *Unreachable*: it has not reached the leader with a request for a lease for a longer time, though some others still
//!    hear it. It cannot serve, and what it holds is wanted.
//!
//! A leader that alone does not hear a member which all others hear is itself the one with the broken connection: it
//! [steps down](JudgeOutput::StepDown), so that another leads to which all are connected. Not for ever: where no member is
//! connected to all others, leaders would step down in turns, so a member that was not heard for the longer time is voted
//! out all the same. Whoever steps down should not stand for election for a while.
//!
//! Reports are worth something while they are fresh: a member that accuses repeats it. A leader that was paused itself
//! forgets all reports, and counts from when it woke.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, MemberId, Moment, Proof};

/// How patient the leader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgeSettings {
    /// The agreed length of a lease; silence counts when it lasted as long. Default: 2 s.
    pub lease: Duration,
    /// How long the first of several silent members waits for the others. Default: 250 ms.
    pub gather: Duration,
    /// How long a member may go without reaching the leader. Default: 5 s.
    pub unreachable_after: Duration,
    /// How long a report is worth something. Default: 1 s.
    pub report_max: Duration,
    /// How long after a decision that had no effect it is made again. Default: 1 s.
    pub again_after: Duration,
    /// Steps further apart than this mean that the leader was paused. Default: 400 ms.
    pub pause_max: Duration,
    /// Whether no firewall between the members forges refusals. Default: no.
    pub trust_resets: bool,
}

impl Default for JudgeSettings {
    fn default() -> Self {
        JudgeSettings {
            lease: Duration::from_secs(2),
            gather: Duration::from_millis(250),
            unreachable_after: Duration::from_secs(5),
            report_max: Duration::from_secs(1),
            again_after: Duration::from_secs(1),
            pause_max: Duration::from_millis(400),
            trust_resets: false,
        }
    }
}

/// What happens to a [`Judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgeInput<'a> {
    /// The agreed members, the leader among them, and those of them that vote. What is said about or by others is ignored.
    Members {
        /// All.
        members: &'a BTreeSet<MemberId>,
        /// The voters.
        voters: &'a BTreeSet<MemberId>,
    },
    /// What a member knows about another; the leader's own detector is one of them.
    Report {
        /// Who says so.
        from: MemberId,
        /// About whom.
        about: MemberId,
        /// What.
        evidence: Evidence,
    },
    /// A member's request for a lease came.
    LeaseAsked {
        /// From whom.
        from: MemberId,
    },
    /// Whether a majority confirmed the leadership not long ago. Nothing is decided while not.
    Confirmed(bool),
    /// Time has passed; at least every 50 ms.
    Tick,
}

/// What a [`Judge`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgeOutput {
    /// Propose that these are no members any more.
    Remove {
        /// Who.
        members: BTreeSet<MemberId>,
        /// Whether their processes have ended for sure: what they served can be taken at once.
        proven: bool,
    },
    /// Give the leadership up: this member alone does not hear these.
    StepDown {
        /// Who is heard by all others.
        unheard: BTreeSet<MemberId>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Report {
    evidence: Evidence,
    silent_since: Moment,
    came: Moment,
}

/// Decides who is voted out. See the [module](self) for when.
#[derive(Clone, Debug)]
pub struct Judge {
    settings: JudgeSettings,
    me: MemberId,
    /// Since when silence is watched: the election, or when the leader woke.
    watching_since: Moment,
    confirmed: bool,
    /// The members, and when each asked for a lease last.
    members: BTreeMap<MemberId, Moment>,
    voters: BTreeSet<MemberId>,
    /// About whom, by whom.
    reports: BTreeMap<MemberId, BTreeMap<MemberId, Report>>,
    gathering_since: Option<Moment>,
    decided: BTreeMap<MemberId, Moment>,
    step_down_after: Moment,
    last_step: Moment,
}

impl Judge {
    /// The judge of a leader that was elected now.
    #[must_use]
    pub fn new(settings: JudgeSettings, me: MemberId, elected_at: Moment) -> Self {
        Judge {
            settings,
            me,
            watching_since: elected_at,
            confirmed: false,
            members: BTreeMap::new(),
            voters: BTreeSet::new(),
            reports: BTreeMap::new(),
            gathering_since: None,
            decided: BTreeMap::new(),
            step_down_after: elected_at,
            last_step: elected_at,
        }
    }

    /// Takes what happened, and says what is decided.
    pub fn step(&mut self, now: Moment, input: JudgeInput<'_>) -> Vec<JudgeOutput> {
        self.wake(now);
        match input {
            JudgeInput::Members { members, voters } => self.set_members(now, members, voters),
            JudgeInput::Report {
                from,
                about,
                evidence,
            } => self.report(now, from, about, evidence),
            JudgeInput::LeaseAsked { from } => {
                if let Some(asked) = self.members.get_mut(&from) {
                    *asked = now;
                }
            }
            JudgeInput::Confirmed(confirmed) => self.confirmed = confirmed,
            JudgeInput::Tick => {}
        }
        self.decide(now)
    }

    fn wake(&mut self, now: Moment) {
        if now.since(self.last_step) > self.settings.pause_max {
            self.reports.clear();
            self.watching_since = now;
            self.gathering_since = None;
            for asked in self.members.values_mut() {
                *asked = now;
            }
        }
        self.last_step = self.last_step.max(now);
    }

    fn set_members(&mut self, now: Moment, members: &BTreeSet<MemberId>, voters: &BTreeSet<MemberId>) {
        self.members.retain(|member, _| members.contains(member));
        for member in members {
            self.members.entry(*member).or_insert(now);
        }
        self.voters.clone_from(voters);
        self.decided.retain(|member, _| members.contains(member));
        self.reports.retain(|about, _| members.contains(about));
        for reports in self.reports.values_mut() {
            reports.retain(|from, _| members.contains(from));
        }
    }

    fn report(&mut self, now: Moment, from: MemberId, about: MemberId, evidence: Evidence) {
        let known = self.members.contains_key(&from) && self.members.contains_key(&about);
        if !known || from == about {
            return;
        }
        let reports = self.reports.entry(about).or_default();
        match evidence.silent() {
            Some(silent) => {
                reports.insert(
                    from,
                    Report {
                        evidence,
                        silent_since: now.before(silent),
                        came: now,
                    },
                );
            }
            None => {
                reports.remove(&from);
            }
        }
    }

    fn decide(&mut self, now: Moment) -> Vec<JudgeOutput> {
        if !self.confirmed {
            return Vec::new();
        }
        for reports in self.reports.values_mut() {
            reports.retain(|_, report| now.since(report.came) <= self.settings.report_max);
        }
        self.decided
            .retain(|_, at| now.since(*at) < self.settings.again_after);
        let mut outputs = Vec::new();
        let proven = self
            .undecided()
            .filter(|about| self.is_proven_dead(*about))
            .collect();
        self.remove(now, proven, true, &mut outputs);
        self.judge_silence(now, &mut outputs);
        outputs
    }

    /// The members that something can still be decided about.
    fn undecided(&self) -> impl Iterator<Item = MemberId> {
        let others = self.members.keys().copied().filter(|member| *member != self.me);
        others.filter(|member| !self.decided.contains_key(member))
    }

    fn reports(&self, about: MemberId) -> impl Iterator<Item = (MemberId, &Report)> + Clone {
        self.reports
            .get(&about)
            .into_iter()
            .flatten()
            .map(|(from, report)| (*from, report))
    }

    fn is_proven_dead(&self, about: MemberId) -> bool {
        let proofs: BTreeMap<MemberId, Proof> = self
            .reports(about)
            .filter_map(|(from, report)| Some((from, report.evidence.proof()?)))
            .collect();
        if proofs
            .values()
            .any(|proof| matches!(proof, Proof::SameHost | Proof::Replaced))
        {
            return true;
        }
        let convincing = |proof: &Proof| *proof == Proof::Closed || self.settings.trust_resets;
        let unheard_here = self.reports(about).any(|(from, _)| from == self.me);
        // The others that are accused are asked neither: of several that die at once none can speak.
        let mut asked = self
            .members
            .keys()
            .filter(|member| **member != about && !self.is_accused_here(**member));
        let all = asked.clone().count();
        let agree = asked
            .by_ref()
            .filter(|member| proofs.contains_key(member))
            .count();
        unheard_here && agree * 2 > all && proofs.values().any(convincing)
    }

    /// Whether the leader itself does not hear a member.
    fn is_accused_here(&self, member: MemberId) -> bool {
        self.reports(member).any(|(from, _)| from == self.me)
    }

    fn judge_silence(&mut self, now: Moment, outputs: &mut Vec<JudgeOutput>) {
        if now.since(self.watching_since) < self.settings.lease {
            return;
        }
        let unheard = self.unheard_for_a_lease(now);
        let rest: BTreeSet<_> = self
            .members
            .keys()
            .copied()
            .filter(|member| !unheard.contains(member))
            .collect();
        if !is_majority(rest.intersection(&self.voters).count(), self.voters.len()) {
            self.gathering_since = None;
            return;
        }
        let (mut guilty, mut heard_by_all_others) = (BTreeSet::new(), BTreeSet::new());
        for about in unheard {
            let deaf = self.reports(about).filter(|(from, _)| rest.contains(from));
            let deaf_long = deaf
                .clone()
                .filter(|(_, report)| now.since(report.silent_since) >= self.settings.lease);
            if is_majority(deaf_long.count(), rest.len()) {
                guilty.insert(about);
            } else if deaf.count() == 1 && !self.is_unheard_too_long(now, about) {
                heard_by_all_others.insert(about);
            }
        }
        let unreachable = self.members.iter().filter(|(member, asked)| {
            let too_long = now.since(**asked) >= self.settings.unreachable_after;
            **member != self.me && (too_long || self.is_unheard_too_long(now, **member))
        });
        guilty.extend(
            unreachable
                .map(|(member, _)| *member)
                .filter(|member| !self.decided.contains_key(member)),
        );
        self.gather(now, guilty, outputs);
        if !heard_by_all_others.is_empty() && now >= self.step_down_after {
            self.step_down_after = now.after(self.settings.again_after);
            outputs.push(JudgeOutput::StepDown {
                unheard: heard_by_all_others,
            });
        }
    }

    fn unheard_for_a_lease(&self, now: Moment) -> BTreeSet<MemberId> {
        let own = |about: &MemberId| self.reports.get(about).and_then(|reports| reports.get(&self.me));
        let unheard = |report: &Report| now.since(report.silent_since) >= self.settings.lease;
        self.undecided()
            .filter(|about| own(about).is_some_and(unheard))
            .collect()
    }

    fn is_unheard_too_long(&self, now: Moment, about: MemberId) -> bool {
        let own = self.reports.get(&about).and_then(|reports| reports.get(&self.me));
        own.is_some_and(|report| now.since(report.silent_since) >= self.settings.unreachable_after)
    }

    /// Waits a moment for others that vanished in the same cut.
    fn gather(&mut self, now: Moment, guilty: BTreeSet<MemberId>, outputs: &mut Vec<JudgeOutput>) {
        if guilty.is_empty() {
            self.gathering_since = None;
            return;
        }
        let since = *self.gathering_since.get_or_insert(now);
        if now.since(since) >= self.settings.gather {
            self.gathering_since = None;
            self.remove(now, guilty, false, outputs);
        }
    }

    /// Decides, if that leaves a majority of the voters; otherwise only about those who don't vote. Death that is proven but leaves no majority is
    /// for the [`survivor`](super::survivor), or nobody, to judge.
    fn remove(
        &mut self,
        now: Moment,
        mut members: BTreeSet<MemberId>,
        proven: bool,
        outputs: &mut Vec<JudgeOutput>,
    ) {
        let gone = |voter: &&MemberId| members.contains(voter) || self.decided.contains_key(voter);
        let left = self.voters.len() - self.voters.iter().filter(gone).count();
        if !is_majority(left, self.voters.len()) {
            members.retain(|member| !self.voters.contains(member));
        }
        if !members.is_empty() {
            self.decided.extend(members.iter().map(|member| (*member, now)));
            outputs.push(JudgeOutput::Remove { members, proven });
        }
    }
}

fn is_majority(part: usize, all: usize) -> bool {
    part * 2 > all
}

#[cfg(test)]
#[path = "judge_test.rs"]
mod tests;
