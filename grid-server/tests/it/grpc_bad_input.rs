//! Bad input on version 1: the right error at once, and everything else goes on.

use bytes::{BufMut, Bytes, BytesMut};
use grid_proto::any::pack;
use grid_proto::google::{Any, BytesValue};
use grid_proto::v1::cache::{
    EnsureCacheRequest, MapListenerRequest, NamedCacheRequest, NamedCacheRequestType as Type, PutAllRequest,
    PutRequest,
};
use grid_proto::v1::common::{CollectionOfBytesValues, HeartbeatMessage};
use grid_proto::v1::proxy::proxy_service_client::ProxyServiceClient;
use grid_proto::v1::proxy::{InitRequest, ProxyRequest, proxy_request, proxy_response};
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::Channel;

use crate::grpc_peer::{
    Stream, bytes_value, channel, frame, init, json, masked, message, on_all, on_key, pair, request, serve,
    soon, spawn,
};

const NONE: Option<&BytesValue> = None;

/// What a stream ends with when it starts with this frame.
async fn end_after(channel: Channel, first: ProxyRequest) -> tonic::Status {
    let mut stream = Stream::raw(channel).await;
    stream.send(first).await;
    stream.end().await
}

#[tokio::test]
async fn a_bad_handshake_ends_its_stream_and_no_other() {
    let server = serve("").await;
    let channel = channel(&server).await;
    let mut good = Stream::open_with(channel.clone(), init("json")).await;
    let cache = good.ensure("a").await.unwrap();
    let hello = |init| frame(2, proxy_request::Request::Init(init));
    let before = message(2, &request(Type::Size, 1, NONE));
    let bad = [
        (
            hello(InitRequest {
                protocol: "QueueService".into(),
                ..init("json")
            }),
            Code::Unimplemented,
            "QueueService",
        ),
        (
            hello(InitRequest {
                protocol: String::new(),
                ..init("json")
            }),
            Code::Unimplemented,
            "CacheService",
        ),
        (
            hello(InitRequest {
                protocol_version: 0,
                supported_protocol_version: 0,
                ..init("json")
            }),
            Code::InvalidArgument,
            "version",
        ),
        (
            hello(InitRequest {
                protocol_version: 3,
                supported_protocol_version: 2,
                ..init("json")
            }),
            Code::InvalidArgument,
            "2 to 3",
        ),
        (
            hello(InitRequest {
                protocol_version: i32::MIN,
                ..init("json")
            }),
            Code::InvalidArgument,
            "version",
        ),
        (
            hello(InitRequest {
                scope: "x".repeat(256),
                ..init("json")
            }),
            Code::InvalidArgument,
            "255",
        ),
        (hello(init(&"x".repeat(1_000))), Code::InvalidArgument, "format"),
        (before, Code::FailedPrecondition, "InitRequest"),
        (ProxyRequest::default(), Code::InvalidArgument, "neither"),
    ];
    for (first, code, word) in bad {
        let status = end_after(channel.clone(), first.clone()).await;
        assert_eq!(status.code(), code, "{status:?} after {first:?}");
        assert!(status.message().contains(word), "{status:?}");
        assert_eq!(good.size(cache).await, 0, "other streams of the connection go on");
    }
    let mut twice = Stream::open_with(channel.clone(), init("json")).await;
    twice.send(hello(init("json"))).await;
    assert_eq!(twice.end().await.code(), Code::FailedPrecondition);
    assert_eq!(good.size(cache).await, 0);
}

/// Sends a call as it is.
async fn send(mut channel: Channel, call: http::Request<Body>) -> http::Response<Body> {
    soon(std::future::poll_fn(|cx| channel.poll_ready(cx)))
        .await
        .unwrap();
    soon(channel.call(call)).await.unwrap()
}

