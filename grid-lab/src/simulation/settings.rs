//! What a run is to be.

use grid_core::replication::PlantedBug;

/// One run: everything in it follows from this.
#[derive(Clone, Copy, Debug)]
pub struct SimulationSettings {
    /// What everything that is drawn depends on.
    pub seed: u64,
    /// How many faults there are; 200 by default.
    pub faults: usize,
    /// How many members the cluster begins with, 3 to 9; drawn when it is not said.
    pub members: Option<usize>,
    /// A mistake that is made on purpose. It needs the feature `planted-bugs`, but for
    /// [`PlantedBug::AnswerWithoutLease`], which the made-up driver makes.
    pub bug: Option<PlantedBug>,
}

impl SimulationSettings {
    /// The usual run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        SimulationSettings {
            seed,
            faults: 200,
            members: None,
            bug: None,
        }
    }
}

const BUGS: [(&str, PlantedBug); 6] = [
    ("acknowledge-early", PlantedBug::AcknowledgeEarly),
    ("skip-epoch-check", PlantedBug::SkipEpochCheck),
    ("drop-window", PlantedBug::DropWindow),
    ("answer-without-lease", PlantedBug::AnswerWithoutLease),
    ("admit-early", PlantedBug::AdmitEarly),
    ("lose-tail", PlantedBug::LoseTail),
];

/// The planted bug of this name.
///
/// # Errors
/// When there is none, with the names that there are.
pub fn bug_named(name: &str) -> Result<PlantedBug, String> {
    BUGS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bug)| *bug)
        .ok_or_else(|| {
            let names: Vec<_> = BUGS.iter().map(|(known, _)| *known).collect();
            format!("there is no planted bug {name}; there are {}", names.join(", "))
        })
}
