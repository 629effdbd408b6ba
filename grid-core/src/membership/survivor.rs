//! May the survivor of two voters go on alone?
//!
//! **Invariant.** Of two voters at most one goes on alone, unless the operator vouched for something that is not so; and
//! no writes are lost that the other took while it was alone.
//!
//! Two have no majority when one goes, so the one that is left needs certainty from elsewhere: both ran on one machine
//! (its kernel says that the process has ended), another process answers in its place, a witness agreed to this one (it
//! never agrees to both), or the operator said that nothing between the two forges refusals. Silence is no certainty:
//! the other may be as alive, and as silenced.
//!
//! Where there is a witness, its word is needed whatever is proven. It may have agreed to the other while this
//! member was paused or cut off; the other then went on, took writes that this member lacks, and died only after that. Its
//! death, however sure, does not bring them here.

use std::collections::BTreeSet;

use super::{Evidence, MemberId, Proof};

/// What the operator said about two members (`two-members`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TwoMembers {
    /// `"wait"`, the default: wait for the other, or for the operator.
    #[default]
    Wait,
    /// `"trust-reset"`: no firewall between the two forges refusals, so a refused connection proves a death.
    TrustReset,
}

/// What the witness of two members said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Witness {
    /// There is none.
    #[default]
    None,
    /// It did not answer yet.
    Unknown,
    /// It agreed that this one goes on, and agrees to no other.
    Agreed,
    /// It agreed that the other goes on.
    Denied,
}

/// What the rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// This member.
    pub me: MemberId,
    /// The voters of the control group.
    pub voters: &'a BTreeSet<MemberId>,
    /// What this member knows about the other.
    pub evidence: Evidence,
    /// What the operator said.
    pub two_members: TwoMembers,
    /// What the witness said.
    pub witness: Witness,
}

/// What the survivor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survival {
    /// It starts a new generation of the control group, as its only voter.
    GoOn,
    /// It serves nothing and waits; the text says for what, and what the operator can do.
    Wait(String),
}

impl Situation<'_> {
    /// Whether this member may go on alone.
    #[must_use]
    pub fn decide(&self) -> Survival {
        let mut others = self.voters.iter().filter(|voter| **voter != self.me);
        let (Some(other), None, true) = (others.next(), others.next(), self.voters.contains(&self.me)) else {
            return self.wait_for_majority();
        };
        match (self.evidence, self.witness) {
            (Evidence::Heard, _) => wait(format!("{other} is heard: nothing is to be decided")),
            (_, Witness::Agreed) => Survival::GoOn,
            (_, Witness::Denied) => wait(format!(
                "the witness agreed that {other} goes on: it may have taken writes that this member lacks. Start {other} \
                 again; this member then joins it by itself"
            )),
            (_, Witness::Unknown) => wait(format!(
                "{other} is gone or cut off, and the witness has not answered yet, which may have agreed to {other} before: \
                 make the witness reachable, or bring {other} back"
            )),
            (Evidence::Silent { silent }, Witness::None) => wait(format!(
                "{other} has not been heard for {} ms: it may be paused or cut off and as alive as this member, and two \
                 have no majority. Bring it or the network back; if it is gone for good, make sure that its process has \
                 ended and start one at its address. A third member or a witness decides such cases by itself",
                silent.as_millis()
            )),
            (Evidence::Proven { proof, .. }, Witness::None) => self.proven(*other, proof),
        }
    }

    fn proven(&self, other: MemberId, proof: Proof) -> Survival {
        if matches!(proof, Proof::SameHost | Proof::Replaced) || self.two_members == TwoMembers::TrustReset {
            return Survival::GoOn;
        }
        wait(format!(
            "{other} on another host refuses connections: it has ended, or a firewall refuses in its name. Start it again; \
             or set two-members = \"trust-reset\" if no firewall between the two does that; or add a third member or a \
             witness"
        ))
    }

    fn wait_for_majority(&self) -> Survival {
        let needed = self.voters.len() / 2 + 1;
        wait(format!(
            "the control group has {} voters, and {needed} of them must see each other: start those that are down, or \
             mend the network between them",
            self.voters.len()
        ))
    }
}

fn wait(text: String) -> Survival {
    Survival::Wait(text)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const ME: MemberId = MemberId::new(1);
    const OTHER: MemberId = MemberId::new(2);

    fn proven(proof: Proof) -> Evidence {
        Evidence::Proven {
            proof,
            silent: Duration::from_millis(5),
        }
    }

    fn decide(evidence: Evidence, two_members: TwoMembers, witness: Witness) -> Survival {
        let voters = BTreeSet::from([ME, OTHER]);
        Situation {
            me: ME,
            voters: &voters,
            evidence,
            two_members,
            witness,
        }
        .decide()
    }

    fn goes_on(evidence: Evidence, two_members: TwoMembers, witness: Witness) -> bool {
        decide(evidence, two_members, witness) == Survival::GoOn
    }

    #[test]
    fn one_machine_needs_no_setting() {
        assert!(goes_on(proven(Proof::SameHost), TwoMembers::Wait, Witness::None));
        assert!(goes_on(proven(Proof::Replaced), TwoMembers::Wait, Witness::None));
    }

    #[test]
    fn two_machines_need_the_operator_or_a_witness() {
        for proof in [Proof::Closed, Proof::Reset] {
            assert!(!goes_on(proven(proof), TwoMembers::Wait, Witness::None));
            assert!(goes_on(proven(proof), TwoMembers::TrustReset, Witness::None));
            assert!(goes_on(proven(proof), TwoMembers::Wait, Witness::Agreed));
        }
    }

    #[test]
    fn silence_needs_a_witness() {
        let silent = Evidence::Silent {
            silent: Duration::from_secs(60),
        };
        assert!(!goes_on(silent, TwoMembers::TrustReset, Witness::None));
        assert!(!goes_on(silent, TwoMembers::TrustReset, Witness::Unknown));
        assert!(goes_on(silent, TwoMembers::Wait, Witness::Agreed));
    }

    #[test]
    fn a_witness_is_asked_whatever_is_proven() {
        for proof in [Proof::SameHost, Proof::Replaced, Proof::Closed, Proof::Reset] {
            assert!(!goes_on(proven(proof), TwoMembers::TrustReset, Witness::Unknown));
            assert!(!goes_on(proven(proof), TwoMembers::TrustReset, Witness::Denied));
        }
    }

    #[test]
    fn who_is_heard_is_not_survived() {
        assert!(!goes_on(Evidence::Heard, TwoMembers::TrustReset, Witness::Agreed));
    }

    #[test]
    fn only_one_of_two_voters_can_be_a_survivor() {
        for voters in [vec![1, 2, 3], vec![2, 3], vec![1], vec![]] {
            let voters: BTreeSet<_> = voters.into_iter().map(MemberId::new).collect();
            let evidence = proven(Proof::SameHost);
            let situation = Situation {
                me: ME,
                voters: &voters,
                evidence,
                two_members: TwoMembers::TrustReset,
                witness: Witness::Agreed,
            };
            assert!(matches!(situation.decide(), Survival::Wait(_)), "{voters:?}");
        }
    }

    #[test]
    fn the_text_says_what_to_do() {
        let Survival::Wait(text) = decide(proven(Proof::Reset), TwoMembers::Wait, Witness::None) else {
            panic!("it goes on");
        };
        assert!(
            text.contains("M2") && text.contains("two-members = \"trust-reset\""),
            "{text}"
        );
    }
}
