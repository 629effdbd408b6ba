//! The members of a run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use futures::future::join_all;

use crate::clock;
use crate::network::Network;

use super::{Addresses, Binary, ClusterInfo, Member, ProcessError, Signal, get};

/// The ports of a member; each has an address of its own.
const LISTEN_PORT: u16 = 7574;
const GRPC_PORT: u16 = 1408;
const HTTP_PORT: u16 = 6676;

/// How long a member may take to be ready, and to end.
const START_MAX: Duration = Duration::from_secs(60);
const END_MAX: Duration = Duration::from_secs(120);

/// How often members are asked for what they see while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What every member is started with.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// The program.
    pub binary: Binary,
    /// Where logs go.
    pub folder: PathBuf,
    /// The name of the cluster.
    pub name: String,
    /// How many members begin it. They are the addresses that every member gets to join.
    pub founders: usize,
    /// Over how many zones the members are spread in turn; 0 for none.
    pub zones: usize,
}

/// The members, running or not. They count from 1.
#[derive(Debug)]
pub struct Cluster {
    settings: ClusterSettings,
    members: Vec<Member>,
    /// Which run, or should.
    running: Vec<usize>,
    paused: Vec<usize>,
}

impl Cluster {
    /// A cluster of which nothing runs yet.
    #[must_use]
    pub fn new(settings: ClusterSettings) -> Self {
        Cluster {
            settings,
            members: Vec::new(),
            running: Vec::new(),
            paused: Vec::new(),
        }
    }

    /// The members that run, in the order in which they started.
    #[must_use]
    pub fn running(&self) -> &[usize] {
        &self.running
    }

    /// The name of a member.
    #[must_use]
    pub fn name(member: usize) -> String {
        format!("m{member}")
    }

    /// The member of this name.
    #[must_use]
    pub fn member_named(name: &str) -> Option<usize> {
        name.strip_prefix('m')?.parse().ok()
    }

    /// Where a member is reached, whether it runs or not.
    #[must_use]
    pub fn addresses(network: &Network, member: usize) -> Addresses {
        let at = |port| SocketAddr::from((network.address(member), port));
        Addresses {
            listen: at(LISTEN_PORT),
            grpc: at(GRPC_PORT),
            http: at(HTTP_PORT),
        }
    }

