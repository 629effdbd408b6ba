//! `grid-bench query`: queries, sums and processors on records, several servers in turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::TryStreamExt;
use grid_client::Session;
use grid_core::cache::{Among, Cache, CacheBackend, NamedCache, Query, QueryContents};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::{Aggregator, Extractor, Filter, field};
use grid_core::store::{IndexDefinition, TimeToLive};
use grid_core::value::{Binary, Format, Key};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::arguments::{ComparedTarget, Output, QueryArguments, QueryOperation};
use crate::clock;
use crate::histogram::Histogram;
use crate::process;
use crate::random::Random;
use crate::record_set::RecordSet;
use crate::report;

use super::runtime;

/// How many records are put at once.
const BATCH: usize = 500;

/// What one server did in one stretch of time.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    target: String,
    operation: &'static str,
    callers: usize,
    round: u32,
    count: u64,
    ops: f64,
    p50_us: f64,
    p99_us: f64,
    server_cpu_us: Option<f64>,
    client_cpu_us: Option<f64>,
}

/// CPU time used so far, in microseconds: by a server's processes, if they are known, and by this one.
type CpuUs = [Option<u64>; 2];

/// A server with its connection: in bytes, as [`CacheBackend`] has it, so that reading values stays out of the measurement.
#[derive(Clone)]
struct Rival {
    name: String,
    pids: Vec<u32>,
    cache: Arc<dyn CacheBackend>,
    increment: Arc<ProcessorWork>,
    _session: Session,
}

pub(super) fn query(arguments: &QueryArguments) -> Result<()> {
    let records = RecordSet::new(arguments.keys.get(), arguments.value_size);
    let all = runtime()?.block_on(measure(arguments, &records))?;
    match arguments.output {
        Output::Table => report::line(&table(arguments, &all).to_string())?,
        Output::Json => report::json(&all)?,
    }
    Ok(())
}

async fn measure(arguments: &QueryArguments, records: &RecordSet) -> Result<Vec<Measured>> {
    let mut rivals = Vec::new();
    for target in &arguments.targets {
        let rival = Rival::prepare(target, &arguments.cache, records);
        rivals.push(rival.await.with_context(|| target.name.clone())?);
    }
    let mut all = Vec::new();
    // Round 0 warms up.
    for round in 0..=arguments.rounds {
        for operation in &arguments.mix {
            for callers in &arguments.callers {
                for rival in &rivals {
                    let measured = rival.load(*operation, callers.get(), arguments.time, round, records);
                    let measured = measured.await.with_context(|| rival.name.clone())?;
                    all.extend((round > 0).then_some(measured));
                }
            }
        }
    }
    Ok(all)
}

fn json(text: String) -> Binary {
    Binary::new(Format::JSON, text.into())
}

fn key(number: usize) -> Result<Key> {
    Ok(Key::new(json(RecordSet::key(number)))?)
}

impl Rival {
    /// Loads the records into a server, and has one of their numbers indexed.
    async fn prepare(target: &ComparedTarget, cache: &str, records: &RecordSet) -> Result<Self> {
        let session = Session::connect(&target.address).await?;
        let rival = Rival {
            name: target.name.clone(),
            pids: target.pids.clone(),
            cache: session.backend(cache).await?,
            increment: Arc::new(ProcessorWork::new(&Processor::increment("counter", 1))?),
            _session: session,
        };
        rival.cache.clear().await?;
        for start in (0..records.count()).step_by(BATCH) {
            let entry = |number| Ok((key(number)?, json(records.record(number))));
            let entries: Result<Vec<_>> = (start..records.count().min(start + BATCH)).map(entry).collect();
            rival.cache.put_all(entries?, TimeToLive::CacheDefault).await?;
        }
        let typed = Cache::<String, Value>::new(rival.cache.clone());
        typed
            .add_index(&IndexDefinition::new(Extractor::path("bucket")))
            .await?;
        Ok(rival)
    }

    /// Asks the same of a server for a while.
    async fn load(
        &self,
        operation: QueryOperation,
        callers: usize,
        time: Duration,
        round: u32,
        records: &RecordSet,
    ) -> Result<Measured> {
        let cpu = self.cpu_us();
        let began = clock::now();
        let until = began + time;
        let mut running = JoinSet::new();
        for caller in 0..callers as u64 {
            let random = Random::new(u64::from(round) * 1_000 + caller);
            running.spawn(call_until(
                self.clone(),
                operation,
                until,
                random,
                records.clone(),
            ));
        }
        let mut latencies = Histogram::default();
        while let Some(caller) = running.join_next().await {
            latencies.add(&caller??);
        }
        let seconds = clock::now().duration_since(began).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts of a run stay below 2^53")]
        let count = latencies.count() as f64;
        let used = self.cpu_us();
        let [server, client] = std::array::from_fn(|index| cpu[index].zip(used[index]));
        #[expect(clippy::cast_precision_loss, reason = "times of a run stay below 2^53 us")]
        let each = |(before, after): (u64, u64)| after.saturating_sub(before) as f64 / count;
        Ok(Measured {
            target: self.name.clone(),
            operation: operation.name(),
            callers,
            round,
            count: latencies.count(),
            ops: count / seconds,
            p50_us: latencies.quantile_us(0.5),
            p99_us: latencies.quantile_us(0.99),
            server_cpu_us: server.map(each),
            client_cpu_us: client.map(each),
        })
    }

