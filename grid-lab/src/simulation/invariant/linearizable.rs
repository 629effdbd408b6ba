//! The answers about each key are those of one register that each request met at one moment between its beginning and
//! its end. Keys of a partition that was lost with all its copies are left out.

use std::collections::BTreeMap;

use crate::checker::Limits;
use crate::checker::linearizable::{Verdict, check_key};
use crate::history::Operation;
use crate::simulation::client::key;
use crate::simulation::world::World;

impl World {
    pub(super) fn check_linearizable(&mut self) {
        let operations = std::mem::take(&mut self.oracle.operations);
        let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
        for operation in &operations {
            by_key.entry(&operation.key).or_default().push(operation);
        }
        for (name, of_key) in by_key {
            let number = name.parse().unwrap_or(0);
            if self
                .oracle
                .is_lost(self.count.partition_of(key(number).placement()))
            {
                continue;
            }
            let what = match check_key(&of_key, &Limits::default()) {
                Verdict::Ok => continue,
                Verdict::Violation(shown) => {
                    let last: Vec<_> = shown
                        .iter()
                        .rev()
                        .take(14)
                        .rev()
                        .map(ToString::to_string)
                        .collect();
                    format!("no order explains key {name}:\n    {}", last.join("\n    "))
                }
                Verdict::Unknown => format!("no verdict on key {name} within the limits"),
            };
            self.oracle.fail("linearizable", what);
        }
        self.oracle.operations = operations;
    }
}
