//! The rules, held against this repository.

use architecture::{Sources, Violation, rule};

fn holds(rule: fn(&Sources) -> Vec<Violation>) {
    let sources = Sources::of_repository().expect("the repository can be read");
    let found: Vec<_> = rule(&sources).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "the rule is broken:\n{}", found.join("\n"));
}

#[test]
fn each_crate_depends_only_on_those_below_it() {
    holds(rule::crate_layers);
}

#[test]
fn each_folder_of_the_core_uses_only_those_below_it() {
    holds(rule::core_layers);
}

#[test]
fn the_core_has_no_wire_clock_random_source_task_or_socket() {
    holds(rule::core_purity);
}

#[test]
fn one_file_of_a_crate_reads_the_clock_and_one_spawns() {
    holds(rule::one_owner);
}

#[test]
fn no_file_is_too_long() {
    let sources = Sources::of_repository().expect("the repository can be read");
    for (lines, path) in rule::long_files(&sources) {
        println!("{path} has {lines} lines; aim at {}", rule::FILE_LEN_AIM);
    }
    holds(rule::file_len);
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    holds(rule::lints);
}

#[test]
fn every_name_says_something() {
    holds(rule::names);
}

#[test]
fn every_test_runs() {
    holds(rule::tests_run);
}

#[test]
fn no_text_names_a_machine_or_a_registry() {
    holds(rule::text);
}
