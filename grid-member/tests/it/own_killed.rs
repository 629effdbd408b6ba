//! Members that are killed while they run a processor of one's own.
//!
//! The members are processes: this program again, told by [`MEMBER`] to be one. Whoever asks is a member too, which holds
//! no partitions and is never killed; its requests are numbered.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grid_core::cache::{Applied, Cache, CacheError, NamedCache};
use grid_core::partition::PartitionCount;
use grid_core::partition::assignment::{StatusHa, status_ha};
use grid_core::processor::own::{Entry, EntryError, OwnAgents};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::store::WorkAnswer;
use grid_core::value::{from_binary, to_key};
use grid_member::Grid;
use grid_member::cache::OpenCache;
use grid_member::cluster::ClusterSettings;
use tokio::task::JoinSet;

use crate::cluster::address;
use crate::fixture::{opened, wait_until};

/// What the processes read: their name, and the address of a member to join.
const MEMBER: &str = "GIRIH_TEST_MEMBER";

/// What a process prints before the address at which it listens.
pub(crate) const LISTENS: &str = "the member listens at ";

/// What a process prints when the processor that waits to be killed has begun.
const BEGUN: &str = "the processor has begun";

const BOUND: Duration = Duration::from_secs(60);

const KEYS: u32 = 40;

/// Few, so that the members soon have their copies.
const PARTITIONS: PartitionCount = PartitionCount::new(NonZeroU16::new(31).expect("31 is not zero"));

/// Requests, each with the key of an entry that it was to be done to.
type Notes = BTreeSet<(u64, u32)>;

/// Counts a request, and notes it beside.
fn count(entry: &mut Entry<'_, u32, u64>, request: u64) -> Result<u64, EntryError> {
    let mut beside = entry.beside::<u32, Vec<u64>>("notes", &entry.key().clone())?;
    let count = entry.value()?.unwrap_or_default() + 1;
    let mut notes = beside.value()?.unwrap_or_default();
    notes.push(request);
    entry.set(&count)?;
    beside.set(&notes)?;
    Ok(count)
}

/// The count and the notes as they are at one moment.
fn look(entry: &mut Entry<'_, u32, u64>, (): ()) -> Result<(u64, Vec<u64>), EntryError> {
    let beside = entry.beside::<u32, Vec<u64>>("notes", &entry.key().clone())?;
    Ok((
        entry.value()?.unwrap_or_default(),
        beside.value()?.unwrap_or_default(),
    ))
}

fn agents(me: &str) -> OwnAgents {
    let agents = OwnAgents::new();
    let me = me.to_owned();
    let counts = move |entry: &mut Entry<'_, u32, u64>, (request, killed): (u64, String)| {
        let counted = count(entry, request)?;
        if killed == me {
            println!("\n{BEGUN}");
            loop {
                std::thread::park();
            }
        }
        Ok::<_, EntryError>(counted)
    };
    agents.register_processor("count", counts).unwrap();
    agents.register_processor("look", look).unwrap();
    agents
}

pub(crate) async fn member(name: &str, join: Option<String>, storage: bool) -> Grid {
    let settings = ClusterSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        join: join.map(|address| vec![address]),
        storage,
        ..ClusterSettings::default()
    };
    let builder = Grid::builder()
        .cluster_name("killed")
        .partition_count(PARTITIONS)
        .member_name(name);
    let grid = builder
        .own_agents(agents(name))
        .cluster(settings)
        .build()
        .await
        .unwrap();
    tokio::time::timeout(BOUND, grid.joined()).await.unwrap().unwrap();
    grid
}

/// What the processes run, until whoever started them ends or kills them. Without [`MEMBER`] there is nothing to run.
#[test]
fn member_process() {
    let Ok(told) = std::env::var(MEMBER) else {
        return;
    };
    let (name, join) = told.split_once(' ').expect("a name, and an address or nothing");
    let join = (!join.is_empty()).then(|| join.to_owned());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let grid = runtime.block_on(member(name, join, true));
    println!("\n{LISTENS}{}", address(&grid));
    let mut nothing = Vec::new();
    // It is closed when the test ends, however that does.
    std::io::stdin().read_to_end(&mut nothing).unwrap();
    runtime.block_on(grid.shutdown());
}

