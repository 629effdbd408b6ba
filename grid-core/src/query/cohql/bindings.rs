//! The values of bind variables.

use indexmap::IndexMap;

use crate::value::Value;

/// The values of the bind variables of a text: `?1`, `?2` and so on by their position from 1, `:name` by its name.
///
/// Values that are not used do no harm. What comes from users belongs here, not into the text.
///
/// ```
/// use grid_core::query::{Filter, cohql::Bindings, field};
///
/// let bindings = Bindings::new().with("Oslo").with_named("age", 25);
/// let filter = Filter::from_cohql("city = ?1 and age > :age", &bindings)?;
/// assert_eq!(filter, field("city").eq("Oslo").and(field("age").gt(25)));
/// # Ok::<(), grid_core::query::cohql::CohqlError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bindings {
    positional: Vec<Value>,
    named: IndexMap<String, Value>,
}

impl Bindings {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Bindings::default()
    }

    /// One value more by its position: the first is `?1`.
    #[must_use]
    pub fn with(mut self, value: impl Into<Value>) -> Self {
        self.positional.push(value.into());
        self
    }

    /// The value of a name, which is written without the colon here. The last one counts.
    #[must_use]
    pub fn with_named(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.named.insert(name.into(), value.into());
        self
    }

    /// The value at a position from 1.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<&Value> {
        self.positional.get(position.checked_sub(1)?)
    }

    /// The value of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.named.get(name)
    }
}