/// A call whose body is these bytes, and the status it ends with.
async fn call_with(channel: Channel, body: Vec<u8>) -> tonic::Status {
    let body = futures::stream::iter([Ok::<_, tonic::Status>(hyper::body::Frame::data(Bytes::from(
        body,
    )))]);
    let call = http::Request::post("http://x/coherence.proxy.v1.ProxyService/subChannel")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(StreamBody::new(body)))
        .unwrap();
    let answer = send(channel, call).await;
    if let Some(status) = tonic::Status::from_header_map(answer.headers()) {
        return status;
    }
    let body = soon(answer.into_body().collect()).await.unwrap();
    tonic::Status::from_header_map(body.trailers().unwrap()).unwrap()
}

/// A message with the head that gRPC gives it.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(message.len().try_into().unwrap());
    bytes.put_slice(message);
    bytes.to_vec()
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_their_stream_and_no_other() {
    let server = serve("").await;
    let channel = channel(&server).await;
    let mut good = Stream::open_with(channel.clone(), init("json")).await;
    let cache = good.ensure("a").await.unwrap();
    let cut = framed(&frame(2, proxy_request::Request::Init(init("json"))).encode_to_vec()[..10]);
    let odd: [Vec<u8>; 6] = [
        framed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        framed(&[0x0b; 4_000]),
        framed(b"\x1a\xff\xff\xff\xff\x07"),
        cut,
        // Longer than any message may be, and a compression that was not agreed on.
        b"\x00\xff\xff\xff\xff".to_vec(),
        b"\x01\x00\x00\x00\x01\x00".to_vec(),
    ];
    for body in odd {
        let status = call_with(channel.clone(), body.clone()).await;
        assert!(
            matches!(
                status.code(),
                Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented | Code::Internal
            ),
            "{status:?} after {body:?}"
        );
        assert_eq!(good.size(cache).await, 0);
    }
    let status = call_with(channel.clone(), framed(b"\xff\xff")).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let cut_short = call_with(channel, b"\x00\x00\x00\x00\x09\x08".to_vec()).await;
    assert_ne!(cut_short.code(), Code::Ok);
    assert_eq!(good.size(cache).await, 0);
}

#[tokio::test]
async fn a_call_that_there_is_not_is_unimplemented() {
    let server = serve("").await;
    for path in ["coherence.proxy.v1.ProxyService/other", "no.such.Service/call"] {
        let call = http::Request::post(format!("http://x/{path}"))
            .header("content-type", "application/grpc")
            .body(Body::empty())
            .unwrap();
        let answer = send(channel(&server).await, call).await;
        assert_eq!(
            tonic::Status::from_header_map(answer.headers()).unwrap().code(),
            Code::Unimplemented
        );
    }
}

/// A request, and a word of its refusal.
type Bad = (NamedCacheRequest, &'static str);

/// Requests for no cache, of no type, or for a cache that cannot be.
fn misdirected() -> Vec<Bad> {
    let size = request(Type::Size, 1, NONE);
    let of = |cache_id| NamedCacheRequest {
        cache_id,
        ..size.clone()
    };
    let typed = |number| NamedCacheRequest {
        r#type: number,
        cache_id: Some(1),
        message: None,
    };
    let ensure = |name: &str| NamedCacheRequest {
        cache_id: None,
        ..request(
            Type::EnsureCache,
            0,
            Some(&EnsureCacheRequest {
                cache: name.to_owned(),
            }),
        )
    };
    vec![
        (of(None), "Missing cache id"),
        (of(Some(0)), "Missing cache id"),
        (of(Some(12_345)), "No cache proxy exists for id 12345"),
        (of(Some(-1)), "No cache proxy exists for id -1"),
        (typed(99), "Unrecognized request"),
        (typed(0), "Unrecognized request"),
        (typed(i32::MIN), "Unrecognized request"),
        (request(Type::EnsureCache, 0, NONE), "EnsureCacheRequest"),
        (ensure(""), "CacheName cannot be empty"),
        (ensure(&"x".repeat(256)), "255"),
        (ensure("line\nfeed"), "control"),
    ]
}

/// Keys and values that are none.
fn malformed(cache: i32) -> Vec<Bad> {
    let key = |key: Bytes| request(Type::Get, cache, Some(&bytes_value(key)));
    let put = |key: Bytes, value: Bytes| {
        request(
            Type::Put,
            cache,
            Some(&PutRequest {
                key,
                value,
                ttl: None,
            }),
        )
    };
    let deep = json(&("[".repeat(10_000) + "1" + &"]".repeat(10_000)));
    let nested = json(&format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)));
    vec![
        (key(Bytes::new()), ""),
        (key("\"k\"".into()), ""),
        (key("\x15".into()), ""),
        (key(json("{\"a\":")), "Could not deserialize"),
        (key(json("1 2")), "Could not deserialize"),
        (key(deep.clone()), "Could not deserialize"),
        (key(nested), "Could not deserialize"),
        (key(json("\"\u{1}\"")), "Could not deserialize"),
        (key(Bytes::from_static(b"\x15\"\xff\"")), "Could not deserialize"),
        (key("\x0d".into()), "decorated"),
        (
            key(Bytes::from_static(b"\x0d\xff\xff\xff\xff\xff\xff\x15\x31")),
            "decorated",
        ),
        (key("\x0d\x01".into()), ""),
        (put(json("1"), Bytes::new()), ""),
        (put(json("1"), "1".into()), ""),
        (put(json("1"), json("nul")), "Could not deserialize"),
        (put(json("1"), deep), "Could not deserialize"),
        (put(Bytes::new(), json("1")), ""),
    ]
}

