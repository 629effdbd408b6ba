//! Network namespaces on a bridge.

use std::fmt::Write as _;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::program::{Program, run_all};
use super::{NetworkError, missing};

/// The last part of the address of the host that clients are on.
const CLIENTS: usize = 254;

/// What every name begins with. The number of the process that made it follows.
const PREFIX: &str = "gridlab";

/// Where `ip` keeps the namespaces.
const FOLDER: &str = "/var/run/netns";

/// The bridge drops what goes from one port to another when they are in the set, and what the rules of the chain say.
const BRIDGE_RULES: &str = "table bridge lab {
  set cut { type ifname . ifname; }
  chain lossy { }
  chain crossing {
    type filter hook forward priority 0; policy accept;
    iifname . oifname @cut drop
    jump lossy
  }
}
";

/// A host answers with resets to those in the set. Resets themselves get through, or those of two hosts that refuse each
/// other would be lost.
const HOST_RULES: &str = "table inet lab {
  set refused { type ipv4_addr; }
  chain arriving {
    type filter hook input priority 0; policy accept;
    tcp flags & rst == rst accept
    ip saddr @refused meta l4proto tcp reject with tcp reset
    ip saddr @refused drop
  }
}
";

/// The address of a host.
pub(super) fn address(host: usize) -> Ipv4Addr {
    let host = u8::try_from(host).expect("a network has few hosts");
    Ipv4Addr::new(10, 77, 0, host)
}

/// Namespaces of this process. Dropping it ends what runs in them and removes them.
#[derive(Debug)]
pub(super) struct Namespaces {
    hosts: usize,
}

fn name_of(what: &str) -> String {
    format!("{PREFIX}{}-{what}", std::process::id())
}

fn host_name(host: usize) -> String {
    if host == CLIENTS {
        name_of("clients")
    } else {
        name_of(&format!("m{host}"))
    }
}

fn nft_at(namespace: &str, rules: &str) -> Program {
    Program::new(&format!("ip netns exec {namespace} nft -f -")).reading(rules)
}

impl Namespaces {
    pub(super) fn up(hosts: usize) -> Result<Self, NetworkError> {
        if let Some(what) = missing() {
            return Err(NetworkError::Missing { what });
        }
        sweep(|process| !Path::new(&format!("/proc/{process}")).exists());
        let namespaces = Namespaces { hosts };
        for program in namespaces.setting_up() {
            program.run()?;
        }
        Ok(namespaces)
    }

    fn all(&self) -> Vec<usize> {
        (1..=self.hosts).chain([CLIENTS]).collect()
    }

    fn setting_up(&self) -> Vec<Program> {
        let hub = name_of("hub");
        let mut programs = vec![Program::new(&format!("ip netns add {hub}"))];
        let mut wiring = "link set lo up\nlink add bridge type bridge\nlink set bridge up\n".to_owned();
        for host in self.all() {
            let name = host_name(host);
            programs.push(Program::new(&format!("ip netns add {name}")));
            // Writing into a string cannot fail.
            let _ = writeln!(
                wiring,
                "link add v{host} type veth peer name eth0 netns {name}\nlink set v{host} master bridge\nlink set v{host} up"
            );
        }
        programs.push(Program::new(&format!("ip -n {hub} -batch -")).reading(wiring));
        for host in self.all() {
            let name = host_name(host);
            let mut setting = format!(
                "link set lo up\nlink set eth0 address 02:00:00:00:00:{host:02x}\naddr add {}/24 dev eth0\nlink set eth0 up\n",
                address(host)
            );
            // Neighbours are known for good: a host that is cut off must be silent, and not unreachable.
            for other in self.all().into_iter().filter(|other| *other != host) {
                let _ = writeln!(
                    setting,
                    "neigh replace {} lladdr 02:00:00:00:00:{other:02x} dev eth0 nud permanent",
                    address(other)
                );
            }
            programs.push(Program::new(&format!("ip -n {name} -batch -")).reading(setting));
            programs.push(nft_at(&name, HOST_RULES));
        }
        programs.push(nft_at(&hub, BRIDGE_RULES));
        programs
    }

