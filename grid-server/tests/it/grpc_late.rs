//! What a version 1 stream does while the outcomes of its requests are on their way.

use std::collections::HashMap;

use bytes::Bytes;
use grid_core::cache::{Applied, CacheError, Unavailability};
use grid_proto::google::{BytesValue, Int32Value};
use grid_proto::v1::cache::{
    MapListenerRequest, NamedCacheRequestType as Type, PutAllRequest, QueryRequest, ReplaceMappingRequest,
};
use grid_proto::v1::common::{CollectionOfBytesValues, OptionalValue};
use grid_server::grpc::GrpcOptions;
use proptest::prelude::*;
use tonic::Code;

use crate::grpc_peer::{bytes_value, json, on_all, on_key, pair, request};
use crate::late_line::{Line, Said, answered, carried};

fn value_of(all: &[Said], id: i64) -> Option<Bytes> {
    let value: OptionalValue = carried(all, id);
    value.present.then_some(value.value)
}

async fn line() -> Line {
    Line::open(GrpcOptions::default()).await
}

#[tokio::test]
async fn answers_of_different_keys_overtake_each_other() {
    let mut line = line().await;
    let (put, get, other_cache) = (line.put(1, "1", "10"), line.get(1, "2"), line.get(2, "1"));
    assert_eq!(line.step(), []);
    assert_eq!(line.gate.held(), [Type::Put, Type::Get, Type::Get]);
    line.gate.release(2);
    assert_eq!(answered(&line.step()), [other_cache]);
    line.gate.release(1);
    assert_eq!(answered(&line.step()), [get]);
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [put]);
    assert_eq!(carried::<BytesValue>(&said, put).value, json("null"));
}

#[tokio::test]
async fn requests_on_a_key_take_turns() {
    let mut line = line().await;
    let put = line.put(1, r#"{"a":1,"b":2}"#, "10");
    // The same key in another spelling, of the same cache under another number.
    let get = line.get(3, r#"{ "b": 2, "a": 1 }"#);
    let next = line.get(1, "7");
    assert_eq!(line.step(), []);
    assert_eq!(
        line.gate.held(),
        [Type::Put, Type::Get],
        "a request that is held back holds up no other"
    );
    line.gate.release(1);
    assert_eq!(answered(&line.step()), [next]);
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [put]);
    assert_eq!(line.gate.held(), [Type::Get]);
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [get]);
    assert_eq!(value_of(&said, get), Some(json("10")));
}

#[tokio::test]
async fn those_that_wait_for_a_key_keep_their_order_and_count() {
    let mut line = Line::open(GrpcOptions {
        requests_in_flight_max: 5,
        ..GrpcOptions::default()
    })
    .await;
    let puts: Vec<_> = (1..=4)
        .map(|value| line.put(1, "1", &value.to_string()))
        .collect();
    let other = line.get(1, "2");
    let beyond = line.get(1, "3");
    let size = line.plain(Type::Size);
    assert_eq!(line.step(), []);
    assert_eq!(line.gate.held(), [Type::Put, Type::Get]);
    assert_eq!(line.taken(), 5, "what is held back counts too");
    line.gate.release(1);
    assert_eq!(answered(&line.step()), [other]);
    assert_eq!(line.gate.held(), [Type::Put, Type::Get]);
    line.gate.release(1);
    assert_eq!(answered(&line.step()), [beyond]);
    for (put, before) in puts.into_iter().zip(["null", "1", "2", "3"]) {
        assert_eq!(line.gate.held(), [Type::Put], "the whole waits for all of them");
        line.gate.release(0);
        let said = line.step();
        assert_eq!(answered(&said), [put]);
        assert_eq!(carried::<BytesValue>(&said, put).value, json(before));
    }
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [size]);
}

#[tokio::test]
async fn a_held_request_goes_on_when_its_key_is_free_though_others_are_not() {
    let mut line = line().await;
    let (first, other, second) = (
        line.put(1, "1", "10"),
        line.put(1, "2", "20"),
        line.remove(1, "1"),
    );
    assert_eq!(line.step(), []);
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [first]);
    assert_eq!(line.gate.held(), [Type::Put, Type::Remove]);
    line.gate.release(1);
    let said = line.step();
    assert_eq!(answered(&said), [second]);
    assert_eq!(carried::<BytesValue>(&said, second).value, json("10"));
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [other]);
}

