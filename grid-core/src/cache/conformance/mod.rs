//! The conformance suite of [`NamedCache`]: what every kind of cache and every way of access must hold.
//!
//! An implementation writes a [`Fixture`] and calls [`run_all`] in its tests. Each case is a function of its own that
//! opens caches of its own, and panics when the contract is broken. Nothing sleeps: time passes through
//! [`Fixture::pass_time`], and whatever must come on its own (an event, the end of a stream) is waited for with a bound.
//!
//! # Null
//!
//! A value that is JSON null (`None` of an `Option`) is a value: its key is present, counted, listed, and read as
//! `Some(None)`. But an answer of the client protocol is empty both for null and for nothing, so what `put`, `remove` and
//! `replace` return for a null before, and the old and new value of an event, may be `None` as well as `Some(None)`.
//! The suite asks only that they are one of the two. Conditions on null (`put_if_absent` over one) are left open.

#![expect(
    clippy::missing_panics_doc,
    reason = "every case panics when the contract that it names is broken"
)]

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CacheBackend, NamedCache};

pub mod aggregation;
pub mod atomic;
pub mod bulk;
pub mod conditional;
pub mod expiry;
pub mod filtered;
pub mod indexes;
pub mod invocation;
pub mod lifecycle;
pub mod listening;
pub mod lookup;
pub mod numbered;
pub mod paging;
pub mod queries;
pub mod selections;
pub mod statements;
pub mod transformed;
pub mod values;
pub mod vectors;
pub mod views;
mod wait;
pub mod write;

/// How long one case may take.
const CASE_BOUND: Duration = Duration::from_secs(120);

/// A type that a cache of any kind can have as key or value.
pub trait Item: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Item for T {}

/// What the suite needs of an implementation and of the runtime that it runs on.
///
/// On tokio, [`deadline`](Fixture::deadline) is `tokio::time::sleep`, and [`spawn`](Fixture::spawn) spawns and awaits the
/// handle.
pub trait Fixture: Sync {
    /// The caches under test.
    type Cache<K: Item, V: Item>: NamedCache<K, V> + Clone + 'static;

    /// Opens the cache of this name; panics when that fails. Two calls with one name give two independent handles on
    /// one cache, which may differ in their types. A name that the suite opens first must be one of an empty cache.
    fn open<K: Item, V: Item>(&self, name: &str) -> impl Future<Output = Self::Cache<K, V>> + Send;

    /// The cache of this name in bytes, on the same terms.
    fn backend(&self, name: &str) -> impl Future<Output = Arc<dyn CacheBackend>> + Send;

    /// Lets this much time pass for the caches' times to live, and the second more within which the end of an entry is
    /// told. Where time passes by itself this returns at once: what should expire is waited for.
    fn pass_time(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Resolves after this much real time: the bound of a wait, never a wait itself.
    fn deadline(&self, after: Duration) -> impl Future<Output = ()> + Send;

    /// Runs a task beside the others, on another thread if there is one, and gives its result.
    fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) -> impl Future<Output = T> + Send
    where
        T: Send + 'static;
}

/// Runs cases one after the other, and keeps what failed.
struct Report<'a> {
    skipped: &'a [&'a str],
    not_found: Vec<&'a str>,
    ran: usize,
    failures: Vec<String>,
}

impl Report<'_> {
    async fn run<F: Fixture>(&mut self, fixture: &F, name: &str, case: impl Future<Output = ()>) {
        self.not_found.retain(|skipped| *skipped != name);
        if self.skipped.contains(&name) {
            return;
        }
        self.ran += 1;
        let bounded = wait::within(fixture, CASE_BOUND, "the end of the case", Box::pin(case));
        if let Err(panic) = AssertUnwindSafe(bounded).catch_unwind().await {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            self.failures.push(format!(
                "{name}: {}",
                text.unwrap_or("panicked without a message")
            ));
        }
    }
}

macro_rules! run_cases {
    ($report:ident, $fixture:ident; $($module:ident { $($case:ident),* $(,)? })*) => {
        $($(
            let name = concat!(stringify!($module), "::", stringify!($case));
            $report.run($fixture, name, $module::$case($fixture)).await;
        )*)*
    };
}

/// Runs every case.
///
/// # Panics
/// When cases fail, after all of them ran; the message names each and says why.
pub async fn run_all<F: Fixture>(fixture: &F) {
    run_except(fixture, &[]).await;
}

/// Runs every case but those named (as `module::case`), for a system that is known to do otherwise.
///
/// # Panics
/// When cases fail, after all of them ran, or a name is none of a case.
pub async fn run_except<F: Fixture>(fixture: &F, skipped: &[&str]) {
    let mut report = Report {
        skipped,
        not_found: skipped.to_vec(),
        ran: 0,
        failures: Vec::new(),
    };
    run_plain(&mut report, fixture).await;
    run_asking(&mut report, fixture).await;
    assert!(
        report.not_found.is_empty(),
        "there are no cases named {:?}",
        report.not_found
    );
    let failed = report.failures.len();
    assert!(
        failed == 0,
        "{failed} of {} cases failed:\n{}",
        report.ran,
        report.failures.join("\n")
    );
}