    pub(super) fn command(&self, host: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &host_name(host), program]);
        command
    }

    pub(super) fn enter(&self) -> Result<Inside, NetworkError> {
        let name = host_name(CLIENTS);
        let failed = |error| NetworkError::Enter {
            name: name.clone(),
            error,
        };
        let before = File::open("/proc/thread-self/ns/net").map_err(failed)?;
        let namespace = File::open(format!("{FOLDER}/{name}")).map_err(failed)?;
        go_to(&namespace).map_err(failed)?;
        Ok(Inside { before })
    }

    /// Drops what goes from these to those.
    pub(super) async fn drop_from_to(&self, from: &[usize], to: &[usize]) -> Result<(), NetworkError> {
        let pairs: Vec<String> = pairs(from, to)
            .map(|(from, to)| format!("\"v{from}\" . \"v{to}\""))
            .collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let rule = format!("add element bridge lab cut {{ {} }}\n", pairs.join(", "));
        run_all(vec![nft_at(&name_of("hub"), &rule)]).await
    }

    /// Lets these hosts answer with resets to whatever comes from those.
    pub(super) async fn refuse_from_at(&self, from: &[usize], at: &[usize]) -> Result<(), NetworkError> {
        if from.is_empty() {
            return Ok(());
        }
        let addresses: Vec<String> = from.iter().map(|host| address(*host).to_string()).collect();
        let rule = format!("add element inet lab refused {{ {} }}\n", addresses.join(", "));
        run_all(at.iter().map(|host| nft_at(&host_name(*host), &rule)).collect()).await
    }

    /// Loses packets between members by chance.
    pub(super) async fn lose(&self, per_mille: u32) -> Result<(), NetworkError> {
        let hosts: Vec<usize> = (1..=self.hosts).collect();
        let chance = match per_mille {
            0..1_000 => format!("numgen random mod 1000 < {per_mille} "),
            _ => String::new(),
        };
        let mut rules = "flush chain bridge lab lossy\n".to_owned();
        for (from, to) in pairs(&hosts, &hosts) {
            let _ = writeln!(
                rules,
                "add rule bridge lab lossy iifname \"v{from}\" oifname \"v{to}\" {chance}drop"
            );
        }
        run_all(vec![nft_at(&name_of("hub"), &rules)]).await
    }

    pub(super) async fn heal(&self) -> Result<(), NetworkError> {
        let hub = "flush set bridge lab cut\nflush chain bridge lab lossy\n";
        let hosts = (1..=self.hosts).map(|host| nft_at(&host_name(host), "flush set inet lab refused\n"));
        run_all([nft_at(&name_of("hub"), hub)].into_iter().chain(hosts).collect()).await
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        sweep(|process| process == std::process::id());
    }
}

fn pairs<'a>(one: &'a [usize], other: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + 'a {
    one.iter()
        .flat_map(|a| other.iter().map(|b| (*a, *b)))
        .filter(|(a, b)| a != b)
}

/// The process that made a namespace, if it was this program.
fn maker_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

/// Removes the namespaces of some processes, with what runs in them. What cannot be removed stays for the next time.
fn sweep(of: impl Fn(u32) -> bool) {
    let Ok(listed) = Program::new("ip netns list").run() else {
        return;
    };
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| maker_of(name).is_some_and(&of)) {
        let running = Program::new(&format!("ip netns pids {name}"))
            .run()
            .unwrap_or_default();
        let others: Vec<&str> = running
            .split_whitespace()
            .filter(|process| *process != std::process::id().to_string())
            .collect();
        if !others.is_empty() {
            let _gone_already = Program::new(&format!("kill -9 {}", others.join(" "))).run();
        }
        let _left_for_the_next = Program::new(&format!("ip netns del {name}")).run();
    }
}

fn go_to(namespace: &File) -> std::io::Result<()> {
    Ok(move_into_link_name_space(
        namespace.as_fd(),
        Some(LinkNameSpaceType::Network),
    )?)
}

/// While this lives, the thread that made it is in the clients' namespace.
#[derive(Debug)]
pub struct Inside {
    before: File,
}

impl Drop for Inside {
    fn drop(&mut self) {
        // If it fails, the thread stays where nothing but the lab can be reached, which whatever comes next will say.
        let _stays_inside = go_to(&self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_program_are_its_own() {
        assert_eq!(maker_of("gridlab17-m1"), Some(17));
        for other in ["gridlab-m1", "gridlab17", "gl-n1", "gridlabx-1"] {
            assert_eq!(maker_of(other), None, "{other}");
        }
    }

    #[test]
    fn pairs_leave_out_a_host_with_itself() {
        assert_eq!(
            pairs(&[1, 2], &[2, 3]).collect::<Vec<_>>(),
            [(1, 2), (1, 3), (2, 3)]
        );
    }
}
