//! What a table says of its entities.

use grid_core::repository::Entity;
use rusqlite::{Row, Statement};

/// An entity that is a row of a table.
pub trait Table: Entity + Clone {
    /// Selects the columns that [`Table::read`] takes, without a condition.
    const SELECT: &'static str;
    /// The condition on one row, with the parameters that [`Table::with_key`] binds.
    const WHERE_KEY: &'static str;
    /// The order of the keys.
    const ORDER_BY_KEY: &'static str;
    /// The condition on the rows after a key, with the parameters that [`Table::with_key`] binds.
    const WHERE_AFTER: &'static str;
    /// The table's name.
    const NAME: &'static str;
    /// Inserts a row or updates the one with its key, with the parameters that [`Table::write`] binds.
    const UPSERT: &'static str;

    /// The entity in a row.
    ///
    /// # Errors
    /// When the row has other columns or values.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;

    /// Executes [`Table::UPSERT`].
    ///
    /// # Errors
    /// When the database refuses.
    fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize>;

    /// Calls `run` with the key's parameters.
    fn with_key<T>(key: &Self::Key, run: impl FnOnce(&[&dyn rusqlite::ToSql]) -> T) -> T;
}
