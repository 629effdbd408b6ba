//! What a repository promises, over a cache and a database that fail when told to.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join;
use futures::stream::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, NamedCache};

use super::memory_backend::{Failing, MemoryBackend};
use super::{Entity, EntityStore, Ref, Repository, RepositoryError, RepositoryStatistics};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Book {
    isbn: u32,
    title: String,
    sequel: Option<Ref<Book>>,
}

impl Entity for Book {
    type Key = u32;

    fn key(&self) -> u32 {
        self.isbn
    }
}

fn book(isbn: u32, title: &str) -> Book {
    Book {
        isbn,
        title: title.to_owned(),
        sequel: None,
    }
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("disk full")]
struct DiskFull;

#[derive(Debug, Default)]
struct Disk {
    rows: BTreeMap<u32, Book>,
    full: bool,
    reads: usize,
    /// The next reading waits for this.
    gate: Option<oneshot::Receiver<()>>,
}

/// The database, which a test also looks into.
#[derive(Clone, Debug, Default)]
struct Shelf(Arc<Mutex<Disk>>);

impl Shelf {
    fn row(&self, isbn: u32) -> Option<Book> {
        self.0.lock().unwrap().rows.get(&isbn).cloned()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Disk) -> T) -> Result<T, DiskFull> {
        let mut disk = self.0.lock().unwrap();
        if disk.full {
            Err(DiskFull)
        } else {
            Ok(change(&mut disk))
        }
    }
}

impl EntityStore<Book> for Shelf {
    type Error = DiskFull;

    async fn load(&self, key: &u32) -> Result<Option<Book>, DiskFull> {
        let (row, gate) = {
            let mut disk = self.0.lock().unwrap();
            disk.reads += 1;
            (disk.rows.get(key).cloned(), disk.gate.take())
        };
        if let Some(gate) = gate {
            gate.await.unwrap();
        }
        Ok(row)
    }

    async fn load_all(&self, keys: &[u32]) -> Result<Vec<Book>, DiskFull> {
        let mut disk = self.0.lock().unwrap();
        disk.reads += 1;
        Ok(keys
            .iter()
            .filter_map(|key| disk.rows.get(key).cloned())
            .collect())
    }

    async fn save(&self, entity: &Book) -> Result<(), DiskFull> {
        self.change(|disk| disk.rows.insert(entity.isbn, entity.clone()))
            .map(|_| ())
    }

    async fn save_all(&self, entities: &[Book]) -> Result<(), DiskFull> {
        self.change(|disk| {
            disk.rows
                .extend(entities.iter().map(|book| (book.isbn, book.clone())))
        })
    }

    async fn delete(&self, key: &u32) -> Result<bool, DiskFull> {
        self.change(|disk| disk.rows.remove(key).is_some())
    }
}

struct Library {
    backend: Arc<MemoryBackend>,
    shelf: Shelf,
    books: Repository<Book, Shelf>,
}

fn library() -> Library {
    let backend = Arc::new(MemoryBackend::new());
    let shelf = Shelf::default();
    let books = Repository::with_store(Cache::new(backend.clone()), shelf.clone());
    Library {
        backend,
        shelf,
        books,
    }
}

impl Library {
    /// What the cache has, past the repository.
    fn cached(&self, isbn: u32) -> Option<Book> {
        let book = block_on(self.books.cache().get(&isbn)).unwrap();
        self.backend.take_requests();
        book
    }
}

