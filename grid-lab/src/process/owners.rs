//! Which member is the primary of which partition.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::Binary;

/// How long the program may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The primary of each partition of each service, as `grid cluster partitions` tells, by what names them.
///
/// # Errors
/// In words, when the program fails or tells something else.
pub async fn primaries(binary: &Binary, http: SocketAddr) -> Result<BTreeMap<String, String>, String> {
    let mut command = Command::new(binary.path());
    command.args([
        "cluster",
        "partitions",
        "--output",
        "json",
        "--http",
        &http.to_string(),
    ]);
    command.kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output())
        .await
        .map_err(|_elapsed| format!("grid cluster partitions did not end within {TIMEOUT:?}"))?
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or_default();
        return Err(format!("grid cluster partitions: {} {first}", output.status));
    }
    let told = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    collect(&told, "", &mut found);
    if found.is_empty() {
        return Err("grid cluster partitions tells no primaries".to_owned());
    }
    Ok(found)
}

/// Every object that has a primary counts, by its number and what is around it.
fn collect(told: &Value, within: &str, found: &mut BTreeMap<String, String>) {
    match told {
        Value::Array(all) => {
            for (index, one) in all.iter().enumerate() {
                let name = ["partition", "id", "service", "name"]
                    .iter()
                    .find_map(|field| one.get(field))
                    .map_or_else(|| index.to_string(), Value::to_string);
                collect(one, &format!("{within}/{name}"), found);
            }
        }
        Value::Object(fields) => {
            if let Some(primary) = fields.get("primary").filter(|primary| !primary.is_null()) {
                found.insert(within.to_owned(), primary.to_string());
                return;
            }
            for (name, field) in fields {
                collect(field, &format!("{within}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// How many partitions have another primary than before.
#[must_use]
pub fn moved(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> usize {
    before
        .iter()
        .filter(|(partition, primary)| after.get(*partition) != Some(primary))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_are_found_and_compared() {
        let read = |text: &str| {
            let mut found = BTreeMap::new();
            collect(&serde_json::from_str(text).unwrap(), "", &mut found);
            found
        };
        let before = read(
            r#"[{"partition":0,"primary":1},{"partition":1,"primary":2},{"partition":2,"primary":null}]"#,
        );
        let after = read(r#"[{"partition":1,"primary":4},{"partition":0,"primary":1}]"#);
        assert_eq!((before.len(), moved(&before, &after)), (2, 1));
        let nested =
            read(r#"{"services":[{"service":"default","partitions":[{"partition":5,"primary":"m1"}]}]}"#);
        assert_eq!(nested.len(), 1);
    }
}