#[tokio::test]
async fn every_request_on_one_key_goes_beside_others() {
    let mut line = line().await;
    let key = |n: i32| json(&n.to_string());
    let put = |n| grid_proto::v1::cache::PutRequest {
        key: key(n),
        value: json("1"),
        ttl: None,
    };
    let both = |n: i32| pair(&n.to_string(), "1");
    let swap = ReplaceMappingRequest {
        key: key(6),
        previous_value: json("1"),
        new_value: json("2"),
    };
    let requests = [
        request(Type::Get, 1, Some(&bytes_value(key(0)))),
        request(Type::Put, 1, Some(&put(1))),
        request(Type::PutIfAbsent, 1, Some(&put(2))),
        request(Type::Remove, 1, Some(&bytes_value(key(3)))),
        request(Type::RemoveMapping, 1, Some(&both(4))),
        request(Type::Replace, 1, Some(&both(5))),
        request(Type::ReplaceMapping, 1, Some(&swap)),
        request(Type::ContainsKey, 1, Some(&bytes_value(key(7)))),
        request(Type::ContainsEntry, 1, Some(&both(8))),
    ];
    let ids: Vec<_> = requests.iter().map(|request| line.ask(request)).collect();
    assert_eq!(line.step(), []);
    assert_eq!(line.gate.held().len(), requests.len());
    for id in ids.iter().rev() {
        line.gate.release(line.gate.held().len() - 1);
        assert_eq!(answered(&line.step()), [*id]);
    }
}

#[tokio::test]
async fn a_request_on_more_than_a_key_waits_and_is_alone() {
    let keys = CollectionOfBytesValues {
        values: vec![json("1"), json("2")],
    };
    let entries = |len: i32| PutAllRequest {
        entries: (0..len).map(|n| pair(&n.to_string(), "0")).collect(),
        ttl: None,
    };
    let priming = MapListenerRequest {
        priming: true,
        ..on_key("1")
    };
    let mut ensure = request(
        Type::EnsureCache,
        0,
        Some(&grid_proto::v1::cache::EnsureCacheRequest {
            cache: "c".to_owned(),
        }),
    );
    ensure.cache_id = None;
    let query = QueryRequest::default();
    let value = bytes_value(json("1"));
    let plain = |kind| request::<BytesValue>(kind, 1, None);
    let wholes = [
        (true, ensure),
        (true, plain(Type::Size)),
        (true, plain(Type::IsEmpty)),
        (false, plain(Type::IsReady)),
        (true, plain(Type::PageOfKeys)),
        (true, plain(Type::PageOfEntries)),
        (true, plain(Type::Clear)),
        (true, request(Type::GetAll, 1, Some(&keys))),
        (true, request(Type::PutAll, 1, Some(&entries(3)))),
        (true, request(Type::PutAll, 1, Some(&entries(300)))),
        (true, request(Type::QueryEntries, 1, Some(&query))),
        (true, request(Type::QueryKeys, 1, Some(&query))),
        (true, request(Type::ContainsValue, 1, Some(&value))),
        (false, request(Type::MapListener, 1, Some(&on_all(1, None)))),
        (true, request(Type::MapListener, 1, Some(&priming))),
        (false, request(Type::Aggregate, 1, Some(&value))),
        (true, plain(Type::Truncate)),
        (true, plain(Type::Destroy)),
    ];
    for (asks, whole) in wholes {
        let kind = whole.r#type();
        let mut line = line().await;
        let (before, id, after) = (line.get(1, "1"), line.ask(&whole), line.get(2, "2"));
        assert_eq!(line.step(), [], "{kind:?}");
        assert_eq!(line.gate.asked(), [Type::Get], "{kind:?} waits");
        line.gate.release(0);
        let mut said = if asks {
            let mut said = line.until(|_, gate| gate.held() == [kind]).await;
            // The events of what it did come at once.
            said.extend(line.step());
            assert_eq!(answered(&said), [before], "{kind:?} is alone");
            assert_eq!(line.gate.asked(), [kind], "{kind:?} is alone");
            line.gate.release(0);
            said
        } else {
            Vec::new()
        };
        said.extend(line.until(|_, gate| gate.held() == [Type::Get]).await);
        line.gate.release(0);
        said.extend(line.step());
        assert_eq!(answered(&said), [before, id, after], "{kind:?}: {said:?}");
    }
}

