//! `grid query` and `grid cache indexes`, against the real server.

use grid_client::Session;
use grid_core::cache::{Cache, Caches, NamedCache};
use grid_core::query::{Aggregator, Extractor, field};
use grid_core::store::IndexDefinition;
use grid_core::value::Value;
use serde_json::json;

use crate::cache_commands::Shell;
use crate::process::{answering, run};

fn with_people() -> Shell {
    let shell = Shell::start();
    for (key, value) in [
        ("1", r#"{"name":"Ada","age":36,"city":"London"}"#),
        ("2", r#"{"name":"Bob","age":25,"city":"Oslo"}"#),
        ("3", r#"{"name":"Cy","age":41,"city":"Oslo","pay":12.50}"#),
    ] {
        shell.ok(&["cache", "put", "people", key, value]);
    }
    shell
}

/// A cache of the server of a shell.
async fn cache(shell: &Shell) -> (Session, Cache<u32, Value>) {
    let session = Session::connect(shell.server.field("grpc")).await.unwrap();
    let cache = session.cache("people").await.unwrap();
    (session, cache)
}

#[test]
fn rows_are_shown_in_each_format() {
    let shell = with_people();
    let select = "select name, age from people where age > 30 order by age";
    assert_eq!(shell.ok(&["query", select]), "name  age\nAda    36\nCy     41\n");
    let lines = "{\"name\":\"Ada\",\"age\":36}\n{\"name\":\"Cy\",\"age\":41}\n";
    assert_eq!(shell.ok(&["query", select, "--format", "json"]), lines);
    assert_eq!(shell.ok(&["query", select, "--json"]), lines);
    assert_eq!(
        shell.ok(&["query", select, "--format", "csv"]),
        "name,age\nAda,36\nCy,41\n"
    );
    let grouped = "select city, count() from people group by city order by count() desc";
    assert_eq!(
        shell.ok(&["query", grouped, "--limit", "1", "--format", "csv"]),
        "city,count()\nOslo,2\n"
    );
    assert_eq!(
        shell.ok(&[
            "query",
            "select * from people where key() = 3",
            "--format",
            "json"
        ]),
        "{\"key\":3,\"value\":{\"name\":\"Cy\",\"age\":41,\"city\":\"Oslo\",\"pay\":12.5}}\n"
    );
}

#[test]
fn statements_come_with_values_from_files_and_standard_input() {
    let shell = with_people();
    let select = "select name from people where age > ?1 and city = :city order by name";
    let bound = [
        "query",
        select,
        "--bind",
        "1=20",
        "--bind",
        "city=Oslo",
        "--format",
        "csv",
    ];
    assert_eq!(shell.ok(&bound), "name\nBob\nCy\n");
    let two = "select count() from people;\n\nselect name from people\nwhere name like 'A%';\n";
    let (code, printed, error) = shell.run_with_input(&["query", "-"], two);
    assert_eq!(
        (code, printed.as_str()),
        (0, "count()\n      3\n\nname\nAda\n"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.cohql");
    std::fs::write(&file, two).unwrap();
    let printed = shell.ok(&["query", "--file", file.to_str().unwrap(), "--json"]);
    assert_eq!(printed, "{\"count()\":3}\n{\"name\":\"Ada\"}\n");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    // The text is read before any server is asked.
    let (code, printed, error) = run(&[
        "query",
        "select name\nfrom people where age >",
        "--address",
        "127.0.0.1:1",
    ]);
    assert_eq!((code, printed.as_str()), (2, ""));
    assert_eq!(
        error,
        "grid: line 2, column 24: expected a value or a property, found the end\n  from people where age >\n                         ^\n"
    );
    for (arguments, code, part) in [
        (
            &["query", "select name from people where age > :age"][..],
            2,
            "the bind variable :age has no value",
        ),
        (
            &["query", "delete from people"],
            2,
            "\"delete\" is not part of the reading half",
        ),
        (&["query", ";"], 2, "there is no statement"),
        (&["query"], 2, "<STATEMENT>"),
        (&["query", "select * from people", "--bind", "x"], 2, "NAME=VALUE"),
        (&["query", "--file", "/no/such/file"], 6, "cannot be read"),
    ] {
        let (given, printed, error) = run(arguments);
        assert_eq!((given, printed.as_str()), (code, ""), "{error}");
        assert!(error.contains(part), "{error}");
    }
    let shell = with_people();
    let no_order = "select name from people; select name from people where age > 'old'";
    let (code, printed, error) = shell.run(&["query", no_order, "--format", "csv"]);
    assert_ne!(code, 0);
    assert!(printed.starts_with("name\n"), "what was answered before stays");
    assert!(error.starts_with("grid: "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_and_indexes_are_shown_and_checked() {
    let shell = with_people();
    assert_eq!(shell.ok(&["cache", "indexes", "--json"]), "[]\n");
    let explain = [
        "query",
        "explain plan for select * from people where age > 30",
        "--json",
    ];
    assert!(shell.ok(&explain).contains("\"index\":null"));
    let (session, people) = cache(&shell).await;
    let of_age = IndexDefinition::of("age").sorted().only(field("age").gt(30));
    people.add_index(&of_age).await.unwrap();
    people.add_index(&IndexDefinition::of("city")).await.unwrap();
    session.close().await;
    assert!(shell.ok(&explain).contains("\"index\":\"Partitioned: "));
    let table = shell.ok(&["cache", "indexes", "people", "--check"]);
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert_eq!(
        &lines[1][..8],
        ["people", "age", "yes", "age", ">", "30", "257", "2"],
        "{table}"
    );
    assert_eq!(
        lines[2][..6],
        ["people", "city", "no", "-", "257", "3"],
        "{table}"
    );
    assert!(
        lines[1..].iter().all(|line| line.last() == Some(&"ok")),
        "{table}"
    );
    let shown: serde_json::Value = serde_json::from_str(&shell.ok(&["cache", "indexes", "--json"])).unwrap();
    assert_eq!(shown[0]["condition"], "age > 30");
    assert_eq!(
        (&shown[0]["differences"], &shown[0]["sorted"]),
        (&json!(null), &json!(true))
    );
    let listed: serde_json::Value = serde_json::from_str(&shell.ok(&["cache", "list", "--json"])).unwrap();
    let bytes: u64 = [0, 1]
        .into_iter()
        .filter_map(|at: usize| shown[at]["bytes"].as_u64())
        .sum();
    assert_eq!(listed[0]["index_bytes"].as_u64(), Some(bytes));
    let (code, _, error) = shell.run(&["cache", "indexes", "nothing"]);
    assert_eq!(code, 1);
    assert!(error.contains("there is no cache \"nothing\""), "{error}");
}

#[test]
fn a_difference_is_told_and_exits_8() {
    let index = |differences: serde_json::Value| {
        let index = json!([{
            "cache": "a:b", "index": "age", "sorted": true, "condition": null, "partitions": 257, "entries": 3,
            "values": 3, "without_value": 0, "bytes": 100, "differences": differences,
            "examples": ["the index of age has an entry that is gone"],
        }])
        .to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{index}",
            index.len()
        )
    };
    let (address, server) = answering(vec![index(json!(null)), index(json!(1))]);
    let (code, printed, error) = run(&["cache", "indexes", "--check", "--http", &address]);
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("GET /caches/indexes "), "{asked:?}");
    assert!(
        asked[1].starts_with("GET /caches/indexes?cache=a%3Ab&check=true "),
        "{asked:?}"
    );
    assert_eq!(code, 8, "{error}");
    assert!(printed.contains("1 difference"), "{printed}");
    assert!(
        error.contains("a:b: the index of age has an entry that is gone")
            && error.contains("1 of 1 indexes differ"),
        "{error}"
    );
}

/// The columns of many entries are more than one message may have, and come all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_come_in_more_than_one_message() {
    const ENTRIES: u32 = 300;
    let shell = Shell::start();
    let session = Session::builder()
        .address(shell.server.field("grpc"))
        .message_len_max(100_000)
        .connect()
        .await
        .unwrap();
    let cache = session.cache::<u32, serde_json::Value>("people").await.unwrap();
    let name = |key: u32| format!("{key:01000}");
    let entries: Vec<_> = (0..ENTRIES)
        .map(|key| (key, json!({"name": name(key), "age": key})))
        .collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    let asked = session.ask("select name, key() from people order by age").await;
    let rows: Vec<(String, u32)> = asked.unwrap().read_tuples().unwrap();
    assert!(rows.into_iter().eq((0..ENTRIES).map(|key| (name(key), key))));
    let limited = session.ask("select name from people").limit(7).await.unwrap();
    assert_eq!(limited.len(), 7);
    // In one piece they do not come.
    let all = Aggregator::Reducer(Extractor::path("name"));
    assert!(cache.aggregate::<Value>(&all).await.is_err());
    session.close().await;
}