    /// The command line of a member.
    fn command(&self, network: &Network, member: usize) -> Command {
        let addresses = Cluster::addresses(network, member);
        let mut command = network.command(member, &self.settings.binary.path().to_string_lossy());
        // Settings of whoever runs the lab are not the lab's.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GRID_") && name != "GRID_LOG" {
                command.env_remove(name);
            }
        }
        command.current_dir(&self.settings.folder);
        command.args(["serve", "--cluster", &self.settings.name]);
        command.args(["--name", &Cluster::name(member)]);
        command.args(["--grpc", &addresses.grpc.to_string()]);
        command.args(["--http", &addresses.http.to_string()]);
        if self.settings.founders > 1 || member > 1 {
            let founders: Vec<String> = (1..=self.settings.founders)
                .map(|founder| Cluster::addresses(network, founder).listen.to_string())
                .collect();
            command.args(["--listen", &addresses.listen.to_string()]);
            command.args(["--join", &founders.join(",")]);
        }
        if self.settings.zones > 0 {
            command.args(["--zone", &format!("z{}", (member - 1) % self.settings.zones + 1)]);
        }
        if network.is_divided() {
            command.arg("--insecure");
        }
        command
    }

    /// Starts members together and waits until each is ready.
    ///
    /// # Errors
    /// When one cannot be started, or is not ready within a minute.
    pub async fn start(&mut self, network: &Network, members: &[usize]) -> Result<(), ProcessError> {
        for member in members {
            while self.members.len() < *member {
                let number = self.members.len() + 1;
                self.members.push(Member::new(number, &self.settings.folder));
            }
            let command = self.command(network, *member);
            self.members[member - 1].start(command)?;
            self.running.push(*member);
        }
        let started = self
            .members
            .iter_mut()
            .filter(|member| members.contains(&member.number()));
        let ready = join_all(started.map(|member| member.ready(START_MAX))).await;
        ready.into_iter().try_for_each(|ready| ready.map(drop))
    }

    fn member(&mut self, member: usize) -> Result<&mut Member, ProcessError> {
        self.members
            .get_mut(member.wrapping_sub(1))
            .ok_or(ProcessError::NotRunning { member })
    }

    /// Ends a member at once, as `kill -9` does.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, member: usize) -> Result<(), ProcessError> {
        self.running.retain(|running| *running != member);
        self.paused.retain(|paused| *paused != member);
        let process = self.member(member)?;
        process.signal(Signal::Kill)?;
        process.ended(END_MAX).await.map(drop)
    }

    /// Asks a member to stop, and waits until it has.
    ///
    /// # Errors
    /// When it does not run, does not end within two minutes, or ends with another code than 0.
    pub async fn terminate(&mut self, member: usize) -> Result<(), ProcessError> {
        self.running.retain(|running| *running != member);
        let process = self.member(member)?;
        process.signal(Signal::Terminate)?;
        if process.ended(END_MAX).await? {
            return Ok(());
        }
        Err(ProcessError::Status {
            member,
            status: "a code that is not 0".to_owned(),
            log: process.log().to_owned(),
        })
    }

    /// Lets a member stand still.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self, member: usize) -> Result<(), ProcessError> {
        self.member(member)?.signal(Signal::Stop)?;
        self.paused.push(member);
        Ok(())
    }

    /// Lets a member that stands still go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self, member: usize) -> Result<(), ProcessError> {
        self.paused.retain(|paused| *paused != member);
        self.member(member)?.signal(Signal::Continue)
    }

    /// Lets every member that stands still go on.
    ///
    /// # Errors
    /// When one does not run.
    pub fn resume_all(&mut self) -> Result<(), ProcessError> {
        while let Some(member) = self.paused.last().copied() {
            self.resume(member)?;
        }
        Ok(())
    }

    /// The members that ended by themselves.
    pub fn failed(&mut self) -> Vec<usize> {
        let failed = self.members.iter_mut().filter_map(|member| {
            let number = member.number();
            member.has_failed().then_some(number)
        });
        failed.collect()
    }

    /// What a member sees.
    ///
    /// # Errors
    /// In words, when it does not answer as it should.
    pub async fn info(network: &Network, member: usize) -> Result<ClusterInfo, String> {
        let address = Cluster::addresses(network, member).http;
        let (status, body) = get(address, "/cluster")
            .await
            .map_err(|error| error.to_string())?;
        if status != http::StatusCode::OK {
            return Err(format!("http://{address}/cluster: answered {status}"));
        }
        serde_json::from_slice(&body).map_err(|error| format!("http://{address}/cluster: {error}"))
    }

    /// The member that leads, as the first that answers says.
    pub async fn leader(&self, network: &Network) -> Option<usize> {
        for member in &self.running {
            if let Ok(info) = Cluster::info(network, *member).await {
                return info.leader_name().and_then(Cluster::member_named);
            }
        }
        None
    }

    /// Waits until every member that runs sees exactly those that run, with every copy that there should be, and says
    /// that it is ready.
    ///
    /// # Errors
    /// When that is not so in time; the error says what was seen last.
    pub async fn whole(&self, network: &Network, within: Duration) -> Result<(), ProcessError> {
        let until = clock::now() + within;
        let names: Vec<String> = self.running.iter().map(|member| Cluster::name(*member)).collect();
        loop {
            let look = self
                .running
                .iter()
                .map(|member| self.look(network, *member, &names));
            let wrong: Vec<String> = join_all(look).await.into_iter().flatten().collect();
            if wrong.is_empty() {
                return Ok(());
            }
            if clock::now() >= until {
                return Err(ProcessError::NotWhole {
                    after: within,
                    seen: wrong.join("; "),
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What is wrong in the eyes of a member.
    async fn look(&self, network: &Network, member: usize, names: &[String]) -> Option<String> {
        let info = match Cluster::info(network, member).await {
            Ok(info) => info,
            Err(reason) => return Some(format!("m{member}: {reason}")),
        };
        if !info.is_whole(names) {
            let seen: Vec<&str> = info.members.iter().map(|member| member.name.as_str()).collect();
            return Some(format!(
                "m{member} sees {} with {:?}, {}",
                seen.join(" "),
                info.partitions,
                info.status_ha
            ));
        }
        let address = Cluster::addresses(network, member).http;
        match get(address, "/health/ready").await {
            Ok((http::StatusCode::OK, _)) => None,
            Ok((status, _)) => Some(format!("m{member} answers {status} at /health/ready")),
            Err(error) => Some(format!("m{member}: {error}")),
        }
    }
}
