//! `grid cluster`.

use std::io::{BufRead, IsTerminal};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::show_duration;

use super::arguments::{ClientArguments, ClusterArguments, ClusterCommand, Output};
use super::error::CliError;
use super::http_request::{get_json, post_json};
use super::output::print;
use super::status;
use super::table::{Column, table, text_of};

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const MEMBER_COLUMNS: [Column; 12] = [
    ("ID", "id"),
    ("MEMBER", "name"),
    ("STATE", "state"),
    ("LEADER", "leader"),
    ("PRIMARIES", "primaries"),
    ("BACKUPS", "backups"),
    ("ADDRESS", "address"),
    ("GRPC", "grpc"),
    ("ZONE", "zone"),
    ("RACK", "rack"),
    ("MACHINE", "machine"),
    ("ROLE", "role"),
];

const PARTITION_COLUMNS: [Column; 8] = [
    ("SERVICE", "service"),
    ("PARTITION", "number"),
    ("EPOCH", "epoch"),
    ("PRIMARY", "primary"),
    ("BACKUPS", "backups"),
    ("JOINING", "joining"),
    ("LOST", "lost"),
    ("WAITS FOR", "waits_for"),
];

pub(super) async fn run(arguments: &ClusterArguments) -> Result<(), CliError> {
    let client = &arguments.client;
    match &arguments.command {
        ClusterCommand::Status { watch: true } => status::watch(client).await,
        ClusterCommand::Status { watch: false } => status::run(client).await,
        ClusterCommand::Members => members(client).await,
        ClusterCommand::Partitions { service, troubled } => {
            partitions(client, service.as_deref(), *troubled).await
        }
        ClusterCommand::Drain { member, wait } => drain(client, member, *wait).await,
        ClusterCommand::Rebalance { wait } => rebalance(client, *wait).await,
        ClusterCommand::AcceptLoss {
            service,
            partitions,
            yes,
        } => accept_loss(client, service, partitions, *yes).await,
    }
}

async fn members(client: &ClientArguments) -> Result<(), CliError> {
    let members = get_json(client, "/cluster/members").await?;
    if client.shown_as() == Output::Json {
        return print(&members.to_string());
    }
    print(&table(&MEMBER_COLUMNS, rows_of(&members)))
}

async fn partitions(client: &ClientArguments, service: Option<&str>, troubled: bool) -> Result<(), CliError> {
    let mut services = get_json(client, "/cluster/partitions").await?;
    let known = rows_of(&services);
    if let Some(wanted) = service
        && !known.iter().any(|service| service["service"] == wanted)
    {
        let names: Vec<String> = known.iter().map(|service| text_of(&service["service"])).collect();
        let what = format!("there is no service {wanted:?}; there are: {}", names.join(", "));
        return Err(CliError::NotFound(what));
    }
    if let Value::Array(services) = &mut services {
        services.retain(|shown| service.is_none_or(|wanted| shown["service"] == wanted));
        for service in services {
            let backups = service["backups"].as_u64().unwrap_or(0);
            if let Value::Array(partitions) = &mut service["partitions"] {
                partitions.retain(|partition| !troubled || is_troubled(partition, backups));
            }
        }
    }
    if client.shown_as() == Output::Json {
        return print(&services.to_string());
    }
    let rows: Vec<Value> = rows_of(&services).iter().flat_map(partition_rows).collect();
    print(&table(&PARTITION_COLUMNS, &rows))
}

/// Whether a partition is not as it should be.
fn is_troubled(partition: &Value, backups: u64) -> bool {
    let len = |field: &str| rows_of(&partition[field]).len() as u64;
    partition["primary"].is_null()
        || partition["lost"] == true
        || len("backups") < backups
        || len("joining") > 0
}

/// The partitions of a service as rows, the members of each in one text.
fn partition_rows(service: &Value) -> Vec<Value> {
    let row = |partition: &Value| {
        let mut row = partition.clone();
        row["service"] = service["service"].clone();
        for field in ["backups", "joining", "waits_for"] {
            let members: Vec<String> = rows_of(&partition[field]).iter().map(text_of).collect();
            row[field] = members.join(" ").into();
        }
        row
    };
    rows_of(&service["partitions"]).iter().map(row).collect()
}

