//! What the name service knows, and which name asks for what.

use std::fmt::Write;
use std::net::SocketAddr;

use grid_core::membership::{Member, MemberPhase, ProcessId};

use crate::announcement::reachable;

/// What every name can begin with, to be answered with a text.
const AS_TEXT: &str = "NameService/string/";
/// The most members in one answer.
const MEMBERS_MAX: usize = 500;
/// The most members that are described for people.
const DESCRIBED_MAX: usize = 100;

/// What the name service tells.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The name of the cluster.
    pub cluster: String,
    /// The process that answers.
    pub process: ProcessId,
    /// The port that it answers at.
    pub port: u16,
    /// The members, in the order of their numbers.
    pub members: Vec<Member>,
}

/// The answer to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing has this name.
    Null,
    /// A text.
    Text(String),
    /// Addresses and ports in turn.
    Addresses(Vec<(String, u16)>),
    /// A list without items.
    EmptyList,
}

impl Facts {
    /// What a name stands for.
    #[must_use]
    pub fn answer(&self, name: &str) -> Answer {
        match name.strip_prefix(AS_TEXT) {
            Some(name) => self.named(name).into_text(),
            None => self.named(name),
        }
    }

    fn named(&self, name: &str) -> Answer {
        match name {
            "Cluster/name" => Answer::Text(self.cluster.clone()),
            "Cluster/info" => Answer::Text(self.info()),
            "Cluster/foreign" => Answer::EmptyList,
            "$GRPC:GrpcProxy" => self.grpc(),
            "metrics/HTTPMetricsURL" => self.urls("metrics"),
            "health/HTTPHealthURL" => self.urls("health/"),
            _ => {
                let own_port = name
                    .strip_prefix("Cluster/foreign/")
                    .and_then(|rest| rest.strip_suffix("/NameService/localPort"));
                if own_port == Some(self.cluster.as_str()) {
                    Answer::Text(self.port.to_string())
                } else {
                    Answer::Null
                }
            }
        }
    }

    /// The members to send clients to, the one that answers first. Those that leave are named only when no other is.
    fn for_clients(&self) -> Vec<&Member> {
        let stays = |member: &&Member| member.phase != MemberPhase::Draining;
        let mut members: Vec<_> = self.members.iter().filter(stays).collect();
        if members.is_empty() {
            members = self.members.iter().collect();
        }
        members.sort_by_key(|member| member.info.process != self.process);
        members.truncate(MEMBERS_MAX);
        members
    }

    fn grpc(&self) -> Answer {
        let members = self.for_clients().into_iter();
        let serving = members.filter_map(|member| Some(reachable(member.info.grpc?, member.info.address)));
        let addresses: Vec<_> = serving
            .map(|address: SocketAddr| (address.ip().to_string(), address.port()))
            .collect();
        if addresses.is_empty() {
            return Answer::Null;
        }
        Answer::Addresses(addresses)
    }

    fn urls(&self, path: &str) -> Answer {
        let members = self.for_clients().into_iter();
        let serving = members.filter_map(|member| Some(reachable(member.info.http?, member.info.address)));
        let urls: Vec<_> = serving
            .map(|address| format!("http://{address}/{path}"))
            .collect();
        if urls.is_empty() {
            return Answer::Null;
        }
        Answer::Text(format!("[{}]", urls.join(", ")))
    }

    /// The members, in the manner of the reference, for people.
    fn info(&self) -> String {
        let mut text = format!(
            "Name={}, ClusterPort={}\n\nMasterMemberSet(\n",
            self.cluster, self.port
        );
        let this = self
            .members
            .iter()
            .find(|member| member.info.process == self.process);
        if let Some(this) = this {
            let _infallible = writeln!(text, "  ThisMember={}", described(this));
        }
        let _infallible = writeln!(text, "  ActualMemberSet=MemberSet(Size={}", self.members.len());
        for member in self.members.iter().take(DESCRIBED_MAX) {
            let _infallible = writeln!(text, "    {}", described(member));
        }
        if self.members.len() > DESCRIBED_MAX {
            let _infallible = writeln!(text, "    and {} more", self.members.len() - DESCRIBED_MAX);
        }
        text.push_str("    )\n  )\n");
        text
    }
}

fn described(member: &Member) -> String {
    let (info, place) = (&member.info, &member.info.location);
    let version = clipped(&info.version);
    let mut where_it_is = String::new();
    for (what, name) in [
        ("site", &place.zone),
        ("rack", &place.rack),
        ("machine", &place.machine),
    ] {
        if !name.is_empty() {
            let _infallible = write!(where_it_is, "{what}:{},", clipped(name));
        }
    }
    let _infallible = write!(where_it_is, "member:{}", clipped(&info.name));
    let (id, role) = (member.id.get(), clipped(&info.role));
    format!(
        "Member(Id={id}, Address={}, Location={where_it_is}, Role={role}, State={:?}, Version={version})",
        info.address, member.phase
    )
}

