//! A table as the store behind a repository.

use std::marker::PhantomData;

use grid_core::repository::EntityStore;
use rusqlite::{Connection, OptionalExtension};

use super::{Database, DatabaseError, Table};

/// The store of the entities of one table.
pub struct SqlStore<V> {
    database: Database,
    entities: PhantomData<fn() -> V>,
}

impl<V> std::fmt::Debug for SqlStore<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlStore")
    }
}

impl<V: Table> SqlStore<V> {
    /// The store of `V`'s table.
    #[must_use]
    pub fn new(database: Database) -> Self {
        SqlStore {
            database,
            entities: PhantomData,
        }
    }

    /// At most `len_max` entities in the order of their keys, from the first or from after a key.
    ///
    /// # Errors
    /// When SQLite fails.
    pub async fn page(&self, after: Option<V::Key>, len_max: usize) -> Result<Vec<V>, DatabaseError> {
        let job = move |connection: &Connection| {
            let condition = if after.is_some() { V::WHERE_AFTER } else { "" };
            let query = format!(
                "{} {condition} ORDER BY {} LIMIT {len_max}",
                V::SELECT,
                V::ORDER_BY_KEY
            );
            let mut statement = connection.prepare_cached(&query)?;
            let mut read = |parameters: &[&dyn rusqlite::ToSql]| {
                statement
                    .query_map(parameters, V::read)?
                    .collect::<Result<Vec<V>, _>>()
            };
            Ok(match &after {
                Some(key) => V::with_key(key, read)?,
                None => read(&[])?,
            })
        };
        self.database.run(job).await
    }
}

fn load<V: Table>(connection: &Connection, key: &V::Key) -> Result<Option<V>, DatabaseError> {
    let mut statement = connection.prepare_cached(&format!("{} {}", V::SELECT, V::WHERE_KEY))?;
    Ok(V::with_key(key, |parameters| statement.query_row(parameters, V::read)).optional()?)
}

impl<V: Table> EntityStore<V> for SqlStore<V> {
    type Error = DatabaseError;

    async fn load(&self, key: &V::Key) -> Result<Option<V>, DatabaseError> {
        let key = key.clone();
        self.database.run(move |connection| load(connection, &key)).await
    }

    async fn load_all(&self, keys: &[V::Key]) -> Result<Vec<V>, DatabaseError> {
        let keys = keys.to_vec();
        let job = move |connection: &Connection| {
            keys.iter()
                .filter_map(|key| load(connection, key).transpose())
                .collect()
        };
        self.database.run(job).await
    }

    async fn save(&self, entity: &V) -> Result<(), DatabaseError> {
        self.save_all(std::slice::from_ref(entity)).await
    }

    async fn save_all(&self, entities: &[V]) -> Result<(), DatabaseError> {
        let entities = entities.to_vec();
        let job = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(V::UPSERT)?;
            for entity in &entities {
                entity.write(&mut statement)?;
            }
            Ok(())
        };
        self.database.run(job).await
    }

    async fn delete(&self, key: &V::Key) -> Result<bool, DatabaseError> {
        let key = key.clone();
        let job = move |connection: &Connection| {
            let mut statement =
                connection.prepare_cached(&format!("DELETE FROM {} {}", V::NAME, V::WHERE_KEY))?;
            Ok(V::with_key(&key, |parameters| statement.execute(parameters))? > 0)
        };
        self.database.run(job).await
    }
}