async fn drain(client: &ClientArguments, member: &str, wait: bool) -> Result<(), CliError> {
    let members = get_json(client, "/cluster/members").await?;
    let id = member_id(&members, member)?;
    let answer = post_json(client, &format!("/cluster/drain?member={id}"), None).await?;
    if !wait {
        return match client.shown_as() {
            Output::Json => print(&answer.to_string()),
            Output::Table => print(&format!(
                "member {id} hands its partitions over; `grid cluster rebalance --wait` shows how far it is"
            )),
        };
    }
    loop {
        let members = get_json(client, "/cluster/members").await?;
        let Some(left) = rows_of(&members).iter().find(|member| member["id"] == id) else {
            return print(&format!("member {id} has left"));
        };
        // Backups that nobody else can take stay with it, and so does everything when it is the last one.
        let primaries = left["primaries"].as_u64().unwrap_or(0);
        if primaries == 0 && get_json(client, "/cluster/rebalance").await?["done"] == true {
            return match client.shown_as() {
                Output::Json => print(&left.to_string()),
                Output::Table => print(&format!(
                    "member {id} serves no partition any more ({} backups that no other can take stay with it)",
                    text_of(&left["backups"])
                )),
            };
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The number of a member that is named by its number or its name.
fn member_id(members: &Value, named: &str) -> Result<u64, CliError> {
    let rows = rows_of(members);
    let number = |row: &Value| row["id"].as_u64();
    let by_id = rows
        .iter()
        .find(|row| number(row).is_some_and(|id| id.to_string() == named));
    let mut by_name = rows.iter().filter(|row| row["name"] == named);
    match (by_id, by_name.next(), by_name.next()) {
        (Some(row), _, _) | (None, Some(row), None) => {
            number(row).ok_or_else(|| CliError::Refused("the server tells no numbers of members".to_owned()))
        }
        (None, Some(_), Some(_)) => Err(CliError::Usage(format!(
            "several members are named {named:?}; give the number, which `grid cluster members` shows"
        ))),
        (None, None, _) => {
            let known = |row: &Value| format!("{} ({})", text_of(&row["id"]), text_of(&row["name"]));
            let known: Vec<String> = rows.iter().map(known).collect();
            let what = format!("there is no member {named:?}; there are: {}", known.join(", "));
            Err(CliError::NotFound(what))
        }
    }
}

async fn rebalance(client: &ClientArguments, wait: bool) -> Result<(), CliError> {
    let mut last = String::new();
    loop {
        let rebalance = get_json(client, "/cluster/rebalance").await?;
        let shown = match client.shown_as() {
            Output::Json => rebalance.to_string(),
            Output::Table => progress(&rebalance),
        };
        if shown != last {
            print(&shown)?;
            last = shown;
        }
        if !wait || rebalance["done"] == true {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn progress(rebalance: &Value) -> String {
    if rebalance["done"] == true {
        return "done: every partition is where it should be".to_owned();
    }
    let time_left = rebalance["time_left_ms"].as_u64().map_or_else(
        || "the time left is not known yet".to_owned(),
        // Whole seconds, rounded up.
        |ms| {
            format!(
                "about {} left",
                show_duration(Duration::from_secs(ms.div_ceil(1_000)))
            )
        },
    );
    let figure = |field: &str| text_of(&rebalance[field]);
    format!(
        "{} moves left: {} to place, {} copies ({} under way), {} hand-overs, {} to dismiss; {time_left}",
        figure("moves_left"),
        figure("places_left"),
        figure("copies_left"),
        figure("copies_under_way"),
        figure("hand_overs_left"),
        figure("dismissals_left"),
    )
}

async fn accept_loss(
    client: &ClientArguments,
    service: &str,
    partitions: &[u16],
    yes: bool,
) -> Result<(), CliError> {
    if !yes {
        confirm(service, partitions)?;
    }
    let mut body = json!({ "service": service });
    if !partitions.is_empty() {
        body["partitions"] = json!(partitions);
    }
    let answer = post_json(client, "/cluster/accept-loss", Some(&body)).await?;
    if client.shown_as() == Output::Json {
        return print(&answer.to_string());
    }
    let given_up: Vec<String> = rows_of(&answer["partitions"]).iter().map(text_of).collect();
    if given_up.is_empty() {
        return print(&format!(
            "no partition of {service} is lost; nothing was given up"
        ));
    }
    print(&format!(
        "given up, and empty from now on: {} of {service}",
        given_up.join(", ")
    ))
}

fn confirm(service: &str, partitions: &[u16]) -> Result<(), CliError> {
    let which = match partitions {
        [] => "every lost partition".to_owned(),
        some => format!(
            "the lost partitions {}",
            some.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
        ),
    };
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!(
            "this gives up the entries of {which} of {service} for ever; say --yes to do it"
        )));
    }
    print(&format!(
        "This gives up the entries of {which} of {service} for ever. Type yes to go on:"
    ))?;
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::Data(format!("standard input: cannot be read: {error}")))?;
    if line.trim() == "yes" {
        return Ok(());
    }
    Err(CliError::Usage("nothing was given up".to_owned()))
}

fn rows_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_by_number_or_name() {
        let members = json!([
            {"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "b"}, {"id": 4, "name": "2"},
        ]);
        assert_eq!(member_id(&members, "1").unwrap(), 1);
        assert_eq!(member_id(&members, "a").unwrap(), 1);
        assert_eq!(
            member_id(&members, "2").unwrap(),
            2,
            "a number comes before a name"
        );
        assert_eq!(member_id(&members, "b").unwrap_err().exit_code(), 2);
        let unknown = member_id(&members, "c").unwrap_err();
        assert_eq!(unknown.exit_code(), 1);
        assert!(unknown.to_string().contains("1 (a), 2 (b)"), "{unknown}");
    }

    #[test]
    fn progress_is_told_in_words() {
        let busy = json!({
            "done": false, "moves_left": 9, "places_left": 0, "copies_left": 5, "hand_overs_left": 3,
            "dismissals_left": 1, "copies_under_way": 4, "time_left_ms": 61_001,
        });
        let told =
            "9 moves left: 0 to place, 5 copies (4 under way), 3 hand-overs, 1 to dismiss; about 62s left";
        assert_eq!(progress(&busy), told);
        assert!(progress(&json!({"done": false})).ends_with("the time left is not known yet"));
        assert!(progress(&json!({"done": true})).starts_with("done"));
    }

    #[test]
    fn partitions_in_trouble_are_told_from_others() {
        let partition = |primary: Value, backups: Value, joining: Value, lost: bool| json!({"primary": primary, "backups": backups, "joining": joining, "lost": lost});
        assert!(!is_troubled(
            &partition(json!(1), json!([2]), json!([]), false),
            1
        ));
        assert!(is_troubled(
            &partition(json!(null), json!([]), json!([]), false),
            0
        ));
        assert!(is_troubled(&partition(json!(1), json!([]), json!([]), false), 1));
        assert!(is_troubled(
            &partition(json!(1), json!([2]), json!([3]), false),
            1
        ));
        assert!(is_troubled(&partition(json!(1), json!([2]), json!([]), true), 1));
    }
}
