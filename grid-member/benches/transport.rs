//! Round trips between two members over loopback: latency with one request in flight, throughput with many.
//!
//! `cargo bench -p grid-member --bench transport`; `SECONDS=5` measures each longer.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench measures time, prints it, and stops at the first surprise"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use grid_core::membership::{Generation, HostId, ProcessId};
use grid_core::partition::PartitionCount;
use grid_member::task::Supervisor;
use grid_member::transport::{
    Answer, Handler, Identity, Lane, Lanes, Link, PeerInfo, Transport, TransportSettings,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

struct Echo;

impl Handler for Echo {
    fn request(&self, _from: &PeerInfo, _lane: Lane, _kind: u8, payload: Bytes, answer: Answer) {
        answer.send(payload);
    }

    fn message(&self, _from: &PeerInfo, _lane: Lane, _kind: u8, _payload: Bytes) {}
}

fn member(process: u128, runtime: &Handle) -> Transport {
    let identity = Identity {
        cluster_name: "bench".to_owned(),
        cluster: None,
        generation: Generation::FIRST,
        process: ProcessId::new(process),
        host: HostId::new(1),
        member: None,
        program_version: String::new(),
        advertised: None,
        partitions: PartitionCount::DEFAULT,
    };
    let settings = TransportSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..TransportSettings::default()
    };
    let identity = Arc::new(ArcSwap::from_pointee(identity));
    let lanes = Lanes::both_on(runtime.clone());
    Transport::builder(identity, Arc::new(Echo), lanes, Supervisor::new())
        .settings(settings)
        .bind()
        .unwrap()
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

fn seconds() -> Duration {
    let seconds = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

async fn ping_pong(name: &str, link: &Link, payload: &Bytes) {
    let (until, mut times) = (Instant::now() + seconds(), Vec::new());
    while Instant::now() < until {
        let asked = Instant::now();
        link.request(1, payload.clone()).await.unwrap();
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    let at = |permille: usize| times[(times.len() - 1) * permille / 1000];
    println!(
        "{name:34} p50 {:?}, p99 {:?}, {} round trips",
        at(500),
        at(990),
        times.len()
    );
}

async fn with_futures(in_flight: u32, link: &Link, payload: &Bytes) {
    let (until, mut tasks) = (Instant::now() + seconds(), tokio::task::JoinSet::new());
    for _ in 0..in_flight {
        let (link, payload) = (link.clone(), payload.clone());
        tasks.spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < until {
                link.request(1, payload.clone()).await.unwrap();
                count += 1;
            }
            count
        });
    }
    let count: u64 = tasks.join_all().await.into_iter().sum();
    let rate = count / seconds().as_secs();
    println!("{in_flight:4} tasks with a request each       {rate} round trips/s");
}

struct Chains {
    link: Link,
    payload: Bytes,
    until: Instant,
    count: AtomicU64,
    running: AtomicU64,
    done: Notify,
}

fn ask_again(chains: Arc<Chains>) {
    let (link, payload) = (chains.link.clone(), chains.payload.clone());
    link.request_with(1, payload, move |outcome| {
        outcome.unwrap();
        chains.count.fetch_add(1, Ordering::Relaxed);
        if Instant::now() < chains.until {
            ask_again(chains);
        } else if chains.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            chains.done.notify_one();
        }
    });
}

async fn with_callbacks(in_flight: u32, link: &Link, payload: &Bytes) {
    let chains = Arc::new(Chains {
        link: link.clone(),
        payload: payload.clone(),
        until: Instant::now() + seconds(),
        count: AtomicU64::new(0),
        running: AtomicU64::new(in_flight.into()),
        done: Notify::new(),
    });
    for _ in 0..in_flight {
        ask_again(Arc::clone(&chains));
    }
    chains.done.notified().await;
    let rate = chains.count.load(Ordering::Relaxed) / seconds().as_secs();
    println!("{in_flight:4} chains of callbacks             {rate} round trips/s");
}

fn main() {
    let (here, there) = (runtime(1), runtime(1));
    let (a, b) = (member(1, here.handle()), member(2, there.handle()));
    let small = Bytes::from_static(&[7; 64]);
    let link = here.block_on(a.dial(b.local_addr(), Lane::Data)).unwrap();
    here.block_on(ping_pong("one in flight, from outside", &link, &small));
    let task = {
        let (link, small) = (link.clone(), small.clone());
        here.spawn(async move { ping_pong("one in flight, from a task", &link, &small).await })
    };
    here.block_on(task).unwrap();
    for in_flight in [32, 64, 256] {
        here.block_on(with_callbacks(in_flight, &link, &small));
        here.block_on(with_futures(in_flight, &link, &small));
    }
    let large = Bytes::from(vec![7; 1 << 20]);
    here.block_on(ping_pong("one of 1 MiB in flight", &link, &large));
}
