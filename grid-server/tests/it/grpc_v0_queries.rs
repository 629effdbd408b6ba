//! Version 0: queries, processors, aggregators and indexes.

use grid_proto::v0::{
    AddIndexRequest, AggregateRequest, EntrySetRequest, InvokeAllRequest, InvokeRequest, KeySetRequest,
    PutRequest, RemoveIndexRequest, ValuesRequest,
};
use tonic::{Code, Status};

use crate::grpc_peer::{json, serve, v0};
use crate::grpc_v0_peer::{all, answer, to};

#[tokio::test]
async fn queries_without_what_they_need_are_refused() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    let filter = || json("{\"@class\":\"filter.EqualsFilter\"}");
    let refused: Vec<Status> = vec![
        client.aggregate(to!(AggregateRequest {})).await.unwrap_err(),
        client.invoke(to!(InvokeRequest {})).await.unwrap_err(),
        client.invoke_all(to!(InvokeAllRequest {})).await.unwrap_err(),
        client.add_index(to!(AddIndexRequest {})).await.unwrap_err(),
        client.remove_index(to!(RemoveIndexRequest {})).await.unwrap_err(),
        client
            .key_set(to!(KeySetRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .values(to!(ValuesRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .entry_set(to!(EntrySetRequest { filter: filter() }))
            .await
            .unwrap_err(),
        client
            .entry_set(to!(EntrySetRequest { comparator: filter() }))
            .await
            .unwrap_err(),
    ];
    for status in refused {
        assert!(
            matches!(status.code(), Code::InvalidArgument | Code::Internal),
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn entries_are_queried_processed_aggregated_and_indexed() {
    let server = serve("").await;
    let mut client = v0(&server).await;
    for age in 1..=20 {
        let (key, value) = (json(&age.to_string()), json(&format!("{{\"age\":{age}}}")));
        client.put(to!(PutRequest { key, value })).await.unwrap();
    }
    let extractor = "{\"@class\":\"extractor.UniversalExtractor\",\"name\":\"age\"}";
    let over = |age: u32| {
        json(&format!(
            "{{\"@class\":\"filter.GreaterFilter\",\"extractor\":{extractor},\"value\":{age}}}"
        ))
    };
    for indexed in [false, true] {
        if indexed {
            let request = to!(AddIndexRequest {
                extractor: json(extractor),
                sorted: true
            });
            client.add_index(request).await.unwrap();
        }
        let keys = all(client.key_set(to!(KeySetRequest { filter: over(18) })).await).await;
        let mut keys: Vec<_> = keys.unwrap().into_iter().map(|key| key.value).collect();
        keys.sort_unstable();
        assert_eq!(keys, [json("19"), json("20")]);
        let order = json(&format!(
            "{{\"@class\":\"comparator.InverseComparator\",\"comparator\":{{\"@class\":\"comparator.ExtractorComparator\",\"extractor\":{extractor}}}}}"
        ));
        let sorted = to!(ValuesRequest {
            filter: over(17),
            comparator: order
        });
        let sorted = all(client.values(sorted).await).await.unwrap();
        let sorted: Vec<_> = sorted.into_iter().map(|value| value.value).collect();
        assert_eq!(
            sorted,
            [json("{\"age\":20}"), json("{\"age\":19}"), json("{\"age\":18}")]
        );
        let aggregator = json(&format!(
            "{{\"@class\":\"aggregator.ComparableMax\",\"extractor\":{extractor}}}"
        ));
        let max = to!(AggregateRequest { aggregator });
        assert_eq!(answer(client.aggregate(max)).await.value, json("20"));
    }
    let extract = json(&format!(
        "{{\"@class\":\"processor.ExtractorProcessor\",\"extractor\":{extractor}}}"
    ));
    let one = to!(InvokeRequest {
        key: json("7"),
        processor: extract.clone()
    });
    assert_eq!(answer(client.invoke(one)).await.value, json("7"));
    let many = to!(InvokeAllRequest {
        filter: over(19),
        processor: extract
    });
    let many = all(client.invoke_all(many).await).await.unwrap();
    let many: Vec<_> = many.into_iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(many, [(json("20"), json("20"))]);
    let gone = to!(RemoveIndexRequest {
        extractor: json(extractor)
    });
    client.remove_index(gone).await.unwrap();
}
