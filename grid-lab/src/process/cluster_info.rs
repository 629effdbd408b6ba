//! What a member says of its cluster.

use serde::Deserialize;

/// A member, as another sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MemberInfo {
    /// Its number, never used again.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether it takes part, leaves, and so on.
    #[serde(default)]
    pub state: String,
}

/// The partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct PartitionsInfo {
    /// How many there are.
    pub count: u64,
    /// How many no member holds.
    pub unassigned: u64,
    /// How many have fewer copies than they should.
    pub endangered: u64,
    /// How many are on their way.
    pub moving: u64,
}

/// The answer to `GET /cluster`; whatever else is in it is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClusterInfo {
    /// The members.
    pub members: Vec<MemberInfo>,
    /// The partitions.
    pub partitions: PartitionsInfo,
    /// What loss the cluster stands, from `ENDANGERED` to `SITE-SAFE`.
    pub status_ha: String,
    /// The number of the member that leads.
    pub leader: u64,
    /// Counts the changes of the partition table.
    pub epoch: u64,
}

impl ClusterInfo {
    /// The name of the member that leads, if there is one.
    #[must_use]
    pub fn leader_name(&self) -> Option<&str> {
        let leader = self.members.iter().find(|member| member.id == self.leader);
        leader.map(|member| member.name.as_str())
    }

    /// Whether these members and no others are in, and every partition has as many copies as it should.
    #[must_use]
    pub fn is_whole(&self, names: &[String]) -> bool {
        let mut present: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        present.sort_unstable();
        wanted.sort_unstable();
        let PartitionsInfo {
            unassigned,
            endangered,
            moving,
            ..
        } = self.partitions;
        // A single member can hold no second copy.
        let safe = names.len() == 1 || (endangered == 0 && self.status_ha != "ENDANGERED");
        present == wanted && unassigned == 0 && moving == 0 && safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(members: &[&str], endangered: u64, status_ha: &str) -> ClusterInfo {
        let members: Vec<_> = (1..)
            .zip(members)
            .map(|(id, name)| {
                serde_json::json!({"id": id, "name": name, "address": "a:1", "zone": "", "machine": "x",
                    "state": "active", "storage": true})
            })
            .collect();
        let answer = serde_json::json!({"name": "girih", "members": members, "partitions":
            {"count": 257, "unassigned": 0, "endangered": endangered, "moving": 0},
            "status_ha": status_ha, "leader": 2, "epoch": 7});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn a_cluster_is_whole_when_its_members_are_in_and_its_copies_are_there() {
        let names = ["m1", "m2"].map(str::to_owned);
        assert!(info(&["m2", "m1"], 0, "NODE-SAFE").is_whole(&names));
        assert!(!info(&["m1"], 0, "NODE-SAFE").is_whole(&names));
        assert!(!info(&["m1", "m2", "m3"], 0, "NODE-SAFE").is_whole(&names));
        assert!(!info(&["m1", "m2"], 1, "NODE-SAFE").is_whole(&names));
        assert!(!info(&["m1", "m2"], 0, "ENDANGERED").is_whole(&names));
        assert!(info(&["m1"], 257, "ENDANGERED").is_whole(&names[..1]));
    }

    #[test]
    fn the_leader_has_a_name() {
        assert_eq!(info(&["m1", "m2"], 0, "NODE-SAFE").leader_name(), Some("m2"));
        assert_eq!(info(&["m1"], 0, "NODE-SAFE").leader_name(), None);
    }
}
