//! How much can fail without a loss.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::membership::{Member, MemberId};
use crate::partition::table::{Assignment, ServiceTable};

use super::takers::Domains;

/// The widest domain of failure of which any one can go without a loss of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StatusHa {
    /// There is a partition whose data the end of one member would take away, or that nobody serves.
    Endangered,
    /// Any one member can go.
    NodeSafe,
    /// Any one machine can go.
    MachineSafe,
    /// Any one rack can go.
    RackSafe,
    /// Any one site (zone) can go.
    SiteSafe,
}

impl fmt::Display for StatusHa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            StatusHa::Endangered => "ENDANGERED",
            StatusHa::NodeSafe => "NODE-SAFE",
            StatusHa::MachineSafe => "MACHINE-SAFE",
            StatusHa::RackSafe => "RACK-SAFE",
            StatusHa::SiteSafe => "SITE-SAFE",
        })
    }
}

/// How safe the data is: the worst of all partitions of all services that keep backups, by the complete copies that
/// are there now, whatever is planned. Copies of members that are not there don't count; those of draining ones do.
///
/// Without any service that keeps backups nothing is safe: [`StatusHa::Endangered`].
#[must_use]
pub fn status_ha<'a>(
    tables: impl IntoIterator<Item = &'a ServiceTable>,
    members: &BTreeMap<MemberId, Member>,
) -> StatusHa {
    let backed_up = tables.into_iter().filter(|table| table.backups.get() > 0);
    backed_up
        .flat_map(|table| &table.assignments)
        .map(|assignment| safety_of(assignment, members))
        .min()
        .unwrap_or(StatusHa::Endangered)
}

fn safety_of(assignment: &Assignment, members: &BTreeMap<MemberId, Member>) -> StatusHa {
    if assignment.primary.is_none() {
        return StatusHa::Endangered;
    }
    let mut replicas = assignment.replicas().filter_map(|replica| members.get(&replica));
    let Some(first) = replicas.next() else {
        return StatusHa::Endangered;
    };
    let domains = Domains::of(&first.info);
    // The copies are in two domains of a kind as soon as one of them is not in the first one's.
    let shared = replicas
        .map(|replica| domains.shared_with(&Domains::of(&replica.info)))
        .min();
    match shared {
        None => StatusHa::Endangered,
        Some(0) => StatusHa::SiteSafe,
        Some(1) => StatusHa::RackSafe,
        Some(2) => StatusHa::MachineSafe,
        // One process may run several members; each can leave for itself.
        Some(_) => StatusHa::NodeSafe,
    }
}
