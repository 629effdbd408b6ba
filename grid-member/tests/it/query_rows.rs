//! Queries whose entries go where their rows go.

use std::sync::Arc;

use futures::future::join_all;
use grid_core::cache::NamedCache;
use grid_core::query::{Extractor, Filter, field};
use grid_core::store::{IndexDefinition, PageContent, RowSink};
use grid_core::value::{Binary, Format};
use grid_member::cache::{OpenCache, Question};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cluster::{end, settled, three};
use crate::fixture::{opened, spawned};

const ENTRIES: u32 = 600;

type Row = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Keeps the rows.
struct Kept {
    rows: Vec<Row>,
    is_quick: bool,
    /// What was said to come, in rows and bytes.
    reserved: (usize, usize),
}

impl RowSink for Kept {
    fn is_quick(&self) -> bool {
        self.is_quick
    }

    fn expect(&mut self, _: usize) {}

    fn reserve(&mut self, rows: usize, bytes: usize) {
        self.reserved.0 += rows;
        self.reserved.1 += bytes;
    }

    fn row(&mut self, key: Option<(Format, &[u8])>, value: Option<(Format, &[u8])>) {
        let [key, value] = [key, value].map(|part| {
            part.map(|(format, bytes)| {
                assert_eq!(format, Format::JSON);
                bytes.to_vec()
            })
        });
        self.rows.push((key, value));
    }

    fn mark(&self) -> usize {
        self.rows.len()
    }

    fn cut(&mut self, mark: usize) {
        self.rows.truncate(mark);
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The rows of a query in order, and how many of them went into the sink.
async fn rows_of(
    cache: &Arc<OpenCache>,
    filter: &Filter,
    content: PageContent,
    is_quick: bool,
) -> (Vec<Row>, usize) {
    let question = Arc::new(Question::of_filter(filter).unwrap());
    let mut scatter = cache.select(question, content);
    let (mut all, mut direct) = (Vec::new(), 0);
    while scatter.has_more() {
        let mut kept = Kept {
            rows: Vec::new(),
            is_quick,
            reserved: (0, 0),
        };
        let found = scatter.next_rows(&mut kept).await.unwrap();
        let len = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        let bytes = kept.rows.iter().map(|(key, value)| len(key) + len(value)).sum();
        // What was taken back was reserved, too.
        assert!(kept.reserved >= (kept.rows.len(), bytes));
        direct += kept.rows.len();
        all.extend(kept.rows);
        let bytes = |part: Option<Binary>| part.map(|part| part.bytes().to_vec());
        all.extend(found.into_iter().map(|(key, value)| (bytes(key), bytes(value))));
    }
    all.sort_unstable();
    (all, direct)
}

fn value(key: u32) -> Value {
    json!({"n": key, "of": key % 10, "text": "x".repeat(100)})
}

/// As [`rows_of`], of a naive reading.
fn naive(content: PageContent, wanted: impl Fn(u32) -> bool) -> Vec<Row> {
    let row = |key: u32| {
        let value = serde_json::to_vec(&value(key)).unwrap();
        let key = key.to_string().into_bytes();
        match content {
            PageContent::Keys => (Some(key), None),
            PageContent::Values => (None, Some(value)),
            PageContent::Entries => (Some(key), Some(value)),
        }
    };
    let mut rows: Vec<_> = (0..ENTRIES).filter(|key| wanted(*key)).map(row).collect();
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_entry_comes_once_as_a_row_or_as_it_is() {
    let grids = three().await;
    settled(&[&grids[0], &grids[1], &grids[2]]).await;
    let cache = grids[0].cache::<u32, Value>("people").await.unwrap();
    let index = IndexDefinition::new(Extractor::path("of"));
    cache.add_index(&index).await.unwrap();
    let entries: Vec<_> = (0..ENTRIES).map(|key| (key, value(key))).collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    for grid in &grids {
        let cache = opened(grid, "people").await;
        for content in [PageContent::Keys, PageContent::Values, PageContent::Entries] {
            let (rows, direct) = rows_of(&cache, &field("of").eq(3), content, true).await;
            assert_eq!(rows, naive(content, |key| key % 10 == 3), "{content:?}");
            // What this member serves is at hand, and nothing else is.
            assert!((1..rows.len()).contains(&direct), "{direct} of {}", rows.len());
            let (rows, direct) = rows_of(&cache, &field("of").eq(3), content, false).await;
            assert_eq!(rows, naive(content, |key| key % 10 == 3), "{content:?}");
            assert_eq!(direct, 0, "the partitions are not held for one that is slow");
            let (rows, _) = rows_of(&cache, &Filter::Always, content, true).await;
            assert_eq!(rows, naive(content, |_| true), "{content:?}");
            let (rows, _) = rows_of(&cache, &field("of").eq(11), content, true).await;
            assert_eq!(rows, [], "{content:?}");
            let limit = Filter::Limit {
                filter: Box::new(field("of").eq(3)),
                page_size: 7,
                page: 2,
            };
            let (rows, direct) = rows_of(&cache, &limit, content, true).await;
            assert_eq!((rows.len(), direct), (7, 0), "{content:?}");
        }
    }
    end(grids).await;
}

/// What waits for backups is asked again: its rows are not to be there twice, nor before others may see them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_entry_comes_once_while_it_is_written() {
    let grids = three().await;
    settled(&[&grids[0], &grids[1], &grids[2]]).await;
    let people = grids[0].cache::<u32, Value>("people").await.unwrap();
    let index = IndexDefinition::new(Extractor::path("of"));
    people.add_index(&index).await.unwrap();
    let entries: Vec<_> = (0..ENTRIES).map(|key| (key, value(key))).collect();
    people
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    let enough = CancellationToken::new();
    let writers = (0..4).map(|writer: u32| {
        let (people, enough) = (people.clone(), enough.clone());
        spawned(async move {
            while !enough.is_cancelled() {
                for key in (writer..ENTRIES).step_by(4) {
                    people.insert(&key, &value(key)).await.unwrap();
                }
            }
        })
    });
    let writing = join_all(writers);
    let reading = async {
        let wanted = naive(PageContent::Entries, |key| key % 10 == 3);
        let mut all_direct = 0;
        for turn in 0..300 {
            let cache = opened(&grids[turn % 3], "people").await;
            let (rows, direct) = rows_of(&cache, &field("of").eq(3), PageContent::Entries, true).await;
            assert!(rows == wanted, "{} rows of {}", rows.len(), wanted.len());
            all_direct += direct;
        }
        assert!(all_direct > 0, "nothing was at hand");
        enough.cancel();
    };
    tokio::join!(reading, writing);
    end(grids).await;
}