#[tokio::test]
async fn an_answer_of_several_parts_is_waited_for_part_by_part() {
    let mut line = line().await;
    line.gate.close(false);
    let entries = (0..300).map(|n| pair(&n.to_string(), "0")).collect();
    line.ask(&request(
        Type::PutAll,
        1,
        Some(&PutAllRequest { entries, ttl: None }),
    ));
    line.until(|said, _| !answered(said).is_empty()).await;
    line.gate.close(true);
    line.gate.asked();
    let values = (0..300).map(|n| json(&n.to_string())).collect();
    let id = line.ask(&request(
        Type::GetAll,
        1,
        Some(&CollectionOfBytesValues { values }),
    ));
    let mut said = line.step();
    for _ in 0..3 {
        assert_eq!(line.gate.held(), [Type::GetAll]);
        line.gate.release(0);
        said.extend(line.step());
    }
    assert_eq!(line.gate.asked(), [Type::GetAll; 3]);
    assert_eq!(answered(&said), [id]);
    assert_eq!(said.len(), 301);
    // One that fails on the way.
    let id = line.ask(&request(Type::QueryKeys, 1, Some(&QueryRequest::default())));
    assert_eq!(line.step(), []);
    line.gate
        .fail(0, CacheError::OwnerChanged { applied: Applied::No });
    let said = line.step();
    assert!(
        matches!(&said[..], [Said::Error(of, words)] if *of == id && words.contains("do it again")),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_happened_before_an_answer_is_told_before_it() {
    let mut line = line().await;
    let listening = line.ask(&request(Type::MapListener, 1, Some(&on_all(1, None))));
    assert_eq!(answered(&line.step()), [listening]);
    let put = line.put(1, "1", "10");
    let said = line.step();
    assert!(
        matches!(&said[..], [Said::Event(_)]),
        "its own event need not wait: {said:?}"
    );
    let get = line.get(1, "2");
    assert_eq!(line.step(), []);
    // Between two looks of the session, another changes an entry and both replies come.
    line.another_puts("2", "20").await;
    line.gate.release(1);
    line.gate.release(0);
    let said = line.step();
    assert!(
        matches!(&said[0], Said::Event(event) if event.key == json("2")),
        "{said:?}"
    );
    let mut order = answered(&said);
    order.sort_unstable();
    assert_eq!(order, [put, get]);
}

#[tokio::test]
async fn events_wait_for_the_value_of_a_priming_listener() {
    let mut line = line().await;
    let listener = MapListenerRequest {
        priming: true,
        ..on_key("1")
    };
    let listening = line.ask(&request(Type::MapListener, 1, Some(&listener)));
    assert_eq!(line.step(), []);
    line.another_puts("1", "10").await;
    assert_eq!(line.step(), [], "the event is younger than the value");
    line.gate.release(0);
    let said = line.step();
    assert!(
        matches!(
            &said[..],
            [Said::Event(prime), Said::Event(event), Said::Complete(id)]
                if prime.priming && prime.new_value == json("null") && !event.priming && *id == listening
        ),
        "{said:?}"
    );
    line.another_puts("1", "11").await;
    assert!(matches!(&line.step()[..], [Said::Event(_)]));
}

#[tokio::test]
async fn as_many_requests_are_in_flight_as_allowed() {
    let mut line = Line::open(GrpcOptions {
        requests_in_flight_max: 4,
        ..GrpcOptions::default()
    })
    .await;
    for key in 0..10 {
        line.get(1, &key.to_string());
    }
    assert_eq!(line.step(), []);
    assert_eq!((line.gate.held().len(), line.taken()), (4, 4));
    line.gate.release(2);
    assert_eq!(answered(&line.step()), [3]);
    assert_eq!((line.gate.held().len(), line.taken()), (4, 5));
    let mut all = 1;
    while !line.gate.held().is_empty() {
        line.gate.release(0);
        all += answered(&line.step()).len();
        assert!(line.gate.held().len() <= 4);
    }
    assert_eq!(all, 10);
}

#[tokio::test]
async fn requests_in_flight_have_a_limit_of_bytes() {
    let mut line = Line::open(GrpcOptions {
        message_len_max: 2_000,
        ..GrpcOptions::default()
    })
    .await;
    let value = format!("\"{}\"", "x".repeat(900));
    for key in 0..5 {
        line.put(1, &key.to_string(), &value);
    }
    assert_eq!(line.step(), []);
    assert_eq!(
        line.gate.held().len(),
        3,
        "the third is the one that reaches the limit"
    );
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [1]);
    assert_eq!(line.gate.held().len(), 3);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from() {
    let mut line = line().await;
    for key in 0..4 {
        line.get(1, &key.to_string());
    }
    assert_eq!(line.step(), []);
    for _ in 0..4 {
        line.gate.release(0);
    }
    for key in 4..8 {
        line.get(1, &key.to_string());
    }
    // A part and a complete for each of the four; the next request is taken after the last of them at the earliest.
    for _ in 0..7 {
        assert!(line.read_one().is_some());
        assert_eq!(line.taken(), 4);
    }
    assert!(line.read_one().is_some());
    assert!(line.read_one().is_none());
    assert_eq!(line.taken(), 8);
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_took() {
    let mut line = line().await;
    let (put, other, held) = (line.put(1, "1", "10"), line.get(1, "2"), line.get(1, "1"));
    assert_eq!(line.step(), []);
    line.gate.release(1);
    assert_eq!(answered(&line.step()), [other]);
    // The session looks at its client again, and is told to stop.
    line.gate.release(0);
    line.stop.cancel();
    let said = line.until(|_, gate| gate.held() == [Type::Get]).await;
    assert_eq!(answered(&said), [put]);
    let never = line.get(1, "3");
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [held], "{never} was not taken");
    assert_eq!(value_of(&said, held), Some(json("10")));
    assert_eq!(said.last(), Some(&Said::End(Some(Code::Unavailable))));
}

#[tokio::test]
async fn a_stop_while_requests_are_in_flight_takes_no_more() {
    let mut line = line().await;
    let id = line.get(1, "1");
    assert_eq!(line.step(), []);
    line.stop.cancel();
    assert_eq!(line.step(), [], "what is in flight is waited for");
    line.get(1, "2");
    assert_eq!(line.step(), []);
    assert_eq!(line.taken(), 1);
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [id]);
    assert_eq!(said.last(), Some(&Said::End(Some(Code::Unavailable))));
}

#[tokio::test]
async fn the_end_of_the_requests_leaves_no_answer_out() {
    let mut line = line().await;
    let (first, second, held) = (line.get(1, "1"), line.get(1, "2"), line.get(1, "1"));
    line.end_of_requests();
    assert_eq!(line.step(), []);
    line.gate.release(1);
    line.gate.release(0);
    let mut said = line.step();
    line.gate.release(0);
    said.extend(line.step());
    let mut order = answered(&said);
    assert_eq!(order.pop(), Some(held));
    order.sort_unstable();
    assert_eq!(order, [first, second]);
    assert_eq!(said.last(), Some(&Said::End(None)));
}

#[tokio::test]
async fn a_frame_that_ends_the_stream_waits_for_the_answers() {
    let mut line = line().await;
    let id = line.get(1, "1");
    line.send_bytes(vec![0xff; 5]);
    let never = line.get(1, "2");
    assert_eq!(line.step(), []);
    line.gate.release(0);
    let said = line.step();
    assert_eq!(answered(&said), [id], "{never} comes too late");
    assert_eq!(said.last(), Some(&Said::End(Some(Code::InvalidArgument))));
}

#[tokio::test]
async fn a_session_that_is_dropped_waits_for_nothing_more() {
    let mut line = line().await;
    line.get(1, "1");
    line.put(1, "2", "0");
    assert_eq!(line.step(), []);
    assert_eq!(line.gate.abandoned(), 0);
    line.hang_up();
    assert_eq!(line.gate.abandoned(), 2);
}

#[tokio::test]
async fn an_error_that_comes_late_says_whether_the_change_was_made() {
    let mut line = line().await;
    let (put, next) = (line.put(1, "1", "10"), line.get(1, "1"));
    assert_eq!(line.step(), []);
    let (reason, applied) = (Unavailability::Quorum, Applied::Unknown);
    line.gate.fail(0, CacheError::Unavailable { reason, applied });
    let said = line.step();
    let [Said::Error(id, words)] = &said[..] else {
        panic!("no refusal: {said:?}");
    };
    assert_eq!(*id, put);
    let read = CacheError::from_words(words);
    assert!(
        matches!(
            read,
            Some(CacheError::Unavailable {
                reason: Unavailability::Quorum,
                applied: Applied::Unknown
            })
        ),
        "{words}"
    );
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [next]);
}