/// The cases of entries, by their keys.
async fn run_plain<F: Fixture>(report: &mut Report<'_>, fixture: &F) {
    run_cases! { report, fixture;
        lookup {
            get_finds_what_was_put, get_all_leaves_out_the_missing, get_all_of_many_keys, get_or_does_not_write,
            contains_key_tells_presence, contains_value_compares_by_meaning, a_borrowed_key_finds_its_entry,
        }
        write {
            put_returns_the_value_before, insert_writes, put_all_writes_every_entry, remove_returns_the_value,
            a_missing_key_is_removed_without_harm, two_handles_share_the_entries, two_names_are_two_caches,
        }
        conditional {
            put_if_absent_keeps_what_is_there, replace_needs_an_entry, replace_if_equal_compares,
            remove_if_equal_compares, equality_ignores_field_order, one_of_many_wins_put_if_absent,
        }
        atomic {
            compute_inserts_updates_and_removes, compute_loses_no_increment, merge_inserts_joins_and_removes,
            merge_loses_no_increment,
        }
        expiry {
            an_expired_entry_is_gone_and_told_on_its_own, insert_with_ttl_expires, put_all_with_ttl_expires,
            a_put_without_ttl_resets_it, a_later_ttl_replaces_an_earlier_one, a_ttl_below_a_millisecond_is_refused,
            a_long_ttl_does_not_hide_the_entry, an_expired_key_is_free_again,
        }
        bulk {
            size_counts_entries, clear_tells_each_entry, clear_of_an_empty_cache, truncate_tells_once,
            the_cache_goes_on_after_truncate,
        }
        lifecycle {
            destroy_ends_streams_and_handles, a_destroyed_cache_opens_again_empty, release_ends_the_handle_alone,
            the_name_is_the_one_opened,
        }
        paging {
            keys_values_and_entries_of_an_empty_cache, keys_come_once, values_come_once, entries_come_once,
            large_entries_come_once, a_stable_entry_comes_once_under_change, a_stream_can_be_left_early,
        }
        listening {
            events_tell_what_happened, events_come_in_order, a_key_listener_hears_of_its_key_alone,
            a_key_listener_hears_of_an_absent_key, lite_events_have_no_values, several_listeners_hear_the_same,
            a_dropped_listener_leaves_the_others, what_changes_nothing_is_not_told, a_listener_hears_other_handles,
            bulk_writes_are_told_one_by_one, every_change_after_listen_is_heard, keys_are_told_in_any_spelling,
        }
        values {
            texts_of_any_script, integers_to_their_limits, doubles_to_their_limits, a_double_that_is_no_number_is_refused,
            a_large_value, nested_values, struct_keys_in_any_field_order, null_is_a_value, absent_members,
            keys_of_one_meaning_and_other_types, a_value_of_another_type_is_an_error,
        }
    }
}

/// The cases of what is asked of entries, by what is in them.
async fn run_asking<F: Fixture>(report: &mut Report<'_>, fixture: &F) {
    run_cases! { report, fixture;
        queries {
            a_filter_selects, nothing_and_everything_are_selected, what_is_sorted_comes_in_order,
            pages_of_a_limit_are_parts_of_the_whole,
            what_stays_comes_once_under_change, a_large_answer_waits_for_its_reader, a_query_can_be_left_early,
            a_filter_that_cannot_be_evaluated_is_an_error,
        }
        aggregation {
            answers_are_of_the_type_asked_for, some_entries_are_aggregated, nothing_is_aggregated,
            a_wrong_type_is_an_error,
        }
        vectors {
            the_closest_come_in_order, what_is_searched_is_selected, other_vectors_are_errors,
            an_index_of_vectors_finds_what_is_alike,
        }
        indexes {
            an_index_changes_no_answer, a_condition_of_an_index_changes_no_answer, an_order_of_an_index_changes_no_answer, indexes_are_told, indexes_are_checked,
            another_index_of_an_extractor_is_refused,
        }
        statements {
            a_statement_gives_rows, entries_keys_and_values_are_rows, aggregates_are_rows,
            aggregates_of_doubles_are_rows, plans_are_explained,
            a_wrong_statement_is_an_error,
        }
        invocation {
            a_processor_changes_and_answers, an_absent_entry_is_seen, one_that_fails_changes_nothing,
            processors_lose_no_increment, each_key_has_its_answer, what_a_filter_selects_is_worked_on,
            removing_by_filter,
        }
        filtered {
            a_filter_selects_events, changes_of_a_property_are_told, kinds_of_events_are_told_apart, a_filter_looks_at_values_that_are_not_told,
            listeners_of_all_sorts_stand_side_by_side, what_cannot_be_evaluated_leaves,
            a_primed_listener_begins_with_what_is_there,
        }
        transformed {
            a_transformer_is_heard_by_its_listener_alone, values_of_another_type_are_told,
            a_value_that_is_left_out_is_none, what_is_transformed_is_numbered,
        }
        views {
            a_view_follows_its_cache, a_view_of_what_is_extracted, views_under_writers_come_to_what_there_is,
            a_view_outlives_a_truncation, a_view_says_why_it_ends, a_view_of_keys_alone,
            what_is_extracted_enters_and_leaves, who_listens_to_a_view_hears_what_it_asked_for,
        }
        selections {
            what_is_asked_for_again_is_answered_from_the_copy, selections_are_told_apart,
            what_is_beyond_the_limits_is_let_go, one_opens_for_all_who_ask, what_has_ended_is_made_anew,
        }
        numbered {
            who_comes_back_is_told_what_it_missed, what_a_filter_leaves_out_is_passed, a_view_says_how_far_it_is,
            a_key_is_followed_alone, who_follows_without_values_gets_none,
        }
    }
}
