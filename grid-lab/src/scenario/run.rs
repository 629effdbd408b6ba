//! One scenario from its beginning to its verdict.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::checker::{self, Finding, Limits};
use crate::clock;
use crate::history::{self, History, News, Run};
use crate::load::{Access, Figures, Listeners, ballast, read_back};
use crate::network::Network;
use crate::process::Cluster;

use super::{Ground, LabError, Report, Scenario, Settings, Stage};

/// How many members a scenario may add to those that begin.
pub(super) const SPARE_MEMBERS: usize = 2;

/// How long reading one thing at the end may take.
const READ_MAX: Duration = Duration::from_secs(30);

/// So long after the last change somebody who listens may be told of it.
const HEAR_MAX: Duration = Duration::from_secs(20);

/// How often it is looked whether all were told.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs a scenario and judges it. Whatever happens, no process and no namespace is left behind.
///
/// # Errors
/// When it cannot begin, or is interrupted. What goes wrong later is in the report.
pub fn run(scenario: &Scenario, settings: Settings) -> Result<Report, LabError> {
    let folder = |error| LabError::Folder {
        path: settings.folder.clone(),
        error,
    };
    if settings.folder.exists() {
        fs::remove_dir_all(&settings.folder).map_err(folder)?;
    }
    fs::create_dir_all(&settings.folder).map_err(folder)?;
    let network = Arc::new(if settings.namespaces || scenario.ground == Ground::Namespaces {
        Network::namespaces(settings.members + SPARE_MEMBERS)?
    } else {
        Network::loopback()
    });
    // Everything of this thread is where clients are; the runtime has no other thread that connects.
    let _inside = network.enter()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(folder)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(folder)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(folder)?;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Err(LabError::Interrupted),
            _ = terminate.recv() => Err(LabError::Interrupted),
            report = play(scenario, settings.clone(), network.clone()) => report,
        }
    })
}

async fn play(scenario: &Scenario, settings: Settings, network: Arc<Network>) -> Result<Report, LabError> {
    let limits = settings.limits;
    let mut stage = Stage::begin(scenario, settings, network).await?;
    let acted = (scenario.act)(&mut stage).await;
    let mut failures: Vec<String> = acted.err().map(|error| error.to_string()).into_iter().collect();
    // Even after a failure the cluster is mended, so that as much as possible can be judged.
    let mended = match stage.heal().await {
        Ok(_) => stage.whole().await,
        Err(error) => Err(error),
    };
    failures.extend(mended.err().map(|error| error.to_string()));
    stage.report.failures = failures;
    judge(stage, &limits).await
}

async fn judge(stage: Stage, limits: &Limits) -> Result<Report, LabError> {
    let Stage {
        settings,
        network,
        cluster,
        load,
        mut report,
        rules,
        faults,
        watch,
        accesses,
        ..
    } = stage;
    let ended = load.end().await?;
    let mut figures = Figures::default();
    for lane in &ended.lanes {
        figures.add(lane.with(<[_]>::to_vec));
    }
    report.figure("probes", figures);
    report.figure("operations checked", ended.operations.len());
    report.figure("faults", faults.len());
    if ended.is_full {
        report
            .failures
            .push("clients did as much as is remembered, and then nothing more".to_owned());
    }
    let mut history = History {
        run: Run {
            scenario: report.scenario.clone(),
            seed: report.seed,
            members: settings.members,
        },
        faults,
        operations: ended.operations,
        told: Vec::new(),
        views: Vec::new(),
    };
    let written = history.operations.len();
    let mut lacking = Vec::new();
    for member in cluster.running() {
        let address = Cluster::addresses(&network, *member).grpc;
        let read = async {
            let access = Access::connect(*member, &[address], false, READ_MAX).await?;
            let read = read_back(&access, &history.operations[..written], &watch, READ_MAX).await;
            let missing = ballast::missing(&access, settings.entries).await;
            access.close().await;
            let missing = missing.map_err(|error| LabError::Entries { error })?;
            let (views, reads) = read?;
            Ok::<_, LabError>((views, reads, missing))
        };
        match read.await {
            Ok((views, reads, missing)) => {
                lacking.extend((missing > 0).then_some((*member, missing)));
                history.views.extend(views);
                history.operations.extend(reads);
            }
            Err(error) => report
                .failures
                .push(format!("nothing was read at the end: {error}")),
        }
    }
    hear_to_the_end(&ended.listeners, &mut history, &mut report).await;
    for access in accesses {
        access.close().await;
    }
    history::write(&history, &report.history)?;
    report.findings = checker::check(&history, limits);
    for (member, missing) in lacking {
        let count = settings.entries;
        report.findings.push(Finding::violation(
            "entries",
            format!("m{member} lacks {missing} of {count} entries that were acknowledged before the faults"),
            Vec::new(),
        ));
    }
    report
        .findings
        .extend(rules.iter().filter_map(|rule| rule.check(&history.operations)));
    Ok(report)
}

/// Waits until those who listen were told of everything, or should have been, and notes what they were told.
async fn hear_to_the_end(listeners: &Listeners, history: &mut History, report: &mut Report) {
    if listeners.count() == 0 {
        return;
    }
    let until = clock::now() + HEAR_MAX;
    loop {
        history.told = listeners.told();
        let told = checker::told::is_up_to_date(&history.told, &history.operations, &history.views);
        if told || clock::now() >= until {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let count = |of: fn(&News) -> bool| history.told.iter().filter(|told| of(&told.news)).count();
    let (changes, anew) = (
        count(|news| matches!(news, News::Change { .. })),
        count(|news| matches!(news, News::Resync)),
    );
    let listeners = listeners.count();
    report.figure(
        "events",
        format!("{changes} told to {listeners} listeners, which had to read anew {anew} times"),
    );
}