#[tokio::test]
async fn requests_are_counted_when_they_are_answered() {
    let mut line = line().await;
    let counts = |line: &Line, kind: Type| {
        let all = line.edge.metrics().requests();
        let counts = all.iter().find(|counts| counts.name == kind.as_str_name());
        counts.map_or((0, 0), |counts| (counts.done, counts.refused))
    };
    line.put(1, "1", "0");
    line.put(1, "2", "0");
    line.put(1, "2", "1");
    line.plain(Type::Size);
    assert_eq!(line.step(), []);
    assert_eq!(counts(&line, Type::Put), (0, 0));
    line.gate.fail(0, CacheError::ShuttingDown);
    line.gate.release(0);
    line.step();
    assert_eq!(counts(&line, Type::Put), (1, 1));
    line.gate.release(0);
    line.step();
    assert_eq!(counts(&line, Type::Put), (2, 1));
    assert_eq!(
        (line.gate.held(), counts(&line, Type::Size)),
        (vec![Type::Size], (0, 0))
    );
    line.gate.release(0);
    let said = line.step();
    assert_eq!(carried::<Int32Value>(&said, 4).value, 2);
    assert_eq!(counts(&line, Type::Size), (1, 0));
}

#[tokio::test]
async fn a_cache_that_is_opened_late_has_its_number_when_the_next_request_comes() {
    let mut line = line().await;
    line.ensure("c");
    let id = line.get(4, "1");
    assert_eq!(line.step(), []);
    assert_eq!(line.taken(), 1);
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [1]);
    line.gate.release(0);
    assert_eq!(answered(&line.step()), [id]);
    line.ensure("d");
    line.get(5, "1");
    assert_eq!(line.step(), []);
    line.gate.fail(0, CacheError::ShuttingDown);
    let said = line.step();
    assert!(
        matches!(&said[..], [Said::Error(3, _), Said::Error(4, words)] if words.contains("No cache proxy exists for id 5")),
        "{said:?}"
    );
}