/// A member that is a process.
pub(crate) struct Process {
    name: String,
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(number: u64, join: &str) -> Self {
        let name = format!("member-{number}");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["own_killed::member_process", "--exact", "--nocapture"])
            .env(MEMBER, format!("{name} {join}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        Process { name, child, stdout }
    }

    /// Waits until it prints a line that begins so; the rest of it.
    pub(crate) async fn prints(&mut self, begins: &'static str) -> String {
        let mut stdout = self.stdout.take().expect("it is read by one at a time");
        let read = move || {
            let mut lines = stdout.by_ref().lines().map_while(Result::ok);
            let rest = lines.find_map(|line| Some(line.strip_prefix(begins)?.to_owned()));
            (rest, stdout)
        };
        let read = tokio::time::timeout(BOUND, tokio::task::spawn_blocking(read)).await;
        let (rest, stdout) = read.unwrap().unwrap();
        self.stdout = Some(stdout);
        rest.expect("it runs")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed before.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Waits until the test's member sees these processes, and all partitions at their goal.
pub(crate) async fn settled(grid: &Grid, processes: &[Process]) {
    let view = grid.cluster().unwrap().view();
    let names: BTreeSet<&str> = processes.iter().map(|process| process.name.as_str()).collect();
    let mut news = view.index();
    let is_settled = |_: &u64| {
        let settled = view.read(|state| {
            let stores = state.members().values().filter(|member| member.info.storage);
            let stores: BTreeSet<&str> = stores.map(|member| member.info.name.as_str()).collect();
            let safe = status_ha(state.services().values(), state.members());
            stores == names && safe >= StatusHa::NodeSafe
        });
        settled == Some(true)
    };
    let waited = tokio::time::timeout(BOUND, news.wait_for(is_settled)).await;
    waited.expect("the cluster settles").unwrap();
}

/// A key of which a process is the primary, as soon as there is one.
async fn key_at(grid: &Grid, process: &Process) -> u32 {
    let view = grid.cluster().unwrap().view();
    let is_at = |key: &u32| {
        let partition = PARTITIONS.partition_of(to_key(key).unwrap().hash());
        let at = view.read(|state| {
            let table = state.service_named("partitioned-1")?;
            let assignment = state.assignment(table.id, partition)?;
            let member = state.members().get(&assignment.primary?)?;
            Some(member.info.name == process.name)
        });
        at.flatten() == Some(true)
    };
    let mut news = view.index();
    let some = news.wait_for(|_| (0..KEYS).any(|key| is_at(&key)));
    let some = tokio::time::timeout(BOUND, some).await;
    some.expect("a third of the partitions").unwrap();
    (0..KEYS).find(is_at).unwrap()
}

/// What whoever asked was told of the requests, by their numbers.
#[derive(Default)]
struct Told {
    asked: Notes,
    done: Notes,
    refused: Notes,
    unknown: Notes,
}

impl Told {
    fn of(&mut self, applied: Applied) -> &mut Notes {
        match applied {
            Applied::Yes => &mut self.done,
            Applied::No => &mut self.refused,
            Applied::Unknown => &mut self.unknown,
        }
    }
}

/// Asks, and remembers what it was told.
struct Client {
    cache: Cache<u32, u64>,
    next: AtomicU64,
    told: Mutex<Told>,
}

impl Client {
    async fn ask(&self, key: u32, killed: &str) -> Result<u64, CacheError> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let counts = Processor::own("count", &(request, killed)).unwrap();
        let answer = self.cache.invoke::<u64, _>(&key, &counts).await;
        let mut told = self.told.lock().unwrap();
        let applied = answer.as_ref().map_or_else(CacheError::applied, |_| Applied::Yes);
        told.asked.insert((request, key));
        told.of(applied).insert((request, key));
        answer
    }

    /// Asks for one request on all keys together.
    async fn ask_all(&self, cache: &Arc<OpenCache>) {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let counts = Processor::own("count", &(request, "nobody")).unwrap();
        let work = Arc::new(ProcessorWork::new(&counts).unwrap());
        let mut left: Notes = (0..KEYS).map(|key| (request, key)).collect();
        self.told.lock().unwrap().asked.extend(left.clone());
        let keys = (0..KEYS).map(|key| to_key(&key).unwrap());
        let mut working = cache.work_on_keys(keys.collect(), work);
        let applied = loop {
            let worked = match working.next().await {
                Ok(worked) if worked.is_empty() => break Applied::Yes,
                Ok(worked) => worked,
                Err(error) => break error.applied(),
            };
            let mut told = self.told.lock().unwrap();
            for (key, outcome) in worked {
                let key = (request, from_binary(&key).unwrap());
                assert!(left.remove(&key), "{key:?} is told once");
                let is_done = matches!(outcome.answer, Some(WorkAnswer::Said(_)));
                assert!(is_done, "{outcome:?}");
                told.of(Applied::Yes).insert(key);
            }
        };
        assert!(left.is_empty() || applied != Applied::Yes, "{left:?}");
        self.told.lock().unwrap().of(applied).extend(left);
    }

    /// Looks what was done, which has to be what was told.
    async fn check(&self) {
        let mut found = Notes::new();
        for key in 0..KEYS {
            let look = Processor::own("look", &()).unwrap();
            let (count, notes): (u64, Vec<u64>) = self.cache.invoke(&key, &look).await.unwrap();
            assert_eq!(count, notes.len() as u64, "{key}");
            for request in notes {
                assert!(found.insert((request, key)), "{request} was done twice to {key}");
            }
        }
        let told = self.told.lock().unwrap();
        for request in &found {
            assert!(told.asked.contains(request), "{request:?}");
            assert!(!told.refused.contains(request), "{request:?} was refused");
        }
        for request in &told.done {
            assert!(found.contains(request), "{request:?} was lost");
        }
        let counts = (told.done.len(), told.refused.len(), told.unknown.len());
        println!("done, refused, unknown: {counts:?}");
        assert!(
            told.done.len() > told.refused.len() + told.unknown.len(),
            "{counts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_member_ran_is_done_once_or_not_at_all() {
    // The first of them leads the cluster that it started, and may be the only one that votes yet.
    for killed in [1, 2, 1] {
        kill_one_of_three(killed).await;
    }
}

async fn kill_one_of_three(number: usize) {
    let mut first = Process::start(0, "");
    let founder = first.prints(LISTENS).await;
    let grid = member("asks", Some(founder.clone()), false).await;
    let others = (1..3).map(|number| Process::start(number, &founder));
    let mut processes: Vec<Process> = std::iter::once(first).chain(others).collect();
    let cache = grid.cache::<u32, u64>("counts").await.unwrap();
    grid.cache::<u32, Vec<u64>>("notes").await.unwrap();
    settled(&grid, &processes).await;
    let client = Arc::new(Client {
        cache,
        next: AtomicU64::new(0),
        told: Mutex::default(),
    });
    let stop = Arc::new(AtomicBool::new(false));
    let mut asking = JoinSet::new();
    for first in 0..4 {
        let (client, stop) = (client.clone(), stop.clone());
        asking.spawn(async move {
            let mut keys = (0..KEYS).cycle().skip(first * 10);
            while !stop.load(Ordering::Relaxed) {
                // Whatever it is told is remembered.
                let _told = client.ask(keys.next().unwrap_or_default(), "nobody").await;
            }
        });
    }
    let (all, open, stopped) = (client.clone(), opened(&grid, "counts").await, stop.clone());
    asking.spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            all.ask_all(&open).await;
        }
    });
    let asked_so_far = || client.next.load(Ordering::Relaxed);
    wait_until("requests before", || asked_so_far() >= 100).await;
    let mut killed = processes.remove(number);
    let key = key_at(&grid, &killed).await;
    let mut waiting = JoinSet::new();
    let (asked, name) = (client.clone(), killed.name.clone());
    waiting.spawn(async move { asked.ask(key, &name).await });
    killed.prints(BEGUN).await;
    killed.kill();
    let answer = tokio::time::timeout(BOUND, waiting.join_next()).await;
    let answer = answer.unwrap().unwrap().unwrap();
    // The next member does it, or nobody can say that it was not done.
    let applied = answer.map_or_else(|error| error.applied(), |_| Applied::Yes);
    assert_ne!(applied, Applied::No);
    settled(&grid, &processes).await;
    let until = asked_so_far() + 100;
    wait_until("requests after", || asked_so_far() >= until).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(asked) = tokio::time::timeout(BOUND, asking.join_next()).await.unwrap() {
        asked.unwrap();
    }
    client.check().await;
    drop(processes);
    grid.shutdown().await;
}
