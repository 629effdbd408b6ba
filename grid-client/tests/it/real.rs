//! The conformance suite against real servers, which are started by whoever runs these tests.

use grid_client::Session;
use grid_core::cache::conformance::{run_all, run_except};

use crate::fixture::Remote;

/// What Coherence CE does otherwise.
const DIFFERENCES_OF_COHERENCE: &[&str] = &[
    // It stops to report on keys when a cache is truncated: the client asks again and says `Resync`.
    "bulk::truncate_tells_once",
    // It compares objects with their fields in the order in which they were sent.
    "lookup::contains_value_compares_by_meaning",
    "listening::keys_are_told_in_any_spelling",
    "values::struct_keys_in_any_field_order",
    // It turns the least integer of 64 bits into a double.
    "values::integers_to_their_limits",
    "values::nested_values",
    // It leaves entries whose value is null out of the answer to `get_all`.
    "values::null_is_a_value",
    // It tells nothing of an entry that a listener's filter cannot be evaluated on any more: a view would keep it.
    "filtered::what_cannot_be_evaluated_leaves",
    // Its answers depend on the condition and on the order of an index.
    "indexes::a_condition_of_an_index_changes_no_answer",
    "indexes::an_order_of_an_index_changes_no_answer",
    // A search by its index of vectors fails when the best of a partition are farther than those before.
    "vectors::an_index_of_vectors_finds_what_is_alike",
    // It cannot tell what indexes there are.
    "indexes::indexes_are_told",
    "indexes::indexes_are_checked",
    "indexes::another_index_of_an_extractor_is_refused",
    // It does not know the aggregators of doubles and longs in JSON.
    "statements::aggregates_of_doubles_are_rows",
    // Its changes have no numbers.
    "numbered::who_comes_back_is_told_what_it_missed",
    "numbered::what_a_filter_leaves_out_is_passed",
    "numbered::a_view_says_how_far_it_is",
    "numbered::a_key_is_followed_alone",
    "numbered::who_follows_without_values_gets_none",
    "transformed::what_is_transformed_is_numbered",
];

async fn session(address: &str, connections: usize) -> Session {
    let builder = Session::builder().address(address).connections(connections);
    builder
        .connect()
        .await
        .unwrap_or_else(|error| panic!("no session with {address}: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_holds_the_contract() {
    let Ok(address) = std::env::var("GRID_TEST_ADDRESS") else {
        println!("not asked for: set GRID_TEST_ADDRESS to the host:port of a running grid");
        return;
    };
    for connections in [1, 3] {
        let fixture = Remote::new(session(&address, connections).await);
        run_all(&fixture).await;
        fixture.session.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coherence_holds_the_contract_but_for_known_differences() {
    let Ok(address) = std::env::var("COHERENCE_ADDRESS") else {
        println!("not asked for: set COHERENCE_ADDRESS to the host:port of a running Coherence CE");
        return;
    };
    for connections in [1, 3] {
        let fixture = Remote::new(session(&address, connections).await);
        run_except(&fixture, DIFFERENCES_OF_COHERENCE).await;
        fixture.session.close().await;
    }
}
