//! The connections and callers of one server.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::stream::{self, StreamExt, TryStreamExt};
use grid_client::Session;
use grid_member::Grid;
use grid_member::cluster::ClusterSettings;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock;
use crate::data_set::DataSet;
use crate::histogram::Histogram;
use crate::measurement::{Before, Measurement, What};
use crate::operation::Operation;
use crate::random::Random;
use crate::target::Target;

/// After so many errors a caller gives up: a server that is gone should not be asked a million times.
const ERRORS_PER_CALLER_MAX: u64 = 20;

/// How many entries are loaded with one request, and how many such requests are under way.
const LOAD_BATCH: usize = 500;
const LOAD_PIPELINE: usize = 4;

/// How a fleet reaches its server and what it asks.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// The server, `host:port`.
    pub address: String,
    /// Members of a cluster, `host:port`. With some, each thread is a member of it that keeps no entries, and the load
    /// is on that member's caches; the server's address is not used.
    pub join: Vec<String>,
    /// The cache.
    pub cache: String,
    /// Connections, each a session of its own.
    pub connections: NonZeroUsize,
    /// Requests that are outstanding on each connection.
    pub callers: NonZeroUsize,
    /// Threads, each with its share of the connections; `None` for half as many as there are CPUs.
    pub threads: Option<NonZeroUsize>,
    /// Entries in a batch.
    pub batch: NonZeroUsize,
    /// Whether values are read and written as strings, and not only moved as bytes.
    pub typed: bool,
    /// The server's processes, for CPU and memory.
    pub server_pids: Vec<u32>,
}

/// What the callers saw together.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) latencies: Histogram,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.latencies.add(&other.latencies);
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// One stretch of load.
#[derive(Clone, Copy, Debug)]
struct Load {
    operation: Operation,
    until: Instant,
    seed: u64,
}

#[derive(Debug)]
struct Worker {
    loads: mpsc::Sender<Load>,
    outcomes: std_mpsc::Receiver<Outcome>,
    thread: Option<JoinHandle<()>>,
}

/// Connections that stay open from one measurement to the next.
///
/// Each thread runs a scheduler of its own over its share of the connections, so that a request and its answer stay on
/// one thread. Dropping the fleet closes the connections.
#[derive(Debug)]
pub struct Fleet {
    settings: FleetSettings,
    workers: Vec<Worker>,
    loads: u64,
}

impl Fleet {
    /// Opens every connection.
    ///
    /// # Errors
    /// When one cannot be opened, or a thread cannot be started.
    pub fn connect(settings: FleetSettings, data: &Arc<DataSet>) -> Result<Self> {
        let connections = settings.connections.get();
        let threads = settings
            .threads
            .map_or_else(half_of_the_cpus, NonZeroUsize::get)
            .min(connections);
        let mut starting = Vec::new();
        for index in 0..threads {
            let share = connections / threads + usize::from(index < connections % threads);
            let (settings, data) = (settings.clone(), data.clone());
            let (loads, work) = mpsc::channel(1);
            let (done, outcomes) = std_mpsc::sync_channel(1);
            let (ready, readiness) = std_mpsc::sync_channel(1);
            let thread = std::thread::Builder::new()
                .name(format!("load-{index}"))
                .spawn(move || serve_loads(&settings, share, data, &ready, work, &done))
                .context("no thread for the load")?;
            let thread = Some(thread);
            starting.push((
                Worker {
                    loads,
                    outcomes,
                    thread,
                },
                readiness,
            ));
        }
        let mut workers = Vec::new();
        for (worker, readiness) in starting {
            readiness
                .recv()
                .context("a load thread ended before it was connected")??;
            workers.push(worker);
        }
        Ok(Fleet {
            settings,
            workers,
            loads: 0,
        })
    }

    /// Every caller does this operation, again and again, for so long.
    ///
    /// # Errors
    /// When a load thread has ended, which only a panic makes it do.
    pub fn measure(&mut self, operation: Operation, time: Duration, round: u32) -> Result<Measurement> {
        self.loads += 1;
        let pids = self.settings.server_pids.clone();
        let before = Before::read(&pids);
        let until = clock::now() + time;
        for (index, worker) in (0_u64..).zip(&self.workers) {
            let seed = self.loads.wrapping_mul(0x1_0000) + index * 0x1_0000_0000;
            let sent = worker.loads.try_send(Load {
                operation,
                until,
                seed,
            });
            sent.map_err(|_ended| anyhow!("a load thread has ended"))?;
        }
        let mut outcome = Outcome::default();
        for worker in &self.workers {
            outcome.add(worker.outcomes.recv().context("a load thread has ended")?);
        }
        let what = What {
            operation,
            connections: self.settings.connections.get(),
            callers: self.settings.callers.get(),
            round,
        };
        Ok(before.finish(&pids, what, outcome))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for worker in std::mem::take(&mut self.workers) {
            let Worker {
                loads,
                outcomes,
                thread,
            } = worker;
            drop((loads, outcomes));
            // A thread that panicked has said so already.
            let _ended = thread.map(JoinHandle::join);
        }
    }
}

