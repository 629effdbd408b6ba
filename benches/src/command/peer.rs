//! `grid-bench peer`: one request a line in, one line of JSON out.
//!
//! A driver that measures several products in turns starts one such program for each. After `CLIENT-READY` it writes
//! `op threads seconds round`; the answer has latencies in microseconds and the CPU that both sides used. What this
//! program does not do is answered with `"n":0`, one error, and the reason.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{PeerArguments, seconds};
use crate::data_set::DataSet;
use crate::fleet::{Fleet, FleetSettings};
use crate::measurement::Measurement;
use crate::operation::Operation;
use crate::report;

use super::load;

/// The most requests that may be outstanding at a time.
const THREADS_MAX: usize = 4_096;

/// One line of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerRequest {
    /// Measure.
    Measure(PeerLoad),
    /// End.
    Quit,
}

/// What is to be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerLoad {
    /// The operation; not always one that there is.
    pub op: String,
    /// How many requests are outstanding.
    pub threads: NonZeroUsize,
    /// For how long.
    pub time: Duration,
    /// The round, 0 for a warm-up.
    pub round: u32,
}

/// A line that is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line:?} is no request: {what}; write `op threads seconds round` or `quit`")]
pub struct PeerRequestError {
    /// The line.
    line: String,
    /// What is wrong with it.
    what: String,
}

impl FromStr for PeerRequest {
    type Err = PeerRequestError;

    fn from_str(line: &str) -> Result<Self, PeerRequestError> {
        let wrong = |what: &str| PeerRequestError {
            line: line.trim().to_owned(),
            what: what.to_owned(),
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let [op, threads, time, round] = words[..] else {
            return if words == ["quit"] {
                Ok(PeerRequest::Quit)
            } else {
                Err(wrong("it has not four words"))
            };
        };
        let threads = threads
            .parse()
            .ok()
            .filter(|threads: &NonZeroUsize| threads.get() <= THREADS_MAX);
        Ok(PeerRequest::Measure(PeerLoad {
            op: op.to_owned(),
            threads: threads.ok_or_else(|| wrong(&format!("threads are 1 to {THREADS_MAX}")))?,
            time: seconds(time).map_err(|what| wrong(&what))?,
            round: round
                .parse()
                .map_err(|_invalid| wrong("the round is no number"))?,
        }))
    }
}

/// One line of answer, with the keys that the driver knows.
#[derive(Debug, Serialize)]
struct PeerAnswer<'a> {
    label: &'a str,
    op: &'a str,
    threads: usize,
    round: u32,
    secs: f64,
    n: u64,
    ops: f64,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
    errs: u64,
    err: String,
    load1: f64,
    busy: f64,
    foreign: f64,
    steal: f64,
    cli_us: f64,
    srv_us: f64,
}

impl<'a> PeerAnswer<'a> {
    fn measured(label: &'a str, op: &'a str, threads: usize, one: Measurement) -> Self {
        let figure = |figure: Option<f64>| figure.unwrap_or(0.0);
        PeerAnswer {
            label,
            op,
            threads,
            round: one.round,
            secs: one.seconds,
            n: one.count,
            ops: one.ops,
            p50: one.p50_us,
            p99: one.p99_us,
            p999: one.p999_us,
            max: one.max_us,
            errs: one.errors,
            err: one.first_error.unwrap_or_default(),
            load1: figure(one.load_average),
            busy: figure(one.busy_cpus),
            foreign: figure(one.foreign_cpus),
            steal: figure(one.stolen_cpus),
            cli_us: figure(one.client_cpu_us),
            srv_us: figure(one.server_cpu_us),
        }
    }

    fn failed(label: &'a str, op: &'a str, threads: usize, round: u32, error: String) -> Self {
        PeerAnswer {
            label,
            op,
            threads,
            round,
            secs: 0.0,
            n: 0,
            ops: 0.0,
            p50: 0.0,
            p99: 0.0,
            p999: 0.0,
            max: 0.0,
            errs: 1,
            err: error,
            load1: 0.0,
            busy: 0.0,
            foreign: 0.0,
            steal: 0.0,
            cli_us: 0.0,
            srv_us: 0.0,
        }
    }
}

pub(super) fn peer(arguments: &PeerArguments, requests: impl BufRead) -> Result<()> {
    let data = Arc::new(arguments.load.data_set());
    load(
        &arguments.load.fleet(&arguments.address, NonZeroUsize::MIN, &[]),
        &data,
    )?;
    let mut peer = Peer {
        arguments,
        data,
        fleets: BTreeMap::new(),
    };
    if arguments.interactive {
        report::line("CLIENT-READY")?;
        return answer_lines(
            requests,
            |request| peer.answer(request),
            |answer| Ok(report::line(answer)?),
        );
    }
    for op in &arguments.ops {
        for threads in &arguments.outstanding {
            let (op, threads, time) = (op.clone(), *threads, arguments.secs);
            let request = PeerLoad {
                op,
                threads,
                time,
                round: 1,
            };
            report::line(&peer.answer(&request)?)?;
        }
    }
    Ok(())
}

