//! Where a member looks for its cluster: at addresses that it was told, and at those that are found as time goes by.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use grid_core::control::KeptCopy;
use grid_core::membership::bootstrap::{Bootstrap, BootstrapInput, BootstrapSettings, Rank};
use grid_core::membership::{MemberId, Moment, ProcessId};

use crate::transport::{DialError, Link, Refusal};

use super::control_loop::{ControlLoop, Dialed, Phase};
use super::core::Core;

/// So many addresses are dialed at the same time; others wait for their turn.
const DIALS_MAX: usize = 128;

/// So many processes are remembered that were met at an address.
const MET_MAX: usize = 1_024;

/// How often a member without a lease dials the addresses that were found.
const LOOK_BEYOND: Duration = Duration::from_secs(1);

/// What a member that looks for its cluster knows.
pub(super) struct Looking {
    pub(super) bootstrap: Bootstrap,
    /// Where others may be, as far as that was said by the settings and by other members.
    pub(super) addresses: BTreeSet<SocketAddr>,
    /// Where others may be besides, as it was found last; `None` before the first look.
    pub(super) found: Option<BTreeSet<SocketAddr>>,
    /// Names of this very member.
    pub(super) own_names: BTreeSet<SocketAddr>,
    /// Why nobody was met at an address.
    pub(super) unmet: BTreeMap<SocketAddr, DialError>,
    /// The processes that were met last at addresses, and when, for when nobody is there any more.
    pub(super) met: BTreeMap<SocketAddr, (ProcessId, Moment)>,
    /// The address that was dialed last: those behind it come next.
    pub(super) dialed_last: Option<SocketAddr>,
    /// The connections to them, by process.
    pub(super) links: BTreeMap<ProcessId, Link>,
    pub(super) dialing: BTreeSet<SocketAddr>,
    pub(super) connected: BTreeMap<SocketAddr, ProcessId>,
    /// What it was before it was cut off.
    pub(super) before: Option<(MemberId, Vec<KeptCopy>)>,
    pub(super) joining: bool,
    /// How often it was refused since another member has its address.
    pub(super) occupied: u32,
    pub(super) join_at: Option<SocketAddr>,
    pub(super) next_dial: Moment,
    pub(super) next_join: Moment,
}

impl Looking {
    /// A member that was just started.
    pub(super) fn new(core: &Core, addresses: Option<BTreeSet<SocketAddr>>, now: Moment) -> Self {
        let own = Rank {
            address: core.own_address(),
            process: core.settings.process,
        };
        let settings = BootstrapSettings {
            expect: core.settings.expect,
            ..BootstrapSettings::new(own, addresses.clone())
        };
        Looking {
            bootstrap: Bootstrap::new(settings, now),
            addresses: addresses.unwrap_or_default(),
            found: None,
            own_names: BTreeSet::from([own.address]),
            unmet: BTreeMap::new(),
            met: BTreeMap::new(),
            dialed_last: None,
            links: BTreeMap::new(),
            dialing: BTreeSet::new(),
            connected: BTreeMap::new(),
            before: None,
            joining: false,
            occupied: 0,
            join_at: None,
            next_dial: now,
            next_join: now,
        }
    }

    /// The addresses to dial now. All have their turn, however many there are.
    pub(super) fn next_dials(&mut self) -> Vec<SocketAddr> {
        let found = self.found.iter().flatten();
        let all: BTreeSet<SocketAddr> = self.addresses.iter().chain(found).copied().collect();
        self.unmet.retain(|address, _| all.contains(address));
        let waits = |address: &&SocketAddr| {
            !self.own_names.contains(address)
                && !self.connected.contains_key(address)
                && !self.dialing.contains(address)
        };
        let (before, after): (Vec<_>, Vec<_>) = all
            .iter()
            .filter(waits)
            .partition(|address| Some(**address) <= self.dialed_last);
        let room = DIALS_MAX.saturating_sub(self.dialing.len());
        let next: Vec<SocketAddr> = after.into_iter().chain(before).take(room).copied().collect();
        self.dialed_last = next.last().copied().or(self.dialed_last);
        self.dialing.extend(&next);
        next
    }

    /// Notes who is at an address.
    pub(super) fn met(&mut self, address: SocketAddr, process: ProcessId, now: Moment) {
        if self.met.len() < MET_MAX || self.met.contains_key(&address) {
            self.met.insert(address, (process, now));
        }
    }

    /// Nobody listens at an address: gives the process that was there when it was dialed, and is not any more.
    pub(super) fn nobody_at(&mut self, address: SocketAddr, dialed: Moment) -> Option<ProcessId> {
        let (process, _) = self
            .met
            .get(&address)
            .copied()
            .filter(|(_, met)| *met <= dialed)?;
        if self.links.contains_key(&process) {
            return None;
        }
        self.met.retain(|_, (met, _)| *met != process);
        Some(process)
    }
}

impl ControlLoop {
    /// Takes in what was found since the last time.
    pub(super) fn look_up(&mut self) {
        let (Phase::Looking(looking), Some(news)) = (&mut self.phase, &mut self.found) else {
            return;
        };
        // Who looked may have ended; what it found last stays.
        let changed = news.has_changed().unwrap_or(false);
        if looking.found.is_some() && !changed {
            return;
        }
        let found: BTreeSet<SocketAddr> = news.borrow_and_update().member_addresses().collect();
        if looking.found.as_ref() == Some(&found) {
            return;
        }
        // Whoever is new need not wait.
        looking.next_dial = Moment::BOOT;
        looking.found = Some(found.clone());
        self.bootstrap(BootstrapInput::Found(found));
    }

    /// A member that may not serve looks where others were found beside the members that it knows: it may have been
    /// removed while it was cut off, and those who could tell it may all be gone.
    pub(super) fn look_beyond(&mut self) {
        let (now, own) = (self.now(), self.core.own_address());
        let (Phase::In(membership), Some(news)) = (&mut self.phase, &self.found) else {
            return;
        };
        if now < membership.next_look || self.core.lease.may_serve() || self.core.has_left() {
            return;
        }
        membership.next_look = now.after(LOOK_BEYOND);
        let members = self.core.view.read(|state| {
            let members = state.members().values();
            members.map(|member| member.info.address).collect()
        });
        let members: BTreeSet<SocketAddr> = members.unwrap_or_default();
        let found: BTreeSet<SocketAddr> = news.borrow().member_addresses().collect();
        let strange = found
            .into_iter()
            .filter(|address| *address != own && !members.contains(address));
        for address in strange.take(DIALS_MAX) {
            self.dial(Dialed::Address(address), address);
        }
    }

    /// What [`look_beyond`](Self::look_beyond) led to.
    pub(super) fn looked_beyond(&mut self, address: SocketAddr, result: Result<Link, DialError>) {
        match result {
            // Nobody there knows more than this member.
            Ok(link) => link.close(),
            Err(DialError::Rejected(Refusal::Fenced { index })) => {
                self.fenced(&format!("the member at {address} says so, at index {index}"));
            }
            Err(_) => {}
        }
    }
}
