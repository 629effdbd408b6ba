//! Version 0: what listeners are told.

use bytes::Bytes;
use grid_proto::google::Empty;
use grid_proto::v0::map_event_response::TransformationState;
use grid_proto::v0::map_listener_request::RequestType;
use grid_proto::v0::map_listener_response::ResponseType;
use grid_proto::v0::{ClearRequest, DestroyRequest, MapEventResponse, MapListenerRequest, TruncateRequest};
use tonic::Code;

use crate::grpc_peer::{json, serve, soon, v0};
use crate::grpc_v0_peer::{CACHE, Events, answer, asked, filtered, keyed, put, to_whole};

#[tokio::test]
async fn events_of_entries() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    events.listen(asked(RequestType::Init, "i")).await;
    put(&mut client, "0", "0", 0).await.unwrap();
    events.listen(filtered(5, 7)).await;
    events.listen(filtered(6, 1)).await;
    events.listen(keyed("1")).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    put(&mut client, "1", "2", 0).await.unwrap();
    put(&mut client, "2", "2", 30).await.unwrap();
    let base = MapEventResponse {
        key: json("1"),
        ..MapEventResponse::default()
    };
    let expected = MapEventResponse {
        id: 1,
        new_value: json("1"),
        filter_ids: vec![6, 5],
        ..base.clone()
    };
    assert_eq!(events.event().await, expected, "INIT alone asks for no event");
    let expected = MapEventResponse {
        id: 2,
        old_value: json("1"),
        new_value: json("2"),
        filter_ids: vec![5],
        ..base.clone()
    };
    assert_eq!(events.event().await, expected);
    assert_eq!(events.event().await.id, 1);
    let expired = events.event().await;
    let expected = MapEventResponse {
        id: 3,
        key: json("2"),
        old_value: json("2"),
        filter_ids: vec![5],
        synthetic: true,
        ..base.clone()
    };
    assert_eq!(expired, expected);
}

#[tokio::test]
async fn what_was_transformed_is_told_apart() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    events.listen(asked(RequestType::Init, "i")).await;
    events.listen(keyed("1")).await;
    let filter = r#"{"@class":"filter.MapEventTransformerFilter","transformer":{
        "@class":"util.transformer.ExtractorEventTransformer",
        "extractorOld":{"@class":"extractor.UniversalExtractor","name":"n"},
        "extractorNew":{"@class":"extractor.UniversalExtractor","name":"n"}}}"#;
    let of_n = MapListenerRequest {
        filter: json(filter),
        ..filtered(5, 7)
    };
    events.listen(of_n).await;
    put(&mut client, "1", r#"{"n":1}"#, 0).await.unwrap();
    let as_it_was = MapEventResponse {
        id: 1,
        key: json("1"),
        new_value: json(r#"{"n":1}"#),
        ..MapEventResponse::default()
    };
    assert_eq!(events.event().await, as_it_was);
    let transformed = MapEventResponse {
        new_value: json("1"),
        filter_ids: vec![5],
        transformation_state: TransformationState::Transformed as i32,
        ..as_it_was
    };
    assert_eq!(events.event().await, transformed);
}

#[tokio::test]
async fn listeners_end_and_lite_and_priming_ones_get_less() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    put(&mut client, "1", "2", 0).await.unwrap();
    for listener in [filtered(5, 7), filtered(6, 1), keyed("1")] {
        events.listen(listener).await;
    }
    let base = MapEventResponse {
        key: json("1"),
        ..MapEventResponse::default()
    };
    for listener in [filtered(5, 7), filtered(99, 7), keyed("1")] {
        let ended = MapListenerRequest {
            subscribe: false,
            ..listener
        };
        events.listen(ended).await;
    }
    events
        .listen(MapListenerRequest {
            lite: true,
            ..filtered(6, 7)
        })
        .await;
    put(&mut client, "1", "3", 0).await.unwrap();
    assert_eq!(
        events.event().await,
        MapEventResponse {
            id: 2,
            filter_ids: vec![6],
            ..base.clone()
        }
    );

    let primed = MapListenerRequest {
        priming: true,
        ..keyed("1")
    };
    let ResponseType::Event(first) = events.ask(primed).await else {
        panic!("a priming listener is told at once");
    };
    let expected = MapEventResponse {
        id: 2,
        new_value: json("3"),
        synthetic: true,
        priming: true,
        ..base.clone()
    };
    assert_eq!(first, expected);
    assert!(matches!(events.next().await, ResponseType::Subscribed(_)));
    let of_keys = MapListenerRequest {
        priming: true,
        filter: json(
            r#"{"@class":"filter.InKeySetFilter","filter":{"@class":"filter.AlwaysFilter"},"keys":[1,9]}"#,
        ),
        ..filtered(0, 7)
    };
    let ResponseType::Event(first) = events.ask(of_keys).await else {
        panic!("a priming listener with a filter of keys is told at once");
    };
    assert_eq!(first, expected);
    let ResponseType::Event(second) = events.next().await else {
        panic!("a priming listener is told of each key");
    };
    assert_eq!((second.key, second.new_value), (json("9"), Bytes::new()));
    assert!(matches!(events.next().await, ResponseType::Subscribed(_)));
}

