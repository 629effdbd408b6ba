//! Random queries of one member and of three, against a naive reading of agents and entries; and what is made of the
//! events of what a filter selects, against the entries.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use grid_core::cache::view::ViewPhase;
use grid_core::cache::{Cache, CacheError, Events, NamedCache, View};
use grid_core::event::CacheEvent;
use grid_core::processor::Processor;
use grid_core::query::{Aggregator, Comparator, Extractor, Filter, field};
use grid_core::store::{IndexDefinition, PageContent, TimeToLive};
use grid_core::value::{Binary, Format, Key};
use grid_member::Grid;
use grid_member::cache::{OpenCache, Question};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use crate::cluster::{end, member_of_few, settled, three};
use crate::fixture::{bounded, opened, spawned};
use crate::oracle::{self, Answers, Entry};
use crate::queries::all_of;
use crate::random_agents::{aggregator, comparator, entry_filter, key_text, stored, taken};

/// Random values by a seed that the message of a failure has: a fixed one, and one that is new each time.
struct Random(TestRunner);

impl Random {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Random(TestRunner::new_with_rng(ProptestConfig::default(), rng))
    }

    fn any<T: std::fmt::Debug>(&mut self, strategy: &impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    fn below(&mut self, count: usize) -> usize {
        self.any(&(0..count))
    }
}

fn seeds() -> [u64; 2] {
    [1, RandomState::new().hash_one(0)]
}

/// A cache at each of some members, with the same entries as the others.
struct Asked<'g> {
    grids: Vec<&'g Grid>,
    caches: Vec<Arc<OpenCache>>,
}

impl<'g> Asked<'g> {
    async fn open(grids: Vec<&'g Grid>, name: &str) -> Self {
        let mut caches = Vec::new();
        for grid in &grids {
            caches.push(opened(grid, name).await);
        }
        Asked { grids, caches }
    }

    async fn put(&self, entries: &[(Vec<u8>, Vec<u8>)]) {
        let binary = |text: &Vec<u8>| Binary::new(Format::JSON, text.clone().into());
        for (index, part) in entries.chunks(7).enumerate() {
            let entries = part
                .iter()
                .map(|(key, value)| (Key::new(binary(key)).unwrap(), binary(value)));
            let cache = &self.caches[index % self.caches.len()];
            cache
                .put_all(entries.collect(), TimeToLive::CacheDefault)
                .await
                .unwrap();
        }
    }

    async fn add(&self, definition: &IndexDefinition) {
        self.grids[0]
            .add_index(&self.caches[0], definition.clone())
            .await
            .unwrap();
    }
}

/// A question with its answers, as a naive reading gives them.
struct Expected {
    filter: Filter,
    comparator: Comparator,
    aggregator: Aggregator,
    /// In JSON: the order, and what is aggregated.
    agents: [Json; 2],
    answers: Answers,
}

impl Expected {
    fn of(random: &mut Random, entries: &[Entry]) -> Self {
        let (filter, comparator, aggregator) = random.any(&(entry_filter(0..60), comparator(), aggregator()));
        let read = |text: Vec<u8>| oracle::read(&text);
        let agents = [
            read(comparator.to_json().unwrap()),
            read(aggregator.to_json().unwrap()),
        ];
        let answers = Answers::of(&read(filter.to_json().unwrap()), &agents[1], entries);
        Expected {
            filter,
            comparator,
            aggregator,
            agents,
            answers,
        }
    }