/// A request of a random client.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Put(u8),
    Get(u8),
    Remove(u8),
    Size,
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => (0..5u8).prop_map(Asked::Put),
        4 => (0..5u8).prop_map(Asked::Get),
        2 => (0..5u8).prop_map(Asked::Remove),
        1 => Just(Asked::Size),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// However late and in whatever order the replies come, each request sees what those before it on its key did.
    #[test]
    fn replies_in_any_order_make_the_answers_of_a_client_that_waits(
        requests in proptest::collection::vec(asked(), 1..40),
        releases in proptest::collection::vec(any::<u16>(), 40),
        in_flight_max in 1..8usize,
        late in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options = GrpcOptions { requests_in_flight_max: in_flight_max, ..GrpcOptions::default() };
            let mut line = Line::open(options).await;
            let (mut said, mut model, mut expected) = (Vec::new(), HashMap::new(), Vec::new());
            let mut releases = releases.into_iter().map(usize::from).cycle();
            for (n, asked) in requests.into_iter().enumerate() {
                // Some replies are there at once.
                line.gate.close(late >> (n % 64) & 1 == 1);
                let value = |n: usize| n.to_string();
                let (id, answer) = match asked {
                    Asked::Put(key) => (line.put(1, &key.to_string(), &value(n)), model.insert(key, n).map(value)),
                    Asked::Get(key) => (line.get(1, &key.to_string()), model.get(&key).copied().map(value)),
                    Asked::Remove(key) => (line.remove(1, &key.to_string()), model.remove(&key).map(value)),
                    Asked::Size => (line.plain(Type::Size), Some(model.len().to_string())),
                };
                expected.push((id, asked, answer));
                said.extend(line.step());
                let held = line.gate.held().len();
                assert!(held <= in_flight_max);
                if held > 0 && releases.next().unwrap_or(0) % 3 == 0 {
                    line.gate.release(releases.next().unwrap_or(0) % held);
                    said.extend(line.step());
                }
            }
            while !line.gate.held().is_empty() {
                line.gate.release(releases.next().unwrap_or(0) % line.gate.held().len());
                said.extend(line.step());
            }
            assert_eq!(answered(&said).len(), expected.len());
            for (id, asked, answer) in expected {
                let got = match asked {
                    Asked::Get(_) => value_of(&said, id),
                    Asked::Size => Some(json(&carried::<Int32Value>(&said, id).value.to_string())),
                    Asked::Put(_) | Asked::Remove(_) => {
                        Some(carried::<BytesValue>(&said, id).value).filter(|value| *value != json("null"))
                    }
                };
                assert_eq!(got, answer.map(|text| json(&text)), "{id} {asked:?}");
            }
        });
    }
}