/// At most 16 characters, so that all members have room in one answer.
fn clipped(name: &str) -> String {
    name.chars().take(16).collect()
}

impl Answer {
    /// The answer as a text; null stays null.
    fn into_text(self) -> Self {
        match self {
            Answer::Addresses(addresses) => {
                let items: Vec<_> = addresses
                    .iter()
                    .map(|(host, port)| format!("{host}, {port}"))
                    .collect();
                Answer::Text(format!("[{}]", items.join(", ")))
            }
            Answer::EmptyList => Answer::Text("[]".to_owned()),
            Answer::Null | Answer::Text(_) => self,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use grid_core::membership::{HostId, Location, MemberId, MemberInfo};

    use super::*;

    pub(crate) fn facts(members: u64) -> Facts {
        let member = |number: u64| Member {
            id: MemberId::new(number),
            info: MemberInfo {
                process: ProcessId::new(number.into()),
                host: HostId::new(1),
                name: format!("node{number}"),
                address: SocketAddr::from(([127, 0, 0, 1], 7574)),
                grpc: Some(SocketAddr::from((
                    [0, 0, 0, 0],
                    1407 + u16::try_from(number).unwrap(),
                ))),
                http: Some(SocketAddr::from(([127, 0, 0, 1], 6676))),
                location: Location {
                    zone: "north".into(),
                    ..Location::default()
                },
                role: "storage".into(),
                storage: true,
                weight: 100,
                version: "0.1.0".into(),
            },
            phase: MemberPhase::Ready,
        };
        Facts {
            cluster: "girih".into(),
            process: ProcessId::new(2),
            port: 7574,
            members: (1..=members).map(member).collect(),
        }
    }

    fn text(facts: &Facts, name: &str) -> String {
        match facts.answer(name) {
            Answer::Text(text) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn the_member_that_answers_is_named_first() {
        let facts = facts(3);
        let grpc = text(&facts, "NameService/string/$GRPC:GrpcProxy");
        assert_eq!(grpc, "[127.0.0.1, 1409, 127.0.0.1, 1408, 127.0.0.1, 1410]");
        let raw: Vec<_> = [1409, 1408, 1410]
            .map(|port| ("127.0.0.1".to_owned(), port))
            .into();
        assert_eq!(facts.answer("$GRPC:GrpcProxy"), Answer::Addresses(raw));
    }

    #[test]
    fn clients_are_sent_to_members_that_leave_only_when_no_other_is_there() {
        let mut facts = facts(2);
        facts.members[1].phase = MemberPhase::Draining;
        assert_eq!(
            text(&facts, "NameService/string/$GRPC:GrpcProxy"),
            "[127.0.0.1, 1408]"
        );
        facts.members.remove(0);
        assert_eq!(
            text(&facts, "NameService/string/$GRPC:GrpcProxy"),
            "[127.0.0.1, 1409]"
        );
        facts.members[0].info.grpc = None;
        assert_eq!(facts.answer("NameService/string/$GRPC:GrpcProxy"), Answer::Null);
    }

    #[test]
    fn names_of_the_cluster() {
        let facts = facts(1);
        assert_eq!(text(&facts, "Cluster/name"), "girih");
        assert_eq!(text(&facts, "NameService/string/Cluster/name"), "girih");
        assert_eq!(text(&facts, "NameService/string/Cluster/foreign"), "[]");
        assert_eq!(facts.answer("Cluster/foreign"), Answer::EmptyList);
        let port_of = |name: &str| {
            facts.answer(&format!(
                "NameService/string/Cluster/foreign/{name}/NameService/localPort"
            ))
        };
        assert_eq!(port_of("girih"), Answer::Text("7574".to_owned()));
        assert_eq!(port_of("other"), Answer::Null);
        assert_eq!(
            text(&facts, "NameService/string/metrics/HTTPMetricsURL"),
            "[http://127.0.0.1:6676/metrics]"
        );
        for name in [
            "",
            "x",
            "Cluster",
            "NameService/string/",
            "management/JMXServiceURL",
            "NameService/string/NameService/string/Cluster/name",
        ] {
            assert_eq!(facts.answer(name), Answer::Null, "{name}");
        }
    }

    #[test]
    fn the_largest_cluster_fits_into_an_answer() {
        let mut facts = facts(2_000);
        for member in &mut facts.members {
            for name in [
                &mut member.info.name,
                &mut member.info.role,
                &mut member.info.version,
            ] {
                *name = "x".repeat(1_000);
            }
        }
        // What the reference's client takes.
        let longest = 64 * 1024;
        for name in [
            "Cluster/info",
            "$GRPC:GrpcProxy",
            "metrics/HTTPMetricsURL",
            "health/HTTPHealthURL",
        ] {
            let len = text(&facts, &format!("NameService/string/{name}")).len();
            assert!((1_000..longest).contains(&len), "{name}: {len}");
        }
        assert!(text(&facts, "Cluster/info").contains("and 1900 more"));
    }
}
