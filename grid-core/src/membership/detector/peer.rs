//! What is known about one other member.

use std::collections::BTreeSet;

use super::{DetectorOutput, DetectorSettings, PeerIdentity};
use crate::membership::{Evidence, LinkEnd, LinkId, MemberId, Moment, ProcessId, Proof};

#[derive(Clone, Debug)]
pub(super) struct Peer {
    identity: PeerIdentity,
    same_host: bool,
    links: BTreeSet<LinkId>,
    /// When a connection was opened last.
    opened_at: Moment,
    last_heard: Moment,
    /// Whether its kernel has closed a connection in order since the last one was opened.
    closed_in_order: bool,
    /// Whether a connection was lost, and no answer of its listener was seen since.
    in_doubt: bool,
    /// When the connect began whose outcome is awaited.
    dialing: Option<Moment>,
    next_dial: Moment,
    refused: bool,
    /// When the doubts about a refusal by another machine began: no connections left, and refused.
    doubted_since: Option<Moment>,
    /// Whether it was refused again since then.
    refused_again: bool,
    replaced: bool,
    reported: Reported,
    next_report: Moment,
}

/// What the leader was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    Heard,
    Silent,
    Proven(Proof),
}

impl Peer {
    pub(super) fn new(identity: PeerIdentity, same_host: bool, now: Moment) -> Self {
        Peer {
            identity,
            same_host,
            links: BTreeSet::new(),
            opened_at: Moment::BOOT,
            last_heard: now,
            closed_in_order: false,
            in_doubt: true,
            dialing: None,
            next_dial: now,
            refused: false,
            doubted_since: None,
            refused_again: false,
            replaced: false,
            reported: Reported::Heard,
            next_report: now,
        }
    }

    pub(super) fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    pub(super) fn listen_anew(&mut self, now: Moment) {
        self.last_heard = now;
        self.doubted_since = self.doubted_since.map(|_| now);
        self.refused_again = false;
    }

    pub(super) fn link_opened(&mut self, now: Moment, link: LinkId) {
        self.links.insert(link);
        self.opened_at = now;
        self.last_heard = now;
        self.closed_in_order = false;
        self.replaced = false;
        self.believe_again();
    }

    pub(super) fn link_ended(&mut self, now: Moment, link: LinkId, end: LinkEnd) {
        if !self.links.remove(&link) {
            return;
        }
        self.closed_in_order |= end == LinkEnd::Closed;
        self.in_doubt = true;
        self.next_dial = now;
        self.doubt(now);
    }

    /// Words that were still under way when the last connection ended say nothing about now.
    pub(super) fn heard(&mut self, now: Moment) {
        if !self.links.is_empty() {
            self.last_heard = now;
        }
    }

    pub(super) fn dial_refused(&mut self, now: Moment, started: Moment, settings: &DetectorSettings) {
        self.dialing = None;
        self.next_dial = now.after(settings.redial_every);
        if started < self.opened_at {
            return;
        }
        self.refused = true;
        match self.doubted_since {
            // The second refusal has to come from a connect that began well after the first, and the grace has to be
            // over by then: a connect begun at its end settles the matter.
            Some(since) if started >= since.after(settings.proof_grace) => self.refused_again = true,
            Some(_) => {}
            None => self.doubt(now),
        }
        if let Some(since) = self
            .doubted_since
            .filter(|_| !self.refused_again && !self.same_host)
        {
            self.next_dial = since.after(settings.proof_grace);
        }
    }

    pub(super) fn dial_failed(&mut self, redial_at: Moment) {
        self.dialing = None;
        self.next_dial = redial_at;
        self.refused = false;
        self.doubted_since = None;
        self.refused_again = false;
    }

    pub(super) fn dial_answered(
        &mut self,
        now: Moment,
        redial_at: Moment,
        process: ProcessId,
        answered_as: Option<MemberId>,
    ) {
        self.dialing = None;
        self.next_dial = redial_at;
        let later_member = answered_as.is_some_and(|member| member > self.identity.member);
        if process != self.identity.process || later_member {
            // Connections of the process that was replaced end by themselves; until then this is no proof.
            self.replaced = true;
            return;
        }
        self.last_heard = now;
        self.believe_again();
    }

    fn believe_again(&mut self) {
        self.in_doubt = false;
        self.refused = false;
        self.doubted_since = None;
        self.refused_again = false;
    }

    fn doubt(&mut self, now: Moment) {
        if self.links.is_empty() && self.refused && self.doubted_since.is_none() {
            self.doubted_since = Some(now);
            self.refused_again = false;
        }
    }

    fn proof(&self) -> Option<Proof> {
        if !self.links.is_empty() {
            return None;
        }
        if self.replaced {
            return Some(Proof::Replaced);
        }
        if self.same_host && self.refused {
            return Some(Proof::SameHost);
        }
        let kind = if self.closed_in_order {
            Proof::Closed
        } else {
            Proof::Reset
        };
        (self.doubted_since.is_some() && self.refused_again).then_some(kind)
    }

    pub(super) fn evidence(&self, now: Moment, settings: &DetectorSettings) -> Evidence {
        let silent = now.since(self.last_heard);
        match self.proof() {
            Some(proof) => Evidence::Proven { proof, silent },
            None if silent >= settings.silent_after => Evidence::Silent { silent },
            None => Evidence::Heard,
        }
    }

    /// Says what is to be done about this member now.
    pub(super) fn act(
        &mut self,
        now: Moment,
        settings: &DetectorSettings,
        outputs: &mut Vec<DetectorOutput>,
    ) {
        let evidence = self.evidence(now, settings);
        let report = match evidence {
            Evidence::Heard => Reported::Heard,
            Evidence::Silent { .. } => Reported::Silent,
            Evidence::Proven { proof, .. } => Reported::Proven(proof),
        };
        if report != self.reported || (report != Reported::Heard && now >= self.next_report) {
            self.reported = report;
            self.next_report = now.after(settings.report_every);
            outputs.push(DetectorOutput::Report {
                about: self.identity.member,
                evidence,
            });
        }
        self.dialing = self
            .dialing
            .filter(|started| now.since(*started) < settings.dial_max);
        let wanted = self.in_doubt || self.links.is_empty() || report == Reported::Silent;
        if wanted && !self.replaced && self.dialing.is_none() && now >= self.next_dial {
            self.dialing = Some(now);
            outputs.push(DetectorOutput::Redial {
                to: self.identity.member,
            });
        }
    }
}