    fn cpu_us(&self) -> CpuUs {
        let server = (!self.pids.is_empty()).then(|| process::cpu_us_sum(&self.pids));
        [server.flatten(), process::cpu_us(std::process::id())]
    }

    /// Does one operation, and checks its answer.
    async fn call(&self, operation: QueryOperation, records: &RecordSet, random: &mut Random) -> Result<()> {
        match operation {
            QueryOperation::Indexed => self.select("bucket", records, random).await,
            QueryOperation::Scan => self.select("bucket2", records, random).await,
            QueryOperation::Sum => self.sum(records).await,
            QueryOperation::Increment => self.increment(random.below(records.count())).await,
        }
    }

    async fn select(&self, property: &str, records: &RecordSet, random: &mut Random) -> Result<()> {
        let bucket = RecordSet::bucket(random);
        let mut selected = self.cache.query(Query {
            filter: field(property).eq(bucket as u64),
            contents: QueryContents::Entries,
            order: None,
        });
        let mut found = 0;
        while let Some(some) = selected.try_next().await? {
            found += some.len();
        }
        ensure!(
            found >= records.in_bucket() / 2,
            "{found} records in {property} {bucket}"
        );
        Ok(())
    }

    async fn sum(&self, records: &RecordSet) -> Result<()> {
        let among = Among::Where(Filter::Always);
        let sum = self.cache.aggregate(among, Aggregator::sum("amount")).await?;
        let sum = String::from_utf8_lossy(sum.bytes());
        ensure!(sum.contains(&records.sum().to_string()), "the sum is {sum}");
        Ok(())
    }

    async fn increment(&self, number: usize) -> Result<()> {
        let counter = self.cache.invoke(key(number)?, self.increment.clone()).await?;
        ensure!(
            counter.bytes().first().is_some_and(u8::is_ascii_digit),
            "the counter has no value"
        );
        Ok(())
    }
}

async fn call_until(
    rival: Rival,
    operation: QueryOperation,
    until: Instant,
    mut random: Random,
    records: RecordSet,
) -> Result<Histogram> {
    let mut latencies = Histogram::default();
    let mut began = clock::now();
    while began < until {
        rival.call(operation, &records, &mut random).await?;
        let ended = clock::now();
        latencies.record_ns(u64::try_from(ended.duration_since(began).as_nanos()).unwrap_or(u64::MAX));
        began = ended;
    }
    Ok(latencies)
}

/// The medians over the rounds, and how often the first server does what each other does once.
fn table(arguments: &QueryArguments, all: &[Measured]) -> comfy_table::Table {
    let first = arguments.targets[0].name.as_str();
    let times = format!("{first}: ops/s times");
    let header = [
        "operation",
        "callers",
        "server",
        "ops/s",
        "p50",
        "p99",
        "server CPU/op",
        "client CPU/op",
        &times,
    ];
    let mut table = report::table(&header, 1);
    for operation in &arguments.mix {
        for callers in &arguments.callers {
            let of = |target: &str, figure: fn(&Measured) -> Option<f64>| {
                let rows = all.iter().filter(|one| {
                    one.target == target && one.operation == operation.name() && one.callers == callers.get()
                });
                report::median(rows.filter_map(figure))
            };
            let reference = of(first, |one| Some(one.ops));
            for target in &arguments.targets {
                let name = target.name.as_str();
                let ops = of(name, |one| Some(one.ops));
                let ratio = reference.zip(ops).filter(|(_, own)| *own > 0.0 && name != first);
                table.add_row([
                    operation.name().to_owned(),
                    callers.to_string(),
                    name.to_owned(),
                    report::known(ops, report::count),
                    report::known(of(name, |one| Some(one.p50_us)), report::latency),
                    report::known(of(name, |one| Some(one.p99_us)), report::latency),
                    report::known(of(name, |one| one.server_cpu_us), report::latency),
                    report::known(of(name, |one| one.client_cpu_us), report::latency),
                    report::known(ratio, |(first, own)| format!("{:.1}", first / own)),
                ]);
            }
        }
    }
    table
}
