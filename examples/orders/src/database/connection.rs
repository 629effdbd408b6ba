//! The connection.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};

use crate::model::{Date, OrderId};

use super::DatabaseError;

/// The tables, created when the file is new.
const SCHEMA: &str = include_str!("schema.sql");

/// What the database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// How many orders.
    pub orders: u32,
    /// The lowest and the highest order number.
    pub order_ids: Option<(OrderId, OrderId)>,
    /// The day of the last order.
    pub last_order_date: Option<Date>,
}

/// An SQLite database. Clones share the connection; each job on it runs on a thread that may block, one at a time.
#[derive(Clone)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

impl Database {
    /// The database in this file, which is created when there is none; without a path, a temporary one that is
    /// gone with the last clone. It may grow beyond the memory: SQLite moves it to a file of its own then.
    ///
    /// # Errors
    /// When the file cannot be opened, or has tables of another shape.
    pub fn open(path: Option<&Path>) -> Result<Self, DatabaseError> {
        let open = || {
            let connection = Connection::open(path.unwrap_or(Path::new("")))?;
            connection.pragma_update(None, "foreign_keys", true)?;
            // A file survives a crash of the application, and with NORMAL loses at most the last changes in a
            // crash of the machine. What is temporary survives neither, and needs no journal on disk.
            let (journal, synchronous) = if path.is_some() {
                ("WAL", "NORMAL")
            } else {
                ("MEMORY", "OFF")
            };
            connection.pragma_update(None, "journal_mode", journal)?;
            connection.pragma_update(None, "synchronous", synchronous)?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| DatabaseError::Open {
            path: path.unwrap_or(Path::new("")).to_owned(),
            source,
        })?;
        Ok(Database {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs a job on the connection, in one transaction: what it changed is kept if it succeeds, and only then.
    ///
    /// # Errors
    /// What the job says, or [`DatabaseError::Closed`] when the runtime is shutting down.
    pub async fn run<T, F>(&self, job: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    {
        let connection = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || {
            // A job that panicked left no transaction behind: dropping one rolls it back.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction()?;
            let answer = job(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        done.await.map_err(|_stopped| DatabaseError::Closed)?
    }

    /// What the database holds.
    ///
    /// # Errors
    /// When SQLite fails.
    pub async fn contents(&self) -> Result<Contents, DatabaseError> {
        self.run(|connection| {
            let orders: u32 = connection.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
            let ids = "SELECT min(order_id), max(order_id) FROM orders HAVING count(*) > 0";
            let order_ids = connection
                .query_row(ids, [], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let last = "SELECT order_date FROM orders ORDER BY order_date DESC LIMIT 1";
            let last_order_date = connection.query_row(last, [], |row| row.get(0)).optional()?;
            Ok(Contents {
                orders,
                order_ids,
                last_order_date,
            })
        })
        .await
    }
}
