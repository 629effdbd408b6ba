//! Health, reflection, and the end of the server.

use std::time::Duration;

use grid_proto::google::BytesValue;
use grid_proto::v0::MapListenerRequest;
use grid_proto::v1::cache::NamedCacheRequestType as Type;
use grid_server::server::Stopped;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::grpc_peer::{Stream, channel, init, now, on_all, serve, soon, spawn, v0};
use crate::process::ServerProcess;

fn service(name: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: name.to_owned(),
    }
}

#[tokio::test]
async fn health_is_reported() {
    let server = serve("").await;
    let mut health = HealthClient::new(channel(&server).await);
    for name in [
        "",
        "coherence.proxy.v1.ProxyService",
        "coherence.NamedCacheService",
    ] {
        let status = soon(health.check(service(name)))
            .await
            .unwrap()
            .into_inner()
            .status;
        assert_eq!(status, ServingStatus::Serving as i32, "{name}");
    }
    let unknown = soon(health.check(service("no.such.Service"))).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_services_and_describes_them() {
    let server = serve("").await;
    let mut client = ServerReflectionClient::new(channel(&server).await);
    let ask = |message_request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message_request),
    };
    let requests = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "coherence.proxy.v1.ProxyService".to_owned(),
        )),
    ];
    let answers = client
        .server_reflection_info(futures::stream::iter(requests))
        .await
        .unwrap();
    let mut answers = answers.into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        soon(answers.message()).await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for name in [
        "coherence.proxy.v1.ProxyService",
        "coherence.NamedCacheService",
        "grpc.health.v1.Health",
    ] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    let described = soon(answers.message()).await.unwrap().unwrap().message_response;
    assert!(
        matches!(described, Some(MessageResponse::FileDescriptorResponse(_))),
        "{described:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_streams_end_when_the_server_stops() {
    let server = serve("[member]\ndrain-timeout = '10s'\n").await;
    let mut idle = Stream::open(&server).await;
    let cache = idle.ensure("a").await.unwrap();
    idle.listen(cache, on_all(1, None)).await.unwrap();
    let mut unborn = Stream::raw(channel(&server).await).await;
    let mut client = v0(&server).await;
    let (requests, outbound) = tokio::sync::mpsc::channel(1);
    let mut events = client
        .events(ReceiverStream::new(outbound))
        .await
        .unwrap()
        .into_inner();
    let init = MapListenerRequest {
        cache: "a".into(),
        format: "json".into(),
        subscribe: true,
        ..MapListenerRequest::default()
    };
    requests.send(init).await.unwrap();
    soon(events.message()).await.unwrap().unwrap();
    let mut health = HealthClient::new(channel(&server).await);
    let mut watched = health.watch(service("")).await.unwrap().into_inner();
    let first = soon(watched.message()).await.unwrap().unwrap();
    assert_eq!(first.status, ServingStatus::Serving as i32);
    // One that connected and says nothing, and one that never read.
    let silent = tokio::net::TcpStream::connect(server.grpc_address())
        .await
        .unwrap();

    let start = now();
    let stopping = spawn(server.shutdown());
    let status = idle.end().await;
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(status.message().contains("stopping"), "{status:?}");
    assert_eq!(unborn.end().await.code(), Code::Unavailable);
    assert_eq!(
        soon(events.message()).await.unwrap_err().code(),
        Code::Unavailable
    );
    let mut last = ServingStatus::Serving as i32;
    while let Ok(Some(told)) = soon(watched.message()).await {
        last = told.status;
    }
    assert_eq!(
        last,
        ServingStatus::NotServing as i32,
        "who watches is told, and let go"
    );
    assert_eq!(soon(stopping).await.unwrap(), Stopped::Drained);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_pauses_does_not_keep_the_server_from_stopping() {
    let server = serve("[member]\ndrain-timeout = '10s'\n").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let frames = stream.frames.clone();
    let size = crate::grpc_peer::request::<BytesValue>(Type::Size, cache, None);
    let sender = spawn(async move {
        let mut sent = 0;
        while frames.send(crate::grpc_peer::message(9, &size)).await.is_ok() {
            sent += 1;
        }
        sent
    });
    for _ in 0..10 {
        stream.next().await.unwrap();
    }
    let stopping = spawn(server.shutdown());
    assert_eq!(stream.end().await.code(), Code::Unavailable);
    assert_eq!(soon(stopping).await.unwrap(), Stopped::Drained);
    drop(stream);
    assert!(soon(sender).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_with_connected_clients_exits_0_soon() {
    let mut server = ServerProcess::start(&[]);
    let address = format!("http://{}", server.field("grpc"));
    let connect = || async {
        Channel::from_shared(address.clone())
            .unwrap()
            .connect()
            .await
            .unwrap()
    };
    let mut streams = Vec::new();
    for format in ["json", "java", "json"] {
        let mut stream = Stream::open_with(connect().await, init(format)).await;
        let cache = stream.ensure("a").await.unwrap();
        stream.listen(cache, on_all(1, None)).await.unwrap();
        streams.push(stream);
    }
    let mut health = HealthClient::new(connect().await);
    let mut watched = health.watch(service("")).await.unwrap().into_inner();
    soon(watched.message()).await.unwrap().unwrap();
    let _silent = tokio::net::TcpStream::connect(server.field("grpc"))
        .await
        .unwrap();
    let start = now();
    server.signal("-TERM");
    let (status, _, log) = tokio::task::block_in_place(|| server.wait());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}: {log}",
        start.elapsed()
    );
    for mut stream in streams {
        assert_eq!(stream.end().await.code(), Code::Unavailable);
    }
}
