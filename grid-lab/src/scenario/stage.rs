//! Where a scenario acts.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Stopwatch};
use crate::history::Fault;
use crate::load::{Access, Figures, Lane, Load, LoadError, LoadSettings, ballast, longest_gap_ns};
use crate::network::{Cut, Network};
use crate::process::{Cluster, ClusterSettings};
use crate::random::Random;

use super::{LabError, Report, Rule, Scenario, Settings};

/// How long the cluster may take to be whole again.
const WHOLE_MAX: Duration = Duration::from_secs(90);

/// How long clients may be without an answer when there is nothing in their way.
const BACK_MAX: Duration = Duration::from_secs(60);

/// How often conditions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How many operations are answered before anything is broken.
const WARM_UP: u64 = 500;

/// A cluster under load, and the means to break it.
#[derive(Debug)]
pub struct Stage {
    /// How the scenario is run.
    pub settings: Settings,
    /// The machines.
    pub network: Arc<Network>,
    /// The members.
    pub cluster: Cluster,
    /// The load.
    pub load: Load,
    /// What is to be told at the end.
    pub report: Report,
    /// What is drawn.
    pub random: Random,
    /// What must not be answered.
    pub rules: Vec<Rule>,
    pub(super) faults: Vec<Fault>,
    pub(super) watch: Stopwatch,
    pub(super) accesses: Vec<Arc<Access>>,
}

impl Stage {
    /// Starts the members, waits until the cluster is whole, and puts load on it.
    pub(super) async fn begin(
        scenario: &Scenario,
        settings: Settings,
        network: Arc<Network>,
    ) -> Result<Self, LabError> {
        let founders: Vec<usize> = (1..=settings.members).collect();
        let mut cluster = Cluster::new(ClusterSettings {
            binary: settings.binary.clone(),
            folder: settings.folder.clone(),
            name: format!("lab-{}", settings.seed),
            founders: settings.members,
            zones: settings.zones,
        });
        cluster.start(&network, &founders).await?;
        cluster.whole(&network, WHOLE_MAX).await?;
        let watch = Stopwatch::start();
        let random = Random::new(settings.seed);
        let listens = scenario.listens || settings.listens;
        let load = LoadSettings {
            events: usize::from(listens),
            ..LoadSettings::default()
        };
        let mut stage = Stage {
            report: Report {
                scenario: scenario.name.to_owned(),
                seed: settings.seed,
                history: settings.folder.join("history.jsonl"),
                ..Report::default()
            },
            load: Load::new(load, watch, random.branch(1)),
            random: random.branch(2),
            rules: Vec::new(),
            faults: Vec::new(),
            accesses: Vec::new(),
            settings,
            network,
            cluster,
            watch,
        };
        for member in founders {
            let mut prefer = vec![member];
            if !scenario.pinned {
                prefer.extend((1..=stage.settings.members).filter(|other| *other != member));
            }
            let addresses: Vec<_> = prefer
                .iter()
                .map(|member| Cluster::addresses(&stage.network, *member).grpc)
                .collect();
            let access =
                Arc::new(Access::connect(member, &addresses, !scenario.pinned, load.request_timeout).await?);
            if listens {
                stage.load.listen(&access).await?;
            }
            stage.load.add(&access);
            stage.accesses.push(access);
        }
        if let Some(access) = stage.accesses.first() {
            ballast::fill(access, stage.settings.entries)
                .await
                .map_err(|error| LabError::Entries { error })?;
        }
        stage
            .until(BACK_MAX, "the warm-up", |stage| stage.load.answered() >= WARM_UP)
            .await?;
        Ok(stage)
    }

