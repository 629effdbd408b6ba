//! `grid-bench compare`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use comfy_table::Table;
use serde::Serialize;

use crate::arguments::{CompareArguments, ComparedTarget, Output};
use crate::data_set::DataSet;
use crate::fleet::Fleet;
use crate::measurement::Measurement;
use crate::operation::Operation;
use crate::report;

use super::{load, refuse_errors};

/// A measurement, and of which server.
#[derive(Debug, Serialize)]
struct Measured {
    target: String,
    #[serde(flatten)]
    measurement: Measurement,
}

/// One server with its connections, by their number.
struct Rival<'a> {
    target: &'a ComparedTarget,
    fleets: BTreeMap<NonZeroUsize, Fleet>,
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<()> {
    let data = Arc::new(arguments.load.data_set());
    let mut rivals = Vec::new();
    for target in &arguments.targets {
        rivals.push(prepare(arguments, target, &data).with_context(|| target.name.clone())?);
    }
    let mut all = Vec::new();
    for round in 1..=arguments.rounds {
        for operation in &arguments.mix {
            for connections in &arguments.connections {
                for rival in &mut rivals {
                    let Some(fleet) = rival.fleets.get_mut(connections) else {
                        continue;
                    };
                    let measurement = fleet.measure(*operation, arguments.time, round)?;
                    let target = rival.target.name.clone();
                    all.push(Measured { target, measurement });
                }
            }
        }
    }
    if let Some(file) = &arguments.write {
        std::fs::write(file, serde_json::to_vec_pretty(&all)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    match arguments.output {
        Output::Table => report::line(&ratios(arguments, &all).to_string())?,
        Output::Json => report::json(&all)?,
    }
    refuse_errors(all.iter().map(|measured| &measured.measurement))
}

/// Loads a server, opens its connections, and warms it up: as long as it takes, over all that will be measured.
fn prepare<'a>(
    arguments: &CompareArguments,
    target: &'a ComparedTarget,
    data: &Arc<DataSet>,
) -> Result<Rival<'a>> {
    let mut fleets = BTreeMap::new();
    for connections in &arguments.connections {
        let settings = arguments.load.fleet(&target.address, *connections, &target.pids);
        if fleets.is_empty() {
            load(&settings, data)?;
        }
        fleets.insert(*connections, Fleet::connect(settings, data)?);
    }
    let parts = u32::try_from(fleets.len() * arguments.mix.len()).unwrap_or(u32::MAX);
    for operation in &arguments.mix {
        for fleet in fleets.values_mut() {
            fleet.measure(*operation, target.warm_up / parts.max(1), 0)?;
        }
    }
    Ok(Rival { target, fleets })
}

/// The medians over the rounds, and how the first server does beside each of the others.
fn ratios(arguments: &CompareArguments, all: &[Measured]) -> Table {
    let first = arguments.targets[0].name.as_str();
    let (times, p50, p99, cpu) = (
        format!("{first}: ops/s times"),
        format!("{first}: p50 share"),
        format!("{first}: p99 share"),
        format!("{first}: CPU share"),
    );
    let header = [
        "operation",
        "connections",
        "server",
        "ops/s [min - max]",
        "p50",
        "p99",
        "p99.9",
        "server CPU/op",
        "client CPU/op",
        "errors",
        "other CPUs",
        &times,
        &p50,
        &p99,
        &cpu,
    ];
    let mut table = report::table(&header, 1);
    for operation in &arguments.mix {
        for connections in &arguments.connections {
            let of = |target: &str| Row::of(all, target, *operation, *connections);
            let reference = of(first);
            for target in &arguments.targets {
                let row = of(&target.name);
                let mut cells = row.cells(*operation, *connections, &target.name);
                let beside = (target.name != first).then_some(&reference);
                cells.extend(row.ratios(beside));
                table.add_row(cells);
            }
        }
    }
    table
}

/// The medians of one server and one kind of load.
#[derive(Debug, Default)]
struct Row {
    ops: Option<f64>,
    ops_min: f64,
    ops_max: f64,
    p50: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    server_cpu: Option<f64>,
    client_cpu: Option<f64>,
    foreign: Option<f64>,
    errors: u64,
}

impl Row {
    fn of(all: &[Measured], target: &str, operation: Operation, connections: NonZeroUsize) -> Self {
        let rows: Vec<&Measurement> = all
            .iter()
            .filter(|measured| measured.target == target)
            .map(|measured| &measured.measurement)
            .filter(|one| one.operation == operation.name() && one.connections == connections.get())
            .collect();
        let median = |figure: fn(&Measurement) -> Option<f64>| {
            report::median(rows.iter().filter_map(|one| figure(one)))
        };
        Row {
            ops: median(|one| Some(one.ops)),
            ops_min: rows.iter().map(|one| one.ops).fold(f64::INFINITY, f64::min),
            ops_max: rows.iter().map(|one| one.ops).fold(0.0, f64::max),
            p50: median(|one| Some(one.p50_us)),
            p99: median(|one| Some(one.p99_us)),
            p999: median(|one| Some(one.p999_us)),
            server_cpu: median(|one| one.server_cpu_us),
            client_cpu: median(|one| one.client_cpu_us),
            foreign: median(|one| one.foreign_cpus),
            errors: rows.iter().map(|one| one.errors).sum(),
        }
    }

    fn cells(&self, operation: Operation, connections: NonZeroUsize, name: &str) -> Vec<String> {
        let ops = report::known(self.ops, report::count);
        vec![
            operation.to_string(),
            connections.to_string(),
            name.to_owned(),
            format!(
                "{ops} [{} - {}]",
                report::count(self.ops_min),
                report::count(self.ops_max)
            ),
            report::known(self.p50, report::latency),
            report::known(self.p99, report::latency),
            report::known(self.p999, report::latency),
            report::known(self.server_cpu, report::latency),
            report::known(self.client_cpu, report::latency),
            self.errors.to_string(),
            report::known(self.foreign, |cpus| format!("{cpus:.2}")),
        ]
    }

    /// How the first server does beside this one.
    fn ratios(&self, first: Option<&Row>) -> [String; 4] {
        let ratio = |figure: fn(&Row) -> Option<f64>| {
            let both = first
                .and_then(figure)
                .zip(figure(self))
                .filter(|(_, own)| *own > 0.0);
            report::known(both, |(first, own)| format!("{:.2}", first / own))
        };
        [
            ratio(|row| row.ops),
            ratio(|row| row.p50),
            ratio(|row| row.p99),
            ratio(|row| row.server_cpu),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ops: f64, p50: f64) -> Row {
        Row {
            ops: Some(ops),
            p50: Some(p50),
            ..Row::default()
        }
    }

    #[test]
    fn ratios_are_of_the_first_server_to_the_other() {
        let ratios = row(100.0, 30.0).ratios(Some(&row(400.0, 10.0)));
        assert_eq!(ratios, ["4.00", "0.33", "-", "-"]);
        assert_eq!(row(100.0, 30.0).ratios(None), ["-", "-", "-", "-"]);
    }
}
