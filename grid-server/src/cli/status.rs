//! `grid status` and `grid cluster status`.

use serde_json::Value;

use super::arguments::{ClientArguments, Output};
use super::error::CliError;
use super::http_request::get_json;
use super::output::print;
use super::table::{Column, table, text_of};

/// How often `--watch` looks.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

const MEMBER_COLUMNS: [Column; 7] = [
    ("ID", "id"),
    ("MEMBER", "name"),
    ("ADDRESS", "address"),
    ("ZONE", "zone"),
    ("MACHINE", "machine"),
    ("STATE", "state"),
    ("STORAGE", "storage"),
];

pub(super) async fn run(client: &ClientArguments) -> Result<(), CliError> {
    print(&shown(client, &get_json(client, "/cluster").await?))
}

/// Shows the status whenever it has changed, until the program is interrupted. A server that does not answer is told
/// once, and asked again.
pub(super) async fn watch(client: &ClientArguments) -> Result<(), CliError> {
    let mut last = String::new();
    loop {
        let now = match get_json(client, "/cluster").await {
            Ok(cluster) => shown(client, &cluster),
            Err(error) => format!("no status: {error}"),
        };
        if now != last {
            let gap = if last.is_empty() || client.shown_as() == Output::Json {
                ""
            } else {
                "\n"
            };
            print(&format!("{gap}{now}"))?;
            last = now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn shown(client: &ClientArguments, cluster: &Value) -> String {
    if client.shown_as() == Output::Json {
        return cluster.to_string();
    }
    let figure = |name: &str| text_of(&cluster["partitions"][name]);
    let members = cluster["members"].as_array().map_or(&[][..], Vec::as_slice);
    format!(
        "cluster {}: {}, leader {}, epoch {}\npartitions: {} ({} unassigned, {} endangered, {} moving)\n\n{}",
        text_of(&cluster["name"]),
        text_of(&cluster["status_ha"]),
        text_of(&cluster["leader"]),
        text_of(&cluster["epoch"]),
        figure("count"),
        figure("unassigned"),
        figure("endangered"),
        figure("moving"),
        table(&MEMBER_COLUMNS, members),
    )
}