/// The life of a load thread.
fn serve_loads(
    settings: &FleetSettings,
    connections: usize,
    data: Arc<DataSet>,
    ready: &std_mpsc::SyncSender<Result<()>>,
    mut loads: mpsc::Receiver<Load>,
    outcomes: &std_mpsc::SyncSender<Outcome>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _unread = ready.send(Err(anyhow!(error).context("no scheduler for a load thread")));
            return;
        }
    };
    runtime.block_on(async move {
        let opened = open_all(settings, connections).await;
        let (access, targets): (Access, Vec<Target>) = match opened {
            Ok(targets) => targets,
            Err(error) => {
                let _unread = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        while let Some(load) = loads.recv().await {
            let outcome = run_callers(settings, &targets, &data, load).await;
            if outcomes.send(outcome).is_err() {
                break;
            }
        }
        drop(targets);
        access.close().await;
    });
}

/// What a load thread talks to the grid through.
enum Access {
    Sessions(Vec<Session>),
    Member(Grid),
}

impl Access {
    async fn close(self) {
        match self {
            Access::Sessions(sessions) => {
                for session in sessions {
                    session.close().await;
                }
            }
            Access::Member(grid) => {
                if let Some(cluster) = grid.cluster() {
                    cluster.leave().await;
                }
                grid.shutdown().await;
            }
        }
    }
}

async fn open_all(settings: &FleetSettings, connections: usize) -> Result<(Access, Vec<Target>)> {
    if settings.join.is_empty() {
        let opened = stream::iter(0..connections).then(|_| open(settings));
        let opened: Vec<(Session, Target)> = opened.try_collect().await?;
        let (sessions, targets) = opened.into_iter().unzip();
        return Ok((Access::Sessions(sessions), targets));
    }
    let member = ClusterSettings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        join: Some(settings.join.clone()),
        storage: false,
        ..ClusterSettings::default()
    };
    let grid = Grid::builder().member_name("grid-bench").cluster(member);
    let grid = grid.build().await?;
    grid.joined().await?;
    let target = if settings.typed {
        Target::Typed(grid.cache(&settings.cache).await?)
    } else {
        Target::Bytes(grid.backend(&settings.cache).await?)
    };
    Ok((Access::Member(grid), vec![target; connections]))
}

async fn open(settings: &FleetSettings) -> Result<(Session, Target)> {
    let session = Session::builder().address(&settings.address).connect().await;
    let session = session.with_context(|| format!("no connection to {}", settings.address))?;
    let target = if settings.typed {
        Target::Typed(session.cache(&settings.cache).await?)
    } else {
        Target::Bytes(session.backend(&settings.cache).await?)
    };
    Ok((session, target))
}

async fn run_callers(
    settings: &FleetSettings,
    targets: &[Target],
    data: &Arc<DataSet>,
    load: Load,
) -> Outcome {
    let mut callers = JoinSet::new();
    for (index, target) in (0_u64..).zip(targets) {
        for caller in 0..settings.callers.get() as u64 {
            let random = Random::new(load.seed + index * 0x1_0000_0001 + caller * 7_919);
            callers.spawn(call_until(
                target.clone(),
                data.clone(),
                settings.batch.get(),
                load,
                random,
            ));
        }
    }
    let mut all = Outcome::default();
    while let Some(ended) = callers.join_next().await {
        match ended {
            Ok(outcome) => all.add(outcome),
            Err(panic) => all.add(Outcome {
                errors: 1,
                first_error: Some(panic.to_string()),
                ..Outcome::default()
            }),
        }
    }
    all
}

async fn call_until(
    target: Target,
    data: Arc<DataSet>,
    batch: usize,
    load: Load,
    mut random: Random,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut began = clock::now();
    while began < load.until && outcome.errors < ERRORS_PER_CALLER_MAX {
        let answer = target.call(load.operation, &data, batch, &mut random).await;
        let ended = clock::now();
        match answer {
            Ok(()) => {
                let ns = u64::try_from(ended.duration_since(began).as_nanos()).unwrap_or(u64::MAX);
                outcome.latencies.record_ns(ns);
            }
            Err(error) => {
                outcome.errors += 1;
                outcome.first_error.get_or_insert_with(|| error.to_string());
            }
        }
        began = ended;
    }
    outcome
}

/// Puts every entry of the data set, over one connection; `loaded` hears how many at a time.
///
/// # Errors
/// When the server cannot be reached or refuses an entry.
pub fn load(settings: &FleetSettings, data: &DataSet, loaded: impl Fn(usize)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (access, targets) = open_all(settings, 1).await?;
        let target = &targets[0];
        let starts = (0..data.keys()).step_by(LOAD_BATCH);
        let batches = starts.map(|start| start..data.keys().min(start + LOAD_BATCH));
        stream::iter(batches)
            .map(|batch| {
                let loaded = &loaded;
                async move {
                    let keys: Vec<usize> = batch.collect();
                    target.put_all(data, &keys, keys[0]).await?;
                    loaded(keys.len());
                    Ok::<_, anyhow::Error>(())
                }
            })
            .buffer_unordered(LOAD_PIPELINE)
            .try_for_each(|()| futures::future::ready(Ok(())))
            .await
            .context("the entries cannot be loaded")?;
        drop(targets);
        access.close().await;
        Ok(())
    })
}
/// The other half is the server's, when both are on one machine: with as many threads as CPUs, the tail of the
/// latencies is the tool waiting for itself.
fn half_of_the_cpus() -> usize {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get().div_ceil(2))
}