#[test]
fn a_miss_reads_through_once_and_is_cached() {
    let library = library();
    library
        .shelf
        .change(|disk| disk.rows.insert(1, book(1, "Emma")))
        .unwrap();
    assert_eq!(block_on(library.books.find(&1)).unwrap(), Some(book(1, "Emma")));
    assert_eq!(library.backend.take_requests(), ["get", "put"]);
    assert_eq!(block_on(library.books.find(&1)).unwrap(), Some(book(1, "Emma")));
    assert_eq!(library.backend.take_requests(), ["get"]);
    assert_eq!(block_on(library.books.find(&2)).unwrap(), None);
    assert_eq!(library.backend.take_requests(), ["get"]);
    assert_eq!(library.shelf.0.lock().unwrap().reads, 2);
    let expected = RepositoryStatistics {
        hits: 1,
        misses: 2,
        loads: 1,
        cache_requests: 4,
        ..Default::default()
    };
    assert_eq!(library.books.statistics(), expected);
    assert!((library.books.statistics().hit_ratio().unwrap() - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn find_all_asks_the_database_for_the_missing_alone() {
    let library = library();
    block_on(library.books.save(&book(1, "Emma"))).unwrap();
    library
        .shelf
        .change(|disk| disk.rows.insert(2, book(2, "Persuasion")))
        .unwrap();
    library.backend.take_requests();
    let found = block_on(library.books.find_all(&[1, 2, 3, 2])).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&2], book(2, "Persuasion"));
    assert_eq!(library.backend.take_requests(), ["get_all", "put_all"]);
    assert_eq!(library.cached(2), Some(book(2, "Persuasion")));
    let statistics = library.books.statistics();
    assert_eq!((statistics.hits, statistics.misses, statistics.loads), (1, 2, 1));
    block_on(library.books.find_all(&[1, 2])).unwrap();
    assert_eq!(library.backend.take_requests(), ["get_all"]);
    assert_eq!(library.shelf.0.lock().unwrap().reads, 1);
}

#[test]
fn references_are_keys_and_resolve_by_one_request() {
    let library = library();
    let second = book(2, "Through the Looking-Glass");
    let first = Book {
        sequel: Some(Ref::of(&second)),
        ..book(1, "Alice")
    };
    assert_eq!(
        serde_json::to_string(&first).unwrap(),
        r#"{"isbn":1,"title":"Alice","sequel":2}"#
    );
    block_on(library.books.save_all(vec![first, second.clone()])).unwrap();
    library.backend.take_requests();
    let first = block_on(library.books.find(&1)).unwrap().unwrap();
    let sequel = block_on(library.books.resolve(&first.sequel.unwrap())).unwrap();
    assert_eq!(sequel, Some(second));
    assert_eq!(library.backend.take_requests(), ["get", "get"]);
    let references = [Ref::to(2), Ref::to(7), Ref::to(1), Ref::to(2)];
    let isbns: Vec<u32> = block_on(library.books.resolve_all(&references))
        .unwrap()
        .iter()
        .map(Entity::key)
        .collect();
    assert_eq!(
        isbns,
        [2, 1],
        "in the order asked for, without the one that leads nowhere"
    );
    assert_eq!(library.backend.take_requests(), ["get_all"]);
}

#[test]
fn what_the_database_refuses_never_reaches_the_cache() {
    let library = library();
    block_on(library.books.save(&book(1, "Emma"))).unwrap();
    library.shelf.0.lock().unwrap().full = true;
    let changed = book(1, "Emma, revised");
    let error = block_on(library.books.save(&changed)).unwrap_err();
    assert!(
        matches!(&error, RepositoryError::Store { source: DiskFull, .. }),
        "{error}"
    );
    assert!(!error.is_stored());
    assert!(
        error.to_string().contains("disk full") && error.to_string().contains("books"),
        "{error}"
    );
    block_on(library.books.save_all(vec![changed, book(2, "Persuasion")])).unwrap_err();
    block_on(library.books.delete(&1)).unwrap_err();
    assert_eq!(library.cached(1), Some(book(1, "Emma")));
    assert_eq!(library.cached(2), None);
    assert_eq!(library.books.statistics().saves, 1);
    assert_eq!(library.books.statistics().deletes, 0);
}

#[test]
fn a_cache_that_fails_after_the_database_loses_the_entry() {
    let library = library();
    block_on(library.books.save(&book(1, "Emma"))).unwrap();
    library.backend.fail(Failing::Puts);
    let error = block_on(library.books.save(&book(1, "Emma, revised"))).unwrap_err();
    assert!(
        matches!(
            error,
            RepositoryError::CacheAfterStore {
                invalidated: true,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_stored());
    assert_eq!(library.cached(1), None, "the older value is gone");
    assert_eq!(library.shelf.row(1), Some(book(1, "Emma, revised")));
    // A reading gets the database's value, though the cache would not take it.
    assert_eq!(
        block_on(library.books.find(&1)).unwrap(),
        Some(book(1, "Emma, revised"))
    );
    assert_eq!(library.books.statistics().uncached, 1);
    library.backend.fail(Failing::Nothing);
    assert_eq!(
        block_on(library.books.find(&1)).unwrap(),
        Some(book(1, "Emma, revised"))
    );
    assert_eq!(library.cached(1), Some(book(1, "Emma, revised")));
}

#[test]
fn a_cache_out_of_reach_is_reported_as_possibly_stale() {
    let library = library();
    library.backend.fail(Failing::Everything);
    let error = block_on(
        library
            .books
            .save_all(vec![book(1, "Emma"), book(2, "Persuasion")]),
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            RepositoryError::CacheAfterStore {
                invalidated: false,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("clear it"), "{error}");
    assert_eq!(
        library.backend.take_requests(),
        ["put_all", "remove"],
        "one try shows that it is out of reach"
    );
    let error = block_on(library.books.find(&1)).unwrap_err();
    assert!(matches!(error, RepositoryError::Cache(_)), "{error}");
}

#[test]
fn delete_removes_from_both() {
    let library = library();
    block_on(library.books.save(&book(1, "Emma"))).unwrap();
    library
        .shelf
        .change(|disk| disk.rows.insert(2, book(2, "Persuasion")))
        .unwrap();
    assert!(block_on(library.books.exists(&2)).unwrap(), "the database has it");
    assert!(block_on(library.books.delete(&1)).unwrap());
    assert!(block_on(library.books.delete(&2)).unwrap());
    assert!(!block_on(library.books.delete(&3)).unwrap());
    for isbn in 1..=3 {
        assert!(!block_on(library.books.exists(&isbn)).unwrap());
        assert_eq!(library.shelf.row(isbn), None);
    }
    assert_eq!(block_on(library.books.count()).unwrap(), 0);
}

#[test]
fn many_are_put_a_thousand_a_request_and_streamed() {
    let library = library();
    block_on(
        library
            .books
            .preload((0..2_500).map(|isbn| book(isbn, "Annals")).collect()),
    )
    .unwrap();
    assert_eq!(library.backend.take_requests(), ["put_all"; 3]);
    assert!(
        library.shelf.0.lock().unwrap().rows.is_empty(),
        "what is preloaded is not saved again"
    );
    assert_eq!(block_on(library.books.count()).unwrap(), 2_500);
    let mut isbns: Vec<u32> =
        block_on(library.books.stream().map_ok(|book| book.isbn).try_collect()).unwrap();
    isbns.sort_unstable();
    assert!(isbns.into_iter().eq(0..2_500));
}

#[test]
fn a_reader_who_missed_does_not_overwrite_a_later_save() {
    let library = library();
    library
        .shelf
        .change(|disk| disk.rows.insert(1, book(1, "Emma")))
        .unwrap();
    let (open, gate) = oneshot::channel();
    library.shelf.0.lock().unwrap().gate = Some(gate);
    let revised = book(1, "Emma, revised");
    let mut reading = pin!(library.books.find(&1));
    let mut saving = pin!(library.books.save(&revised));
    let mut context = Context::from_waker(Waker::noop());
    // The reader has the old row in hand when the writer comes.
    assert!(reading.as_mut().poll(&mut context).is_pending());
    assert!(
        saving.as_mut().poll(&mut context).is_pending(),
        "the writer waits for the reader"
    );
    open.send(()).unwrap();
    let (read, saved) = block_on(join(reading, saving));
    assert_eq!(read.unwrap(), Some(book(1, "Emma")));
    saved.unwrap();
    assert_eq!(library.cached(1).as_ref(), Some(&revised));
}

#[test]
fn of_many_who_miss_together_one_asks_the_database() {
    let library = library();
    library
        .shelf
        .change(|disk| disk.rows.insert(1, book(1, "Emma")))
        .unwrap();
    let (open, gate) = oneshot::channel();
    library.shelf.0.lock().unwrap().gate = Some(gate);
    let mut first = pin!(library.books.find(&1));
    let mut second = pin!(library.books.find(&1));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Pending));
    open.send(()).unwrap();
    let (first, second) = block_on(join(first, second));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(library.shelf.0.lock().unwrap().reads, 1);
}

#[test]
fn without_a_store_the_cache_has_everything() {
    let books: Repository<Book> = Repository::new(Cache::new(Arc::new(MemoryBackend::new())));
    block_on(books.save(&book(1, "Emma"))).unwrap();
    assert_eq!(block_on(books.find(&1)).unwrap(), Some(book(1, "Emma")));
    assert!(block_on(books.delete(&1)).unwrap());
    assert_eq!(block_on(books.find(&1)).unwrap(), None);
}