    /// How long the run lasts already, in nanoseconds.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.watch.ns()
    }

    /// Notes what is about to be done; when, in nanoseconds since the run began.
    pub fn note(&mut self, what: String) -> u64 {
        let at_ns = self.watch.ns();
        self.faults.push(Fault { at_ns, what });
        at_ns
    }

    /// Waits for a condition.
    ///
    /// # Errors
    /// When it does not hold in time.
    async fn until(
        &self,
        within: Duration,
        what: &str,
        holds: impl Fn(&Stage) -> bool,
    ) -> Result<(), LabError> {
        let until = clock::now() + within;
        while !holds(self) {
            if clock::now() >= until {
                return Err(LabError::Load(LoadError::Silent {
                    what: what.to_owned(),
                    after: within,
                    errors: self.load.errors().join("; "),
                }));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lets the load go on for a while.
    pub async fn go_on(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits until the cluster has all of its members and copies.
    ///
    /// # Errors
    /// When it is not so within 90 s, or a member ended by itself.
    pub async fn whole(&mut self) -> Result<(), LabError> {
        let whole = self.cluster.whole(&self.network, WHOLE_MAX).await;
        let failed = self.cluster.failed();
        if !failed.is_empty() {
            let members: Vec<String> = failed.into_iter().map(Cluster::name).collect();
            return Err(LabError::Died {
                members: members.join(", "),
                folder: self.settings.folder.clone(),
            });
        }
        Ok(whole?)
    }

    /// Waits until each probe that prefers one of these members got an answer to something that it asked since.
    ///
    /// # Errors
    /// When one does not within a minute.
    pub async fn answered_since(&self, ns: u64, members: &[usize]) -> Result<(), LabError> {
        let back = |stage: &Stage| {
            let mut lanes = stage.lanes_at(members);
            lanes.all(|lane| lane.is_back_since(ns))
        };
        self.until(BACK_MAX, &format!("each probe at {members:?}"), back)
            .await
    }

    fn lanes_at<'a>(&'a self, members: &'a [usize]) -> impl Iterator<Item = &'a Arc<Lane>> + 'a {
        self.load
            .lanes()
            .iter()
            .filter(|lane| members.contains(&lane.member()))
    }

    /// The longest time since then for which a probe at these members had no answer, in nanoseconds.
    #[must_use]
    pub fn longest_pause_ns(&self, since_ns: u64, members: &[usize]) -> u64 {
        let until_ns = self.now_ns();
        self.lanes_at(members)
            .map(|lane| lane.with(|probes| longest_gap_ns(probes, since_ns, until_ns)))
            .max()
            .unwrap_or(0)
    }

    /// As [`longest_pause_ns`](Self::longest_pause_ns), of those probes alone that had an answer at all; and how many of
    /// how many had none.
    #[must_use]
    pub fn longest_pause_of_answered_ns(&self, since_ns: u64, members: &[usize]) -> (u64, usize, usize) {
        let until_ns = self.now_ns();
        let (mut longest, mut silent, mut all) = (0, 0, 0);
        for lane in self.lanes_at(members) {
            all += 1;
            if lane.is_back_since(since_ns) {
                let gap = lane.with(|probes| longest_gap_ns(probes, since_ns, until_ns));
                longest = longest.max(gap);
            } else {
                silent += 1;
            }
        }
        (longest, silent, all)
    }

    /// What came of what probes asked since then.
    #[must_use]
    pub fn figures_since(&self, since_ns: u64) -> Figures {
        let mut figures = Figures::default();
        for lane in self.load.lanes() {
            let probes = lane.with(|probes| {
                let since = probes.iter().filter(|probe| probe.start_ns >= since_ns);
                since.copied().collect::<Vec<_>>()
            });
            figures.add(probes);
        }
        figures
    }

    /// Members that run and are not this one.
    #[must_use]
    pub fn others(&self, member: usize) -> Vec<usize> {
        let running = self.cluster.running().iter().copied();
        running.filter(|other| *other != member).collect()
    }

    /// One of the members that run.
    pub fn any_member(&mut self) -> usize {
        let mut running = self.cluster.running().to_vec();
        running.sort_unstable();
        self.random.pick(&running).copied().unwrap_or(1)
    }

    /// Some of the members that run, in the order of their numbers.
    pub fn any_members(&mut self, count: usize) -> Vec<usize> {
        let mut running = self.cluster.running().to_vec();
        running.sort_unstable();
        while running.len() > count {
            let out = self.random.below(running.len());
            running.remove(out);
        }
        running
    }

    /// Kills a member; when.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, member: usize) -> Result<u64, LabError> {
        let at_ns = self.note(format!("kill m{member}"));
        self.cluster.kill(member).await?;
        Ok(at_ns)
    }

    /// Starts a member, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not within a minute.
    pub async fn start(&mut self, member: usize) -> Result<u64, LabError> {
        let at_ns = self.note(format!("start m{member}"));
        self.cluster.start(&self.network, &[member]).await?;
        Ok(at_ns)
    }

    /// Stops a member in good order; when that began.
    ///
    /// # Errors
    /// When it does not end with 0 within two minutes.
    pub async fn stop(&mut self, member: usize) -> Result<u64, LabError> {
        let at_ns = self.note(format!("stop m{member}"));
        self.cluster.terminate(member).await?;
        Ok(at_ns)
    }

    /// Lets a member stand still; since when.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self, member: usize) -> Result<u64, LabError> {
        let at_ns = self.note(format!("pause m{member}"));
        self.cluster.pause(member)?;
        Ok(at_ns)
    }

    /// Cuts two groups off from each other; from when on it is sure.
    ///
    /// # Errors
    /// When the network cannot be cut.
    pub async fn cut(&mut self, one: &[usize], other: &[usize], cut: Cut) -> Result<u64, LabError> {
        self.note(format!("cut {one:?} from {other:?}: {cut:?}"));
        self.network.cut(one, other, cut).await?;
        Ok(self.now_ns())
    }

    /// Ends whatever is done to the network and to processes that stand still; from when on it may be mended.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn heal(&mut self) -> Result<u64, LabError> {
        let at_ns = self.note("heal".to_owned());
        self.network.heal().await?;
        self.cluster.resume_all()?;
        Ok(at_ns)
    }
}
