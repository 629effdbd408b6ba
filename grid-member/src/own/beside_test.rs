use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use grid_core::cache::CacheName;
use grid_core::membership::MemberId;
use grid_core::partition::PartitionCount;
use grid_core::partition::table::{Epoch, ServiceId, StepChange};
use grid_core::processor::own::{Entry, EntryError, OwnAgents, OwnFailure, OwnFailureKind};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::replication::{Effect, Message};
use grid_core::store::{CacheSettings, Command, TimeToLive, Timestamp, WorkAnswer};
use grid_core::value::{from_binary, to_binary, to_key};
use tokio::runtime::Handle;

use crate::cache::{CacheKind, CacheLimits, CacheRegistry, PartAnswer, PartRequest, PartResult};
use crate::clock::{Clock, ManualClock};
use crate::own::OwnRunner;
use crate::replication::{Awaited, Outlet, Replicas, Tried};
use crate::task::Supervisor;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

/// Says whether the member may serve.
struct Lease(AtomicBool);

impl Outlet for Lease {
    fn publish(&self, _: (ServiceId, PartitionId, Epoch), _: &Effect, _: bool, _: &mut Vec<Awaited>) {}

    fn is_heard(&self, _awaited: Awaited) -> bool {
        true
    }

    fn send(&self, _to: MemberId, _service: ServiceId, _partition: PartitionId, _message: &Message) {}

    fn propose(&self, _service: ServiceId, _partition: PartitionId, _epoch: Epoch, _change: StepChange) {}

    fn may_serve(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A clock that the test moves; when it is told to, the lease ends as it is looked at.
#[derive(Debug)]
struct Watch {
    clock: ManualClock,
    lease: Arc<Lease>,
    ends_lease: AtomicBool,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lease")
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        if self.ends_lease.load(Ordering::SeqCst) {
            self.lease.0.store(false, Ordering::SeqCst);
        }
        self.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }
}

/// A member with one partition, and processors on `u32` keys and values.
struct Bench {
    lease: Arc<Lease>,
    watch: Arc<Watch>,
    agents: OwnAgents,
    registry: Arc<CacheRegistry>,
}

impl Bench {
    fn new() -> Self {
        let lease = Arc::new(Lease(AtomicBool::new(true)));
        let watch = Arc::new(Watch {
            clock: ManualClock::new(Timestamp::from_unix_ms(1_000_000)),
            lease: lease.clone(),
            ends_lease: AtomicBool::new(false),
        });
        let replicas = Arc::new(Replicas::alone(PartitionCount::ONE, watch.clone()));
        replicas.connect(lease.clone());
        let limits = CacheLimits {
            processor_time_limit: LIMIT,
            ..CacheLimits::default()
        };
        let agents = OwnAgents::new();
        let own = OwnRunner::new(
            "here",
            agents.clone(),
            limits,
            (Supervisor::new(), Handle::current()),
        );
        let registry = CacheRegistry::alone(CacheKind::Partitioned, replicas, limits, Arc::new(own));
        Bench {
            lease,
            watch,
            agents,
            registry,
        }
    }

    fn open(&self, name: &str) -> Arc<OpenCache> {
        let name = CacheName::new(name).unwrap();
        self.registry
            .open_now("", &name, CacheSettings::default())
            .unwrap()
    }

