//! `grid-bench query`: queries, sums and processors on records, several servers in turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::stream::TryStreamExt;
use grid_proto::v0::named_cache_service_client::NamedCacheServiceClient;
use grid_proto::v0::{
    AddIndexRequest, AggregateRequest, ClearRequest, Entry, EntrySetRequest, InvokeRequest, PutAllRequest,
};
use serde::Serialize;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::arguments::{ComparedTarget, Output, QueryArguments, QueryOperation};
use crate::clock;
use crate::histogram::Histogram;
use crate::random::Random;
use crate::record_set::RecordSet;
use crate::report;

use super::runtime;

/// How many records are put at once.
const BATCH: usize = 500;

/// The byte before JSON on the wire.
const JSON: u8 = 0x15;

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
}

/// A server with its connection.
#[derive(Clone)]
struct Rival {
    name: String,
    cache: String,
    client: NamedCacheServiceClient<Channel>,
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

fn json(text: &str) -> Bytes {
    [&[JSON], text.as_bytes()].concat().into()
}

fn extractor(property: &str) -> String {
    format!("{{\"@class\":\"extractor.UniversalExtractor\",\"name\":\"{property}\"}}")
}

impl Rival {
    /// Loads the records into a server, and has one of their numbers indexed.
    async fn prepare(target: &ComparedTarget, cache: &str, records: &RecordSet) -> Result<Self> {
        let channel = Channel::from_shared(format!("http://{}", target.address))?
            .connect()
            .await?;
        let rival = Rival {
            name: target.name.clone(),
            cache: cache.to_owned(),
            client: NamedCacheServiceClient::new(channel).max_decoding_message_size(64 << 20),
        };
        let mut client = rival.client.clone();
        client
            .clear(ClearRequest {
                cache: rival.cache.clone(),
                ..ClearRequest::default()
            })
            .await?;
        for start in (0..records.count()).step_by(BATCH) {
            let entry = |number| Entry {
                key: json(&RecordSet::key(number)),
                value: json(&records.record(number)),
            };
            let request = PutAllRequest {
                cache: rival.cache.clone(),
                format: "json".to_owned(),
                entry: (start..records.count().min(start + BATCH)).map(entry).collect(),
                ..PutAllRequest::default()
            };
            client.put_all(request).await?;
        }
        let request = AddIndexRequest {
            cache: rival.cache.clone(),
            format: "json".to_owned(),
            extractor: json(&extractor("bucket")),
            ..AddIndexRequest::default()
        };
        client.add_index(request).await?;
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
        Ok(Measured {
            target: self.name.clone(),
            operation: operation.name(),
            callers,
            round,
            count: latencies.count(),
            ops: count / seconds,
            p50_us: latencies.quantile_us(0.5),
            p99_us: latencies.quantile_us(0.99),
        })
    }

    /// Does one operation, and checks its answer.
    async fn call(
        &mut self,
        operation: QueryOperation,
        records: &RecordSet,
        random: &mut Random,
    ) -> Result<()> {
        match operation {
            QueryOperation::Indexed => self.select("bucket", records, random).await,
            QueryOperation::Scan => self.select("bucket2", records, random).await,
            QueryOperation::Sum => self.sum(records).await,
            QueryOperation::Increment => self.increment(random.below(records.count())).await,
        }
    }

    async fn select(&mut self, property: &str, records: &RecordSet, random: &mut Random) -> Result<()> {
        let bucket = RecordSet::bucket(random);
        let filter = format!(
            "{{\"@class\":\"filter.EqualsFilter\",\"extractor\":{},\"value\":{bucket}}}",
            extractor(property)
        );
        let request = EntrySetRequest {
            cache: self.cache.clone(),
            format: "json".to_owned(),
            filter: json(&filter),
            ..EntrySetRequest::default()
        };
        let entries: Vec<Entry> = self
            .client
            .entry_set(request)
            .await?
            .into_inner()
            .try_collect()
            .await?;
        let found = entries.len();
        ensure!(
            found >= records.in_bucket() / 2,
            "{found} records in {property} {bucket}"
        );
        Ok(())
    }

    async fn sum(&mut self, records: &RecordSet) -> Result<()> {
        let aggregator = format!(
            "{{\"@class\":\"aggregator.LongSum\",\"extractor\":{}}}",
            extractor("amount")
        );
        let request = AggregateRequest {
            cache: self.cache.clone(),
            format: "json".to_owned(),
            aggregator: json(&aggregator),
            ..AggregateRequest::default()
        };
        let sum = self.client.aggregate(request).await?.into_inner().value;
        ensure!(
            sum == json(&records.sum().to_string()),
            "the sum is {}",
            String::from_utf8_lossy(&sum)
        );
        Ok(())
    }

    async fn increment(&mut self, number: usize) -> Result<()> {
        let processor = format!(
            "{{\"@class\":\"processor.NumberIncrementor\",\"increment\":1,\"postInc\":false,\"manipulator\":{{\"@class\":\
             \"extractor.CompositeUpdater\",\"extractor\":{},\"updater\":{{\"@class\":\"extractor.UniversalUpdater\",\"name\":\
             \"counter\"}}}}}}",
            extractor("counter")
        );
        let request = InvokeRequest {
            cache: self.cache.clone(),
            format: "json".to_owned(),
            processor: json(&processor),
            key: json(&RecordSet::key(number)),
            ..InvokeRequest::default()
        };
        let counter = self.client.invoke(request).await?.into_inner().value;
        ensure!(counter.len() > 1, "the counter has no value");
        Ok(())
    }
}

async fn call_until(
    mut rival: Rival,
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
    let mut table = report::table(
        &["operation", "callers", "server", "ops/s", "p50", "p99", &times],
        1,
    );
    for operation in &arguments.mix {
        for callers in &arguments.callers {
            let of = |target: &str, figure: fn(&Measured) -> f64| {
                let rows = all.iter().filter(|one| {
                    one.target == target && one.operation == operation.name() && one.callers == callers.get()
                });
                report::median(rows.map(figure))
            };
            let reference = of(first, |one| one.ops);
            for target in &arguments.targets {
                let name = target.name.as_str();
                let ops = of(name, |one| one.ops);
                let ratio = reference.zip(ops).filter(|(_, own)| *own > 0.0 && name != first);
                table.add_row([
                    operation.name().to_owned(),
                    callers.to_string(),
                    name.to_owned(),
                    report::known(ops, report::count),
                    report::known(of(name, |one| one.p50_us), report::latency),
                    report::known(of(name, |one| one.p99_us), report::latency),
                    report::known(ratio, |(first, own)| format!("{:.1}", first / own)),
                ]);
            }
        }
    }
    table
}