/// Requests with the wrong message, or with one that makes no sense.
fn senseless(cache: i32) -> Vec<Bad> {
    let broken = Any {
        value: Bytes::from_static(b"\xff"),
        ..pack(&PutRequest::default())
    };
    let half = PutAllRequest {
        entries: vec![
            pair("\"half\"", "1"),
            grid_proto::v1::common::BinaryKeyAndValue::default(),
        ],
        ttl: None,
    };
    let some = CollectionOfBytesValues {
        values: vec![json("1"), Bytes::new()],
    };
    let past = |ttl| PutRequest {
        key: json("1"),
        value: json("1"),
        ttl: Some(ttl),
    };
    let past_all = PutAllRequest {
        entries: vec![pair("1", "1")],
        ttl: Some(-2),
    };
    let listener = |filter: &str| request(Type::MapListener, cache, Some(&on_all(1, Some(filter))));
    vec![
        (request(Type::Get, cache, NONE), "BytesValue"),
        (
            request(Type::Put, cache, Some(&bytes_value(json("1")))),
            "PutRequest",
        ),
        (
            NamedCacheRequest {
                message: Some(broken),
                ..request(Type::Put, cache, NONE)
            },
            "PutRequest",
        ),
        (request(Type::PutAll, cache, Some(&half)), ""),
        (request(Type::GetAll, cache, Some(&some)), ""),
        (request(Type::Put, cache, Some(&past(-2))), "-2"),
        (
            request(Type::PutIfAbsent, cache, Some(&past(i64::MIN))),
            "-9223372036854775808",
        ),
        (request(Type::PutAll, cache, Some(&past_all)), "-2"),
        (
            request(Type::PageOfEntries, cache, Some(&bytes_value(vec![0xff; 44]))),
            "cookie",
        ),
        (listener("{\"@class\":"), "Could not deserialize"),
        (listener("[1]"), "filter"),
        (listener(&masked(7).replace('7', "\"all\"")), "mask"),
        (
            request(Type::MapListener, cache, Some(&on_key("{"))),
            "Could not deserialize",
        ),
    ]
}