    /// Asks a member, and compares.
    async fn check(&self, cache: &Arc<OpenCache>, context: &str) {
        let context = format!(
            "{context}: {} by {:?} of {:?}",
            self.filter, self.comparator, self.aggregator
        );
        let question = Arc::new(Question::of_filter(&self.filter).unwrap());
        let keys = keys(cache, &question).await;
        match (&self.answers.keys, &keys) {
            (Some(expected), Ok(keys)) => assert_eq!(keys, expected, "{context}"),
            (expected, keys) => {
                assert!(
                    expected.is_none() && is_invalid(keys),
                    "{context}: {keys:?} instead of {expected:?}"
                );
            }
        }
        if let Some(expected) = &self.answers.keys {
            let scatter = cache.select(question.clone(), PageContent::Entries);
            let sorted = all_of(scatter.sorted(self.comparator.clone())).await;
            let values = sorted.map(|sorted| {
                let entries = sorted.iter().map(|(key, value)| {
                    Entry::new(key.as_ref().unwrap().bytes(), value.as_ref().unwrap().bytes())
                });
                entries.collect::<Vec<_>>()
            });
            // Keys that were not asked for are not told, whether the order is one of them or not.
            let scatter = cache.select(question, PageContent::Values);
            match all_of(scatter.sorted(self.comparator.clone())).await {
                Ok(sorted) => {
                    let told: Vec<_> = sorted
                        .into_iter()
                        .map(|(key, value)| (key.is_some(), oracle::read(value.unwrap().bytes())))
                        .collect();
                    let expected = values.as_ref().unwrap().iter();
                    let expected: Vec<_> = expected.map(|entry| (false, entry.value.clone())).collect();
                    assert_eq!(told, expected, "{context}");
                }
                refused => assert!(is_invalid(&refused) && values.is_err(), "{context}: {refused:?}"),
            }
            match &values {
                Ok(values) => {
                    assert_eq!(
                        oracle::is_in_order(&self.agents[0], values),
                        Some(true),
                        "{context}"
                    );
                    assert_eq!(values.len(), expected.len(), "{context}");
                }
                Err(error) => assert!(is_invalid(&values), "{context}: {error}"),
            }
        }
        let question = Question::of_aggregator(&self.filter, &self.aggregator).unwrap();
        let answer = cache.aggregate(Arc::new(question), None).await;
        match (&self.answers.aggregated, &answer) {
            (Some(expected), Ok(answer)) => {
                let answer = oracle::read(answer.bytes());
                let same = oracle::same_answer(&self.agents[1], expected, &answer);
                assert!(same, "{context}: {answer} instead of {expected}");
            }
            (expected, answer) => {
                assert!(
                    expected.is_none() && is_invalid(answer),
                    "{context}: {answer:?} instead of {expected:?}"
                );
            }
        }
    }
}

fn is_invalid<T>(answer: &Result<T, CacheError>) -> bool {
    matches!(answer, Err(CacheError::Invalid { .. }))
}

/// The keys that are selected, in order.
async fn keys(cache: &Arc<OpenCache>, question: &Arc<Question>) -> Result<Vec<String>, CacheError> {
    let mut scatter = cache.select(question.clone(), PageContent::Keys);
    let mut keys = Vec::new();
    loop {
        let found = scatter.next().await?;
        if found.is_empty() {
            return Ok(oracle::texts(keys.into_iter()));
        }
        keys.extend(
            found
                .into_iter()
                .map(|(key, _)| oracle::read(key.unwrap().bytes())),
        );
    }
}

