//! Clients that take more than they should: what they get, and that others do not notice.

use std::time::Duration;

use grid_core::cache::CacheName;
use grid_proto::google::BytesValue;
use grid_proto::v1::cache::NamedCacheRequestType as Type;
use grid_proto::v1::common::CollectionOfBytesValues;
use grid_proto::v1::proxy::proxy_service_client::ProxyServiceClient;
use grid_proto::v1::proxy::{proxy_request, proxy_response};
use tonic::Code;
use tonic::transport::Channel;

use crate::grpc_peer::{Stream, channel, frame, init, json, message, on_all, request, serve, soon, spawn};

/// A channel on which a stream may send us only so much before we read.
async fn narrow_channel(server: &grid_server::server::RunningServer) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
    let endpoint = endpoint.initial_stream_window_size(64 << 10);
    endpoint
        .initial_connection_window_size(1 << 20)
        .connect()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_its_events_is_ended_and_others_go_on() {
    let server = serve("[limits]\nevent-queue-len-max = 100\n").await;
    let channel = narrow_channel(&server).await;
    let mut slow = Stream::open_with(channel.clone(), init("json")).await;
    let mut good = Stream::open_with(channel, init("json")).await;
    let (theirs, ours) = (slow.ensure("a").await.unwrap(), good.ensure("a").await.unwrap());
    slow.listen(theirs, on_all(1, None)).await.unwrap();
    good.listen(ours, on_all(1, None)).await.unwrap();
    let value = format!("\"{}\"", "x".repeat(8 << 10));
    // The windows, and then the queue, fill up.
    for n in 0..300 {
        good.put(ours, &n.to_string(), &value).await;
        assert_eq!(good.told.drain(..).count(), 1, "who reads is told of everything");
    }
    let status = slow.end().await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("event-queue-len-max"), "{status:?}");
    assert_eq!(good.size(ours).await, 300);
    assert!(slow_count(&server).await.ends_with(" 1"), "and it is counted");
}