#[tokio::test]
async fn a_bad_request_is_refused_and_the_next_is_answered() {
    let server = serve("").await;
    let mut stream = Stream::open(&server).await;
    let cache = stream.ensure("a").await.unwrap();
    for (bad, word) in [misdirected(), malformed(cache), senseless(cache)].concat() {
        let refused = stream.ask(&bad).await.expect_err(&format!("{bad:?}"));
        assert!(refused.contains(word), "{refused:?} after {bad:?}");
        assert!(!refused.is_empty() && refused.len() < 1_000, "{refused:?}");
        assert_eq!(stream.size(cache).await, 0);
    }
    for url in [
        "type.googleapis.com/foo.Bar",
        "",
        "type.googleapis.com/coherence.cache.v1.PutRequest",
    ] {
        for value in [Bytes::new(), Bytes::from_static(b"\xff")] {
            let any = Any {
                type_url: url.to_owned(),
                value,
            };
            stream.send(frame(5, proxy_request::Request::Message(any))).await;
            assert!(stream.answer_to(5).await.is_err());
        }
    }
    // Ids are the client's: 0 and negative ones are answered.
    for id in [-1, i64::MIN, i64::MAX] {
        stream
            .send(message(id, &request(Type::IsReady, cache, NONE)))
            .await;
        assert_eq!(stream.answer_to(id).await.unwrap().len(), 1);
    }
    assert!(
        stream.ensure(" ").await.is_ok(),
        "a blank is a name to the reference"
    );
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_stream_and_one_at_the_limit_works() {
    let server = serve("grpc.message-len-max = '64KiB'\n").await;
    let channel = channel(&server).await;
    let mut good = Stream::open_with(channel.clone(), init("json")).await;
    let cache = good.ensure("a").await.unwrap();
    good.listen(cache, on_all(1, None)).await.unwrap();
    // The id stays so small that it takes one byte, and so the frame has one length.
    let put = |len: usize| PutRequest {
        key: json("1"),
        value: json(&format!("\"{}\"", "x".repeat(len))),
        ttl: None,
    };
    let len_of = |len: usize| message(50, &request(Type::Put, cache, Some(&put(len)))).encoded_len();
    let room = (64 << 10) - len_of(60_000) + 60_000;
    assert_eq!(len_of(room), 64 << 10);
    good.ask(&request(Type::Put, cache, Some(&put(room))))
        .await
        .unwrap();
    // What fits in can be read, and told of with the value before it, though that is longer than what may come in.
    assert_eq!(good.get(cache, "1").await.unwrap().len(), room + 3);
    good.ask(&request(Type::Put, cache, Some(&put(room))))
        .await
        .unwrap();
    assert_eq!(good.told(cache).await.len(), 2);

    let mut bad = Stream::open_with(channel, init("json")).await;
    let theirs = bad.ensure("a").await.unwrap();
    bad.send(message(50, &request(Type::Put, theirs, Some(&put(room + 1)))))
        .await;
    let status = bad.end().await;
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    assert_eq!(good.size(cache).await, 1);
}

#[tokio::test]
async fn a_stream_must_say_in_time_who_it_is() {
    let server = serve("grpc.handshake-timeout = '100ms'\n").await;
    let channel = channel(&server).await;
    let mut good = Stream::open_with(channel.clone(), init("json")).await;
    let mut silent = Stream::raw(channel.clone()).await;
    assert_eq!(silent.end().await.code(), Code::DeadlineExceeded);
    // Heartbeats do not count as a word.
    let mut beating = Stream::raw(channel).await;
    let beat = HeartbeatMessage {
        uuid: None,
        ack: true,
    };
    let beats = beating.frames.clone();
    let beater = spawn(async move {
        while beats
            .send(frame(1, proxy_request::Request::Heartbeat(beat.clone())))
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(beating.end().await.code(), Code::DeadlineExceeded);
    drop(beating);
    soon(beater).await.unwrap();
    assert!(
        good.ensure("a").await.is_ok(),
        "one that said it stays, however long it is silent"
    );
}

#[tokio::test]
async fn the_caches_and_listeners_of_a_stream_are_limited() {
    let server = serve("grpc.caches-per-stream-max = 2\ngrpc.listeners-per-stream-max = 3\n").await;
    let mut stream = Stream::open(&server).await;
    let (one, two) = (
        stream.ensure("a").await.unwrap(),
        stream.ensure("b").await.unwrap(),
    );
    let refused = stream.ensure("c").await.unwrap_err();
    assert!(
        refused.contains('2') && refused.contains("another stream"),
        "{refused}"
    );
    stream.silent(Type::Destroy, two).await.unwrap();
    let three = stream.ensure("c").await.unwrap();

    stream.listen(one, on_key("1")).await.unwrap();
    stream.listen(one, on_all(1, None)).await.unwrap();
    stream.listen(three, on_all(2, None)).await.unwrap();
    for more in [on_all(3, None), on_key("2")] {
        let refused = stream.listen(one, more).await.unwrap_err();
        assert!(refused.contains("listeners-per-stream-max"), "{refused}");
    }
    let unsubscribe = MapListenerRequest {
        subscribe: false,
        ..on_key("1")
    };
    stream.listen(one, unsubscribe).await.unwrap();
    stream.listen(one, on_all(3, None)).await.unwrap();
    stream.told.clear();
    stream.put(one, "1", "1").await;
    assert_eq!(stream.told(one).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_half_closes_gets_its_answers_and_the_end() {
    let server = serve("").await;
    let (frames, outbound) = tokio::sync::mpsc::channel(16);
    let mut client = ProxyServiceClient::new(channel(&server).await);
    let answers = client.sub_channel(tokio_stream::wrappers::ReceiverStream::new(outbound));
    let ensure = EnsureCacheRequest {
        cache: "a".to_owned(),
    };
    for frame in [
        frame(2, proxy_request::Request::Init(init("json"))),
        message(
            3,
            &NamedCacheRequest {
                cache_id: None,
                ..request(Type::EnsureCache, 0, Some(&ensure))
            },
        ),
        message(4, &request(Type::Clear, 1, NONE)),
        message(5, &request(Type::Size, 1, NONE)),
    ] {
        frames.send(frame).await.unwrap();
    }
    drop(frames);
    let mut answers = soon(answers).await.unwrap().into_inner();
    let mut ids = Vec::new();
    while let Some(answer) = soon(answers.message()).await.unwrap() {
        let last = matches!(answer.response, Some(proxy_response::Response::Complete(_)));
        ids.push((answer.id, last));
    }
    assert_eq!(
        ids,
        [
            (2, false),
            (3, false),
            (3, true),
            (4, true),
            (5, false),
            (5, true)
        ]
    );
}

#[tokio::test]
async fn silence_before_the_first_word_of_http2_is_limited() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = serve("grpc.handshake-timeout = '100ms'\n").await;
    for said in [&b""[..], b"PRI * HT"] {
        let mut connection = tokio::net::TcpStream::connect(server.grpc_address())
            .await
            .unwrap();
        connection.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        // Closed or reset; what matters is that it comes.
        let _ = soon(connection.read_to_end(&mut rest)).await;
    }
    let mut other = tokio::net::TcpStream::connect(server.grpc_address())
        .await
        .unwrap();
    other
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let _ = soon(other.read_to_end(&mut Vec::new())).await;
    assert!(Stream::open(&server).await.ensure("a").await.is_ok());
}

#[tokio::test]
async fn connections_are_limited() {
    use tokio::io::AsyncReadExt;
    let server = serve("grpc.connections-max = 2\n").await;
    let (one, two) = (channel(&server).await, channel(&server).await);
    let mut first = Stream::open_with(one, init("json")).await;
    let mut second = Stream::open_with(two, init("json")).await;
    let mut refused = tokio::net::TcpStream::connect(server.grpc_address())
        .await
        .unwrap();
    let end = soon(refused.read_to_end(&mut Vec::new())).await;
    assert!(
        matches!(end, Ok(0) | Err(_)),
        "closed at once, with no word: {end:?}"
    );
    assert!(first.ensure("a").await.is_ok() && second.ensure("a").await.is_ok());
    drop(second);
    // The place is free when the server has seen the end.
    let again = async {
        loop {
            let endpoint = Channel::from_shared(format!("http://{}", server.grpc_address())).unwrap();
            let Ok(channel) = endpoint.connect().await else {
                continue;
            };
            let (_, outbound) = tokio::sync::mpsc::channel(1);
            let mut client = ProxyServiceClient::new(channel);
            if client
                .sub_channel(tokio_stream::wrappers::ReceiverStream::new(outbound))
                .await
                .is_ok()
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
    assert!(first.ensure("b").await.is_ok());
}
