//! The load tool on a real server in this process, and on the echo.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use grid_bench::data_set::DataSet;
use grid_bench::echo::Echo;
use grid_bench::fleet::{self, Fleet, FleetSettings};
use grid_bench::operation::Operation;
use grid_server::config::Layers;
use grid_server::server::Server;
use tokio::net::TcpListener;

const A_MOMENT: Duration = Duration::from_millis(60);

fn settings(address: String, connections: usize, callers: usize, typed: bool) -> FleetSettings {
    FleetSettings {
        address,
        join: Vec::new(),
        cache: "bench".to_owned(),
        connections: NonZeroUsize::new(connections).expect("above 0"),
        callers: NonZeroUsize::new(callers).expect("above 0"),
        threads: NonZeroUsize::new(2),
        batch: NonZeroUsize::new(20).expect("above 0"),
        typed,
        server_pids: vec![std::process::id()],
    }
}

/// Runs a load on threads of its own while the server runs on this test's.
async fn beside<T: Send + 'static>(load: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(load).await.expect("the load ends")
}

async fn with_server(load: impl FnOnce(String) + Send + 'static) {
    let any_port =
        "member.listen = '127.0.0.1:0'\ngrpc.address = '127.0.0.1:0'\nhttp.address = '127.0.0.1:0'";
    let server = Server::start(
        Layers::new()
            .file("", any_port)
            .load()
            .expect("a configuration")
            .config,
    )
    .await
    .expect("a server");
    let address = server.grpc_address().to_string();
    beside(move || load(address)).await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_measured_without_an_error() {
    with_server(|address| {
        for typed in [false, true] {
            let data = Arc::new(DataSet::new(1_050, 100));
            let settings = settings(address.clone(), 3, 2, typed);
            fleet::load(&settings, &data, |_| {}).unwrap();
            let mut fleet = Fleet::connect(settings, &data).unwrap();
            for operation in Operation::ALL {
                let measured = fleet.measure(operation, A_MOMENT, 1).unwrap();
                assert_eq!(measured.errors, 0, "{measured:?}");
                assert!(measured.count > 0 && measured.p50_us > 0.0, "{measured:?}");
                assert!(
                    measured.p50_us <= measured.p99_us && measured.p99_us <= measured.max_us,
                    "{measured:?}"
                );
                assert_eq!((measured.connections, measured.callers), (3, 2));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_answers_are_counted_as_errors() {
    with_server(|address| {
        let loaded = Arc::new(DataSet::new(10, 100));
        let settings = settings(address, 1, 1, false);
        fleet::load(&settings, &loaded, |_| {}).unwrap();
        let longer = Arc::new(DataSet::new(10, 200));
        let measured = Fleet::connect(settings.clone(), &longer)
            .unwrap()
            .measure(Operation::Get, A_MOMENT, 1)
            .unwrap();
        assert_eq!(measured.count, 0);
        assert!(measured.first_error.unwrap().contains("100 bytes instead of 200"));
        let absent = Arc::new(DataSet::new(1_000_000, 100));
        let measured = Fleet::connect(settings, &absent)
            .unwrap()
            .measure(Operation::GetAll, A_MOMENT, 1)
            .unwrap();
        assert!(measured.errors > 0, "{measured:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_answers_every_operation() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut server = tokio::task::JoinSet::new();
    server.spawn(Echo::new(100).serve(listener));
    beside(move || {
        let data = Arc::new(DataSet::new(1_000, 100));
        let settings = settings(address, 2, 1, false);
        fleet::load(&settings, &data, |_| {}).unwrap();
        let mut fleet = Fleet::connect(settings, &data).unwrap();
        for operation in Operation::ALL {
            let measured = fleet.measure(operation, A_MOMENT, 1).unwrap();
            assert_eq!((measured.errors, measured.count > 0), (0, true), "{measured:?}");
        }
    })
    .await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let error = beside(move || {
        let data = Arc::new(DataSet::new(10, 100));
        Fleet::connect(settings(free.clone(), 1, 1, false), &data)
            .map(drop)
            .map_err(|error| (error, free))
    })
    .await;
    let (error, address) = error.unwrap_err();
    assert!(format!("{error:#}").contains(&address), "{error:#}");
}