async fn ask(clusters: &[Vec<&Grid>], round: usize, random: &mut Random, seed: u64) {
    const QUESTIONS: usize = 30;
    let name = format!("answers-{round}");
    let entries = proptest::collection::btree_map((0..60_u8).prop_map(key_text), stored(), 0..60);
    let entries: Vec<_> = random.any(&entries).into_iter().collect();
    let read: Vec<_> = entries
        .iter()
        .map(|(key, value)| Entry::new(key, value))
        .collect();
    let mut asked = Vec::new();
    for grids in clusters {
        let cluster = Asked::open(grids.clone(), &name).await;
        cluster.put(&entries).await;
        asked.push(cluster);
    }
    let mut known: Vec<IndexDefinition> = Vec::new();
    for indexes in 0..3 {
        for _ in 0..indexes {
            let (extractor, sorted) = random.any(&(taken(), any::<bool>()));
            if known.iter().any(|known| known.is_of(&extractor)) {
                continue;
            }
            let definition = IndexDefinition {
                sorted,
                filter: (random.below(4) == 0).then(|| field("a").is_not_null()),
                ..IndexDefinition::new(extractor)
            };
            for cluster in &asked {
                cluster.add(&definition).await;
            }
            known.push(definition);
        }
        for number in 0..QUESTIONS {
            let expected = Expected::of(random, &read);
            for cluster in &asked {
                let cache = &cluster.caches[number % cluster.caches.len()];
                let context = format!(
                    "seed {seed}, {} members, {} indexes",
                    cluster.grids.len(),
                    known.len()
                );
                expected.check(cache, &context).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_and_three_answer_what_a_naive_reading_does() {
    let alone = member_of_few(1, None).await;
    let grids = three().await;
    let clusters = [vec![&alone], grids.iter().collect::<Vec<_>>()];
    let mut round = 0;
    for seed in seeds() {
        let mut random = Random::new(seed);
        for _ in 0..3 {
            round += 1;
            ask(&clusters, round, &mut random, seed).await;
        }
    }
    end(grids.into_iter().chain([alone])).await;
}

/// What entries are while they are changed, by key.
type Entries = BTreeMap<u32, Json>;

/// A value that a filter of numbers selects, or not, or cannot be evaluated on.
fn changing() -> impl Strategy<Value = Json> {
    prop_oneof![
        8 => (0..10_i64, "[ab]").prop_map(|(n, s)| json!({"n": n, "s": s})),
        1 => Just(json!({"n": "ten"})),
        1 => Just(json!({"s": "a"})),
        1 => Just(json!(null)),
    ]
}

/// Changes entries of its own, in each way that there is, until it is told to stop; what they are then.
async fn change(cache: Cache<u32, Json>, writer: u32, seed: u64, enough: CancellationToken) -> Entries {
    let mut random = Random::new(seed ^ u64::from(writer));
    let key_at = |index: usize| writer + 4 * u32::try_from(index).unwrap();
    let mut done = 0;
    while !enough.is_cancelled() || done < 200 {
        done += 1;
        let key = key_at(random.below(15));
        let value = random.any(&changing());
        match random.below(10) {
            0..4 => cache.insert(&key, &value).await.unwrap(),
            4 => drop(cache.remove(&key).await.unwrap()),
            5 => drop(cache.replace(&key, &value).await.unwrap()),
            6 => {
                let entries: Vec<_> = (0..5)
                    .map(|_| (key_at(random.below(15)), random.any(&changing())))
                    .collect();
                cache
                    .put_all(entries.iter().map(|(key, value)| (key, value)))
                    .await
                    .unwrap();
            }
            7 => {
                // It fails where there is no number.
                let _ = cache.invoke::<Json, _>(&key, &Processor::increment("n", 3)).await;
            }
            8 => {
                let put = Processor::Put {
                    filter: field("s").eq("a"),
                    value: grid_core::query::Operand::new(value.to_string().as_bytes()).unwrap(),
                    answers_current: false,
                };
                let _: Json = cache.invoke(&key, &put).await.unwrap();
            }
            _ => {
                let remove = Processor::Remove {
                    filter: field("s").eq("b"),
                    answers_current: false,
                };
                let _: Json = cache.invoke(&key, &remove).await.unwrap();
            }
        }
    }
    let mut entries = Entries::new();
    for key in (0..15).map(key_at) {
        match cache.get(&key).await.unwrap() {
            // A view that begins reads what there is, and that it cannot if the filter cannot be evaluated.
            Some(value) if value["n"].is_string() => drop(cache.remove(&key).await.unwrap()),
            Some(value) => drop(entries.insert(key, value)),
            None => {}
        }
    }
    entries
}

fn selects(filter: &Json, value: &Json) -> bool {
    let (key, value) = (None, value.clone());
    oracle::selects(filter, &Entry { key, value }).unwrap_or_default()
}

/// Makes of events what entries they leave, beside others, until it has those that come last.
async fn replay(
    mut events: Events<u32, Json>,
    filter: Json,
    last: tokio::sync::oneshot::Receiver<Entries>,
) -> usize {
    let (mut entries, mut count) = (Entries::new(), 0);
    let mut last = last.fuse();
    let mut wanted = None;
    while wanted.as_ref() != Some(&entries) {
        tokio::select! {
            biased;
            told = &mut last, if wanted.is_none() => wanted = Some(told.unwrap()),
            event = events.next() => {
                let Some(Ok(CacheEvent::Entry(event))) = event else {
                    panic!("{event:?} instead of an event");
                };
                // What was selected is known, and what was not is not.
                let before = event.old.filter(|old| selects(&filter, old));
                assert_eq!(entries.get(&event.key), before.as_ref(), "an event is missing, doubled or out of order");
                let after = event.new.filter(|new| selects(&filter, new));
                assert!(before.is_some() || after.is_some(), "an event of what is not selected");
                match after {
                    Some(new) => entries.insert(event.key, new),
                    None => entries.remove(&event.key),
                };
                count += 1;
            }
        }
    }
    let more = events.next().now_or_never();
    assert!(more.is_none(), "an event too many: {more:?}");
    count
}

/// Waits until a view shows what there is.
async fn shows(view: &View<u32, Json>, expected: &Entries) {
    let shown = || {
        let entries = view
            .entries()
            .into_iter()
            .map(|(key, value)| (*key, (*value).clone()));
        entries.collect::<Entries>()
    };
    while shown() != *expected {
        assert!(
            !matches!(view.status().phase, ViewPhase::Ended(_)),
            "{:?}",
            view.status()
        );
        tokio::task::yield_now().await;
    }
}

/// Entries of what three members and one that leaves say of changes at all of them.
async fn follow_changes(seed: u64) {
    let grids = three().await;
    let mut caches = Vec::new();
    for grid in &grids {
        caches.push(grid.cache::<u32, Json>("replayed").await.unwrap());
    }
    let filter = field("n").ge(5).or(field("s").eq("b"));
    let read = oracle::read(&filter.to_json().unwrap());
    let index = IndexDefinition::new(Extractor::path("n")).sorted();
    let open = opened(&grids[0], "replayed").await;
    grids[0].add_index(&open, index).await.unwrap();

    let (mut tell, mut replays, mut views) = (Vec::new(), Vec::new(), Vec::new());
    for cache in &caches[..2] {
        let (sender, last) = tokio::sync::oneshot::channel();
        tell.push(sender);
        let events = cache.listen_where(&filter).await.unwrap();
        replays.push(replay(events, read.clone(), last));
        views.push(cache.view(&filter).await.unwrap());
    }
    let enough = CancellationToken::new();
    let changes = (0..4_u32).map(|writer| {
        let cache = caches[writer as usize % 2].clone();
        spawned(change(cache, writer, seed, enough.clone()))
    });
    let write = async {
        let all: Entries = join_all(changes).await.into_iter().flatten().collect();
        let selected: Entries = all
            .into_iter()
            .filter(|(_, value)| selects(&read, value))
            .collect();
        for sender in tell {
            sender.send(selected.clone()).unwrap();
        }
        selected
    };
    let leave = async {
        bounded("a member leaving", grids[2].drain()).await.unwrap();
        grids[2].shutdown().await;
        settled(&[&grids[0], &grids[1]]).await;
        enough.cancel();
    };
    let all = async { tokio::join!(write, leave, join_all(replays)) };
    let (selected, (), counts) = bounded("all", Box::pin(all)).await;
    assert!(
        !selected.is_empty() && counts.iter().all(|count| *count > 100),
        "{counts:?}"
    );
    for view in &views {
        bounded("what the view shows", shows(view, &selected)).await;
    }
    // A view that begins now shows the same.
    let late = caches[1].view(&filter).await.unwrap();
    shows(&late, &selected)
        .now_or_never()
        .expect("a view shows all from the beginning");
    drop((views, late));
    let [first, second, _] = grids;
    end([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_replayed_and_views_give_the_entries() {
    for seed in seeds() {
        let followed = std::panic::AssertUnwindSafe(follow_changes(seed))
            .catch_unwind()
            .await;
        if let Err(panic) = followed {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
