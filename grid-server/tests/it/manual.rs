//! The README against the program.

use crate::process::run;

const README: &str = include_str!("../../README.md");

#[test]
fn every_setting_is_in_the_readme() {
    let (code, shown, _) = run(&["config", "show"]);
    assert_eq!(code, 0);
    let mut section = "";
    let mut count = 0;
    for line in shown.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        let Some(key) = line
            .trim_start_matches("# ")
            .split(' ')
            .next()
            .filter(|key| !key.is_empty())
        else {
            continue;
        };
        assert!(
            README.contains(&format!("`{section}.{key}`")),
            "{section}.{key} is not in the README"
        );
        count += 1;
    }
    assert!(count > 20, "{shown}");
}

#[test]
fn every_exit_code_is_in_the_readme() {
    for line in grid_server::cli::EXIT_CODES.lines().skip(1) {
        let code = line.split_whitespace().next().unwrap().trim_end_matches(',');
        assert!(
            README.contains(&format!("| {code}")),
            "exit code {code} is not in the README"
        );
    }
}

#[test]
fn every_metric_is_in_the_readme() {
    let file = include_str!("../../src/metrics/metric_definitions.rs");
    let names: Vec<&str> = file.split('"').filter(|text| text.starts_with("grid_")).collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(
            README.contains(&format!("`{name}`")),
            "{name} is not in the README"
        );
    }
}