/// The line of the metrics that counts streams that were too slow.
async fn slow_count(server: &grid_server::server::RunningServer) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut http = tokio::net::TcpStream::connect(server.http_address())
        .await
        .unwrap();
    http.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    soon(http.read_to_string(&mut text)).await.unwrap();
    let line = text.lines().find(|line| line.contains("too-slow"));
    line.unwrap_or_else(|| panic!("not counted: {text}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_of_waiting_events_are_limited_too() {
    let server = serve("[limits]\nevent-queue-bytes-max = '100KiB'\n").await;
    let mut slow = Stream::open_with(narrow_channel(&server).await, init("json")).await;
    let mut good = Stream::open(&server).await;
    let (theirs, ours) = (slow.ensure("a").await.unwrap(), good.ensure("a").await.unwrap());
    slow.listen(theirs, on_all(1, None)).await.unwrap();
    let value = format!("\"{}\"", "x".repeat(50 << 10));
    for n in 0..60 {
        good.put(ours, &n.to_string(), &value).await;
    }
    assert_eq!(slow.end().await.code(), Code::ResourceExhausted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_end_are_not_taken_when_their_answers_are_not_read() {
    let server = serve("").await;
    let mut good = Stream::open(&server).await;
    let cache = good.ensure("a").await.unwrap();
    good.put(cache, "1", &format!("\"{}\"", "x".repeat(1_000))).await;

    let mut greedy = Stream::open_with(narrow_channel(&server).await, init("json")).await;
    let theirs = greedy.ensure("a").await.unwrap();
    let get = request(Type::Get, theirs, Some(&BytesValue { value: json("1") }));
    let frames = greedy.frames.clone();
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = sent.clone();
    let sender = spawn(async move {
        for id in 1_000..101_000 {
            frames.send(message(id, &get)).await.unwrap();
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    // It comes to a halt long before the end: when nothing more was taken while another client was served.
    let halt = async {
        loop {
            let before = sent.load(std::sync::atomic::Ordering::Relaxed);
            for _ in 0..200 {
                assert!(good.get(cache, "1").await.is_some());
            }
            let now = sent.load(std::sync::atomic::Ordering::Relaxed);
            if now == before && now > 1_024 {
                return now;
            }
        }
    };
    let taken = soon(halt).await;
    assert!(
        taken < 60_000,
        "{taken} requests were taken, none of whose answers was read"
    );
    // Once it reads, it gets every answer, in order.
    for id in 1_000..101_000 {
        for last in [false, true] {
            let answer = greedy.next().await.unwrap();
            let complete = matches!(answer.response, Some(proxy_response::Response::Complete(_)));
            assert_eq!((answer.id, complete), (id, last));
        }
    }
    sender.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_a_connection_are_limited() {
    let server = serve("grpc.streams-per-connection-max = 2\n").await;
    let channel = channel(&server).await;
    let mut one = Stream::open_with(channel.clone(), init("json")).await;
    let two = Stream::open_with(channel.clone(), init("json")).await;
    let (frames, outbound) = tokio::sync::mpsc::channel(1);
    let mut client = ProxyServiceClient::new(channel);
    let third = spawn(async move {
        client
            .sub_channel(tokio_stream::wrappers::ReceiverStream::new(outbound))
            .await
    });
    for n in 0..50 {
        one.ensure(&format!("c{n}")).await.unwrap();
    }
    assert!(!third.is_finished(), "a third call waits");
    drop(two);
    frames
        .send(frame(2, proxy_request::Request::Init(init("json"))))
        .await
        .unwrap();
    let mut answers = soon(third).await.unwrap().unwrap().into_inner();
    assert_eq!(
        soon(answers.message()).await.unwrap().unwrap().id,
        2,
        "until another has ended"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once_do_no_harm() {
    let server = serve("").await;
    let mut good = Stream::open(&server).await;
    let cache = good.ensure("a").await.unwrap();
    // The server ends a connection that does this for long; the client connects again.
    let mut ended = 0;
    for _ in 0..20 {
        let channel = channel(&server).await;
        for _ in 0..100 {
            let mut client = ProxyServiceClient::new(channel.clone());
            let (frames, outbound) = tokio::sync::mpsc::channel(1);
            frames
                .send(frame(2, proxy_request::Request::Init(init("json"))))
                .await
                .unwrap();
            let call = client.sub_channel(tokio_stream::wrappers::ReceiverStream::new(outbound));
            // Dropped as soon as it was sent, or whenever it got to.
            if tokio::time::timeout(Duration::from_micros(200), call)
                .await
                .is_ok_and(|call| call.is_err())
            {
                ended += 1;
                break;
            }
        }
        assert_eq!(good.size(cache).await, 0);
    }
    assert!(ended <= 20);
    // What they attached is gone with them.
    let open = server
        .grid()
        .open("", &CacheName::new("a").unwrap())
        .await
        .unwrap();
    let gone = async {
        while open.listeners().sink_count() > 1 {
            good.size(cache).await;
        }
    };
    soon(gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_does_not_stop_what_it_began() {
    let server = serve("").await;
    let mut good = Stream::open(&server).await;
    let cache = good.ensure("a").await.unwrap();
    let entries = (0..20_000)
        .map(|n| crate::grpc_peer::pair(&n.to_string(), "1"))
        .collect();
    let all = grid_proto::v1::cache::PutAllRequest { entries, ttl: None };
    good.ask(&request(Type::PutAll, cache, Some(&all))).await.unwrap();
    for _ in 0..50 {
        let mut leaver = Stream::open(&server).await;
        let theirs = leaver.ensure("a").await.unwrap();
        let body = BytesValue {
            value: json("\"not there\""),
        };
        leaver
            .send(message(50, &request(Type::ContainsValue, theirs, Some(&body))))
            .await;
        leaver
            .send(message(
                51,
                &request::<BytesValue>(Type::QueryEntries, theirs, None),
            ))
            .await;
    }
    assert_eq!(good.size(cache).await, 20_000);
}

/// A long row of keys that are not there is looked up without an answer in between; others must not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_very_many_keys_is_answered_while_others_are() {
    let server = serve("").await;
    let (mut stream, mut other) = (Stream::open(&server).await, Stream::open(&server).await);
    let (cache, theirs) = (
        stream.ensure("a").await.unwrap(),
        other.ensure("a").await.unwrap(),
    );
    stream.put(cache, "77777", "1").await;
    let values = (0..200_000).map(|n| json(&n.to_string())).collect();
    let all = request(Type::GetAll, cache, Some(&CollectionOfBytesValues { values }));
    stream.send(message(50, &all)).await;
    for _ in 0..50 {
        assert_eq!(other.size(theirs).await, 1);
    }
    assert_eq!(stream.answer_to(50).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_a_request_are_limited() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    let len = grid_proto::limits::BATCH_LEN_MAX + 1;
    let all = CollectionOfBytesValues {
        values: vec![json("1"); len],
    };
    let refused = stream
        .ask(&request(Type::GetAll, cache, Some(&all)))
        .await
        .unwrap_err();
    assert!(refused.contains("1048576 are allowed; split it"), "{refused}");
    let all = grid_proto::v1::cache::PutAllRequest {
        entries: vec![crate::grpc_peer::pair("1", "1"); len],
        ttl: None,
    };
    let refused = stream
        .ask(&request(Type::PutAll, cache, Some(&all)))
        .await
        .unwrap_err();
    assert!(refused.contains("split it (not applied)"), "{refused}");
    assert_eq!(stream.size(cache).await, 0);
}