#[tokio::test]
async fn events_of_the_cache() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let (mut events, mut others) = (Events::open(&mut client).await, Events::open(&mut client).await);
    events.listen(asked(RequestType::Init, "1")).await;
    others.listen(asked(RequestType::Init, "2")).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    client.truncate(to_whole!(TruncateRequest)).await.unwrap();
    for events in [&mut events, &mut others] {
        assert!(matches!(events.next().await, ResponseType::Truncated(told) if told.cache == CACHE));
    }
    client.destroy(to_whole!(DestroyRequest)).await.unwrap();
    for events in [&mut events, &mut others] {
        assert!(matches!(events.next().await, ResponseType::Destroyed(told) if told.cache == CACHE));
        assert_eq!(
            soon(events.answers.message()).await.unwrap(),
            None,
            "the stream ends well with its cache"
        );
    }
}

/// Requests to listen that must be refused, with the code of the refusal.
fn bad_listeners() -> Vec<(MapListenerRequest, Code)> {
    let base = || filtered(1, 7);
    vec![
        (
            MapListenerRequest {
                cache: String::new(),
                ..asked(RequestType::Init, "u")
            },
            Code::InvalidArgument,
        ),
        (MapListenerRequest { r#type: 77, ..base() }, Code::InvalidArgument),
        (
            MapListenerRequest {
                filter_id: 0,
                ..base()
            },
            Code::InvalidArgument,
        ),
        (
            MapListenerRequest {
                filter_id: -1,
                ..base()
            },
            Code::InvalidArgument,
        ),
        (
            MapListenerRequest {
                filter: json("{"),
                ..base()
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                filter: json("{\"@class\":\"filter.NotFilter\"}"),
                ..base()
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                priming: true,
                ..base()
            },
            Code::Unimplemented,
        ),
        (
            MapListenerRequest {
                trigger: json("1"),
                ..base()
            },
            Code::Unimplemented,
        ),
        (
            MapListenerRequest {
                key: Bytes::new(),
                ..keyed("1")
            },
            Code::Internal,
        ),
        (
            MapListenerRequest {
                cache: "other".to_owned(),
                ..base()
            },
            Code::InvalidArgument,
        ),
    ]
}

#[tokio::test]
async fn bad_requests_on_a_stream_of_events_are_answered_and_it_goes_on() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let mut events = Events::open(&mut client).await;
    for (request, code) in bad_listeners() {
        let uid = request.uid.clone();
        let ResponseType::Error(error) = events.ask(request.clone()).await else {
            panic!("{request:?} is no error");
        };
        assert_eq!(
            (error.uid, error.code),
            (uid, code as i32),
            "{request:?}: {}",
            error.message
        );
    }
    events.listen(filtered(1, 7)).await;
    put(&mut client, "1", "1", 0).await.unwrap();
    assert_eq!(events.event().await.filter_ids, [1]);
    assert_eq!(answer(client.clear(to_whole!(ClearRequest))).await, Empty {});
}
