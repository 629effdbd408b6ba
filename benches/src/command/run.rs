//! `grid-bench run`.

use std::sync::Arc;

use anyhow::Result;

use crate::arguments::{Output, RunArguments};
use crate::fleet::Fleet;
use crate::measurement::Measurement;
use crate::report;

use super::{load, refuse_errors};

pub(super) fn run(arguments: &RunArguments) -> Result<()> {
    let measured = measure(arguments)?;
    match arguments.output {
        Output::Table => report::line(&report::measurements(&measured).to_string())?,
        Output::Json => report::json(&measured)?,
    }
    refuse_errors(&measured)
}

fn measure(arguments: &RunArguments) -> Result<Vec<Measurement>> {
    let data = Arc::new(arguments.load.data_set());
    let settings = |connections| {
        arguments
            .load
            .fleet(&arguments.address, connections, &arguments.server_pid)
    };
    if !arguments.no_load {
        load(&settings(arguments.connections[0]), &data)?;
    }
    let mut measured = Vec::new();
    for connections in &arguments.connections {
        let mut fleet = Fleet::connect(settings(*connections), &data)?;
        for operation in &arguments.mix {
            fleet.measure(*operation, arguments.warm_up, 0)?;
        }
        for round in 1..=arguments.rounds {
            for operation in &arguments.mix {
                measured.push(fleet.measure(*operation, arguments.time, round)?);
            }
        }
    }
    Ok(measured)
}