/// Answers each line with one line, until `quit` or the end.
fn answer_lines(
    requests: impl BufRead,
    mut answer: impl FnMut(&PeerLoad) -> Result<String>,
    mut write: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    for line in requests.lines() {
        let answer = match line?.parse::<PeerRequest>() {
            Ok(PeerRequest::Quit) => break,
            Ok(PeerRequest::Measure(load)) => answer(&load)?,
            Err(error) => serde_json::to_string(&PeerAnswer::failed("", "", 0, 0, error.to_string()))?,
        };
        write(&answer)?;
    }
    Ok(())
}

/// The connections, by the number of requests that are outstanding over them.
struct Peer<'a> {
    arguments: &'a PeerArguments,
    data: Arc<DataSet>,
    fleets: BTreeMap<usize, Fleet>,
}

impl Peer<'_> {
    fn answer(&mut self, load: &PeerLoad) -> Result<String> {
        let (label, threads) = (&self.arguments.label, load.threads.get());
        let measured = match load.op.parse::<Operation>() {
            Ok(operation) => self.measure(operation, load),
            Err(unknown) => Err(unknown.into()),
        };
        let answer = match measured {
            Ok(one) => PeerAnswer::measured(label, &load.op, threads, one),
            Err(error) => PeerAnswer::failed(label, &load.op, threads, load.round, format!("{error:#}")),
        };
        Ok(serde_json::to_string(&answer)?)
    }

    fn measure(&mut self, operation: Operation, load: &PeerLoad) -> Result<Measurement> {
        let settings = self.settings(load.threads);
        let fleet = match self.fleets.entry(load.threads.get()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => place.insert(Fleet::connect(settings, &self.data)?),
        };
        fleet.measure(operation, load.time, load.round)
    }

    fn settings(&self, threads: NonZeroUsize) -> FleetSettings {
        let arguments = self.arguments;
        let connections = connections_for(threads, arguments.connections);
        let mut settings = arguments
            .load
            .fleet(&arguments.address, connections, &arguments.pids);
        settings.callers = threads.div_ceil(connections);
        settings
    }
}

/// Over how many connections so many requests are spread: the most, up to `limit`, that each have as many of them.
fn connections_for(threads: NonZeroUsize, limit: Option<NonZeroUsize>) -> NonZeroUsize {
    let most = limit.unwrap_or(threads).min(threads).get();
    let even = (1..=most)
        .rev()
        .find(|connections| threads.get().is_multiple_of(*connections));
    even.and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(op: &str, threads: usize, ms: u64, round: u32) -> PeerLoad {
        PeerLoad {
            op: op.to_owned(),
            threads: NonZeroUsize::new(threads).unwrap(),
            time: Duration::from_millis(ms),
            round,
        }
    }

    #[test]
    fn a_request_has_four_words() {
        assert_eq!(
            "get 32 1.5 3".parse(),
            Ok(PeerRequest::Measure(measure("get", 32, 1_500, 3)))
        );
        assert_eq!(
            "  mix\t1 0.3 0\r".parse(),
            Ok(PeerRequest::Measure(measure("mix", 1, 300, 0)))
        );
        assert_eq!("quit".parse(), Ok(PeerRequest::Quit));
        for wrong in [
            "",
            "get",
            "get 0 1 1",
            "get 1 0 1",
            "get 1 1 x",
            "get 9999999 1 1",
            "get 1 1 1 1",
            "quit now",
        ] {
            let error = wrong.parse::<PeerRequest>().unwrap_err();
            assert!(error.to_string().contains("op threads seconds round"), "{error}");
        }
    }

    #[test]
    fn every_line_has_one_line_of_json_for_an_answer() {
        let requests = "get 2 1 1\nnonsense\n\nincr 1 1 2\nquit\nget 1 1 9\n";
        let mut asked = Vec::new();
        let mut lines = Vec::new();
        answer_lines(
            requests.as_bytes(),
            |request| {
                asked.push(request.clone());
                Ok("{}".to_owned())
            },
            |line| {
                lines.push(line.to_owned());
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(asked, [measure("get", 2, 1_000, 1), measure("incr", 1, 1_000, 2)]);
        assert_eq!(lines.len(), 4, "{lines:?}");
        for line in &lines {
            assert!(!line.contains('\n') && line.starts_with('{'), "{line}");
        }
        let error: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!((error["n"].as_u64(), error["errs"].as_u64()), (Some(0), Some(1)));
    }

    #[test]
    fn an_answer_has_the_keys_that_the_driver_reads() {
        let answer = PeerAnswer::failed("girih/1", "incr", 32, 2, "no \"such\" op\n".to_owned());
        let answer: serde_json::Value = serde_json::to_value(&answer).unwrap();
        let keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "label", "op", "threads", "round", "secs", "n", "ops", "p50", "p99", "p999", "max", "errs",
                "err", "load1", "busy", "foreign", "steal", "cli_us", "srv_us"
            ]
        );
    }

    #[test]
    fn requests_are_spread_evenly_over_connections() {
        let number = |n| NonZeroUsize::new(n).unwrap();
        for (threads, limit, connections) in
            [(32, None, 32), (32, Some(5), 4), (1, Some(8), 1), (7, Some(6), 1)]
        {
            assert_eq!(
                connections_for(number(threads), limit.map(number)),
                number(connections)
            );
        }
    }
}
