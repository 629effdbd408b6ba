//! Where caches are got by name.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::cache::{CacheBackend, CacheError};
use crate::query::cohql::Statement;

use super::Ask;

/// Where caches are got by name: a grid in this process, or a session with a server. It can be asked in the query language,
/// whose statements name their caches.
///
/// ```
/// use grid_core::cache::{AskError, Caches};
///
/// #[derive(serde::Deserialize)]
/// struct City {
///     city: String,
///     people: u64,
/// }
///
/// async fn example(grid: &impl Caches) -> Result<(), AskError> {
///     let of_age = r#"select name, age from "people" where age >= ?1 order by age desc"#;
///     for (name, age) in grid.ask(of_age).bind(18).limit(10).await?.read_tuples::<(String, u32)>()? {
///         println!("{name} is {age}");
///     }
///     let large = r#"select city, count() from "people" where city in :cities group by city"#;
///     let rows = grid.ask(large).bind_named("cities", vec!["Oslo", "Rome"]).await?;
///     for row in rows.iter() {
///         println!("{}", serde_json::to_string(&rows.object(row)).unwrap_or_default());
///     }
///     let plan = grid.ask(r#"explain plan for select * from "people" where age > 30"#).await?;
///     println!("{:?}", plan.get(0, "index"));
///     Ok(())
/// }
/// ```
///
/// One cache alone is asked with a condition of the language by
/// [`Filter::from_cohql`](crate::query::Filter::from_cohql): `people.entries_where(&Filter::from_cohql("age > ?1", &bindings)?)`.
pub trait Caches: Send + Sync {
    /// The cache of this name in bytes. It is made if it is not there.
    ///
    /// # Errors
    /// When the name is none, or the cache cannot be opened.
    fn backend_of<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn CacheBackend>, CacheError>>;

    /// Starts to ask a statement of the query language: `select`, `explain plan for select`, `trace select` or `show plan
    /// select`. It is asked when what this gives is awaited.
    fn ask(&self, statement: &str) -> Ask<'_>
    where
        Self: Sized,
    {
        Ask::text(self, statement)
    }

    /// Starts to ask a statement that was read before, with the values that its bind variables had then.
    fn ask_statement(&self, statement: Statement) -> Ask<'_>
    where
        Self: Sized,
    {
        Ask::statement(self, statement)
    }
}