    fn register(
        &self,
        name: &str,
        code: impl Fn(&mut Entry<'_, u32, u32>) -> Result<u32, EntryError> + Send + Sync + 'static,
    ) {
        let code = move |entry: &mut Entry<'_, u32, u32>, (): ()| code(entry);
        self.agents.register_processor(name, code).unwrap();
    }
}

fn partition() -> PartitionId {
    PartitionCount::ONE.all().next().unwrap()
}

/// Invokes a processor on the entry 1.
async fn invoke(cache: &Arc<OpenCache>, name: &str) -> PartAnswer {
    let processor = Processor::own(name, &()).unwrap();
    let request = PartRequest::Update {
        key: to_key(&1_u32).unwrap(),
        command: Command::Work(Arc::new(ProcessorWork::new(&processor).unwrap())),
        previous: false,
        tag: None,
    };
    cache.here_all(vec![(partition(), request)]).await.pop().unwrap()
}

fn answered(answer: PartAnswer) -> WorkAnswer {
    match answer {
        Ok(PartResult::Outcome(outcome)) => outcome.answer.expect("an answer"),
        other => panic!("another answer: {other:?}"),
    }
}

fn value(cache: &OpenCache) -> Option<u32> {
    match cache.here_get(partition(), &to_key(&1_u32).unwrap()) {
        Tried::Done(value) => value.map(|value| from_binary(&value).unwrap()),
        other => panic!("it serves: {other:?}"),
    }
}

/// Sets the entry 1, from a thread that runs code of one's own too.
fn set(cache: &Arc<OpenCache>, value: u32) {
    let entries = vec![(to_key(&1_u32).unwrap(), to_binary(&value).unwrap())];
    let ttl = TimeToLive::CacheDefault;
    let request = PartRequest::PutAll {
        entries,
        ttl,
        tag: None,
    };
    cache.here(partition(), request, |answer| {
        assert!(answer.is_ok(), "{answer:?}")
    });
}

#[tokio::test]
async fn what_was_decided_before_the_lease_ended_is_not_done_after_it() {
    let bench = Bench::new();
    let lease = bench.lease.clone();
    bench.register("late", move |entry| {
        entry.set(&7)?;
        lease.0.store(false, Ordering::SeqCst);
        Ok(7)
    });
    let cache = bench.open("numbers");
    let answer = invoke(&cache, "late").await;
    assert!(matches!(answer, Err(PartFailure::Elsewhere(_))), "{answer:?}");
    bench.lease.0.store(true, Ordering::SeqCst);
    assert_eq!(value(&cache), None);
}

#[tokio::test]
async fn what_was_only_read_is_not_told_after_the_lease_ended() {
    let bench = Bench::new();
    let cache = bench.open("numbers");
    for (name, sets) in [("looks", false), ("sets", true)] {
        let watch = bench.watch.clone();
        bench.register(name, move |entry| {
            let value = entry.value()?.unwrap_or_default();
            if sets {
                entry.set(&(value + 1))?;
            }
            // The step looks at the time when it is done, after it has looked at the lease.
            watch.ends_lease.store(true, Ordering::SeqCst);
            Ok(value)
        });
        let answer = invoke(&cache, name).await;
        if sets {
            // It was done in time, and nobody else can have it.
            assert!(matches!(answered(answer), WorkAnswer::Said(_)));
        } else {
            assert!(matches!(answer, Err(PartFailure::Elsewhere(_))), "{answer:?}");
        }
        bench.watch.ends_lease.store(false, Ordering::SeqCst);
        bench.lease.0.store(true, Ordering::SeqCst);
    }
    assert_eq!(value(&cache), Some(1));
}

#[tokio::test]
async fn a_cache_beside_that_was_destroyed_is_told_by_its_own_name() {
    let bench = Bench::new();
    let (cache, beside) = (bench.open("home"), bench.open("beside"));
    let destroyed = Arc::new(AtomicUsize::new(0));
    let (registry, times) = (bench.registry.clone(), destroyed.clone());
    bench.register("reach", move |entry| {
        let there = entry.beside::<u32, u32>("beside", &1)?.value()?;
        entry.set(&1)?;
        times.fetch_add(1, Ordering::SeqCst);
        let _once = registry.destroy(&beside);
        Ok(there.unwrap_or_default())
    });
    let WorkAnswer::Failed(words) = answered(invoke(&cache, "reach").await) else {
        panic!("it failed")
    };
    assert!(words.contains("there is no cache \"beside\""), "{words}");
    assert_eq!((value(&cache), destroyed.load(Ordering::SeqCst)), (None, 1));
    // The home itself is told as what it is.
    let (registry, home) = (bench.registry.clone(), cache.clone());
    bench.register("destroy", move |entry| {
        entry.set(&1)?;
        let _once = registry.destroy(&home);
        Ok(0)
    });
    let answer = invoke(&cache, "destroy").await;
    assert!(matches!(answer, Err(PartFailure::Destroyed)), "{answer:?}");
}

#[tokio::test]
async fn whose_time_was_spent_by_others_is_told_that_it_was_overtaken() {
    let bench = Bench::new();
    let cache = bench.open("numbers");
    let runs = Arc::new(AtomicUsize::new(0));
    let (counted, other, watch) = (runs.clone(), cache.clone(), bench.watch.clone());
    bench.register("slow", move |entry| {
        let value = entry.value()?.unwrap_or_default();
        entry.set(&(value + 1))?;
        set(&other, value + 10);
        watch
            .clock
            .advance_ms(u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX));
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(value)
    });
    let answer = invoke(&cache, "slow").await;
    let Err(PartFailure::Invalid(words)) = &answer else {
        panic!("it failed: {answer:?}")
    };
    let failure = OwnFailure::from_words(words).unwrap();
    assert_eq!(failure.kind, OwnFailureKind::Overtaken, "{failure}");
    assert_eq!((runs.load(Ordering::SeqCst), value(&cache)), (1, Some(10)));
}
