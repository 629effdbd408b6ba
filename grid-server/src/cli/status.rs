//! `grid status`.

use super::arguments::{ClientArguments, Output};
use super::error::CliError;
use super::http_get::get_json;
use super::output::print;
use super::table::{Column, table, text_of};

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
    let cluster = get_json(client, "/cluster").await?;
    if client.shown_as() == Output::Json {
        return print(&cluster.to_string());
    }
    let partitions = &cluster["partitions"];
    let figure = |name: &str| text_of(&partitions[name]);
    print(&format!(
        "cluster {}: {}, leader {}, epoch {}",
        text_of(&cluster["name"]),
        text_of(&cluster["status_ha"]),
        text_of(&cluster["leader"]),
        text_of(&cluster["epoch"]),
    ))?;
    print(&format!(
        "partitions: {} ({} unassigned, {} endangered, {} moving)\n",
        figure("count"),
        figure("unassigned"),
        figure("endangered"),
        figure("moving"),
    ))?;
    print(&table(
        &MEMBER_COLUMNS,
        cluster["members"].as_array().map_or(&[], Vec::as_slice),
    ))
}
