//! The query language of the reference, `CohQL`: its reading half.
//!
//! A [`Statement`] is read from a text and says, as a [`Query`], what to ask of a cache, in the types that the other
//! ways of asking have: [`Filter`](super::Filter), [`Extractor`](super::Extractor),
//! [`Aggregator`](super::Aggregator). What the cache answers becomes [`Rows`]. A condition alone is read by
//! [`Filter::from_cohql`](super::Filter::from_cohql). Nothing here asks anything of a cache: that is done where caches are
//! got by name ([`Caches`](crate::cache::Caches)).
//!
//! ```
//! use grid_core::query::cohql::{Bindings, Statement};
//! use grid_core::value::{Value, to_binary};
//!
//! let text = r#"select city, count(), sum(age) from "people" where age >= 18 group by city order by city"#;
//! let statement = Statement::parse(text, &Bindings::new())?;
//! let key = to_binary(&1)?;
//! let value = to_binary(&serde_json::json!({"city": "Oslo", "age": 36}))?;
//! let rows = statement.query().evaluate([(&key, &value)])?;
//! assert_eq!(rows.columns(), ["city", "count()", "sum(age)"]);
//! assert_eq!(rows.get(0, "sum(age)"), Some(&Value::from(36.0)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The language
//!
//! Keywords and the names of functions may be written in any case; names of properties, caches, aliases and bind
//! variables are taken as they are written.
//!
//! ```text
//! statement := [show plan | explain plan for | trace] select [;]
//! select    := select [distinct] (* | column {, column}) from cache [[as] alias]
//!              [where condition] [group [by] path {, path}] [order [by] column [asc | desc] {, ...}]
//! column    := path | aggregate
//! aggregate := count([* | path])
//!            | (sum | avg | min | max | bd_sum | ... | long_max) ( path )
//! cache     := string | name
//! condition := comparison {(and | or | xor | && | || | ^^) comparison}
//! comparison:= (not | !) comparison | operand {relation} | true | false
//! relation  := (= | == | is) [not] value | (!= | <> | < | <= | > | >=) value
//!            | [not] between value and value | [not] in values
//!            | [not] (like | ilike) string [escape string]
//!            | [not] contains value | [not] contains (any | all) values
//!            | is [not] null | is [not] empty
//! operand   := path | value | ( condition )
//! path      := [alias .] [key() | key(path) | value() .] step {. step}
//! step      := name | name ( [value {, value}] )
//! values    := ( [value {, value}] ) | value
//! value     := string | number | true | false | null | [ [value {, value}] ] | ?position | :name
//!            | concat ( value , value {, value} )
//! name      := letter, _ or $, then digits too | anything in `backquotes`
//! ```
//!
//! - `and`, `or` and `xor` bind equally, from left to right, as in the reference and not as in SQL: `a or b and c` is
//!   `(a or b) and c`. Use brackets.
//! - Strings stand in single or double quotes; two of them in a string are one. `10`, `10L` and `10S` are integers,
//!   `1.5`, `1d` and `1.5e3` doubles, `1.50m` a decimal. What is compared has to be of one type.
//! - The property may stand on either side of a comparison, and a value on the other.
//! - A path that begins with a call of something else than a function is a method of the value; methods are those of
//!   [`Extractor::Method`](super::Extractor::Method).
//! - `count` counts entries, whatever stands in its brackets. `sum`, `avg`, `min` and `max` are computed as doubles;
//!   with `bd_` before them (`bd_sum`) exactly, as decimals, and `long_sum`, `long_min` and `long_max` as integers.
//! - Columns beside aggregates are what is grouped by, also without `group by`. Null is a group. `distinct` of one
//!   column leaves out null.
//! - Null comes first in an order, last in one that is `desc`. Equal rows come in any order.
//! - `is empty` is asked of strings, arrays and objects; null is neither empty nor not empty.
//! - An array alone after `in`, `contains any` and `contains all`, as a bind variable or in square brackets, stands for
//!   its elements: `city in :cities`.
//! - `a in (...)` asks whether what the path gives is one of the values, `(condition) in (...)` whether the key is.
//!
//! # In what it differs from the reference
//!
//! It has more:
//!
//! - `order by`, which the reference does not have; by properties that are not selected too, and by aggregates.
//! - Aggregates and properties may be mixed in any order in a `select`; the reference wants properties first.
//! - `group by` may name other properties than those selected, or the same ones in another order.
//! - `not` binds less than comparisons: `not a = 1` is `not (a = 1)`, where the reference wants the brackets. `true` and
//!   `false` are conditions everywhere, not only alone.
//! - Names in backquotes, quotes doubled in strings, `is empty`, arrays in square brackets, decimals (`1.5m`),
//!   exponents without a point.
//!
//! It refuses:
//!
//! - all statements that change something, and subqueries;
//! - properties compared with properties, arithmetic, and `having`, none of which the reference can do either;
//! - `new` and other ways to name Java classes, and object literals;
//! - columns that are neither grouped by nor aggregates beside a `group by`, which the reference takes for more groups.
//!
//! # Limits
//!
//! A text has at most [`TEXT_LEN_MAX`] bytes, and at most [`DEPTH_MAX`] conditions, lists and calls stand in each other:
//! reading takes a bounded stack. Chains of one `and` or `or` may be as long as the text; where both alternate without
//! brackets, each stands in the next. A list of columns has at most [`EXTRACTORS_MAX`](super::agent::EXTRACTORS_MAX).

mod bindings;
mod clause;
mod condition;
mod error;
mod expression_parser;
mod lexer;
mod number;
mod operand_parser;
mod parser;
mod path;
mod plan;
mod query;
mod record_rows;
mod rows;
mod select;
mod span;
mod statement;
mod statement_parser;
mod syntax;
mod token;

pub use bindings::Bindings;
pub use error::{CohqlError, CohqlErrorKind};
pub use query::{Direction, Query, Selection, Source};
pub use rows::{AnswerError, EntryRows, Rows};
pub use statement::Statement;

/// The longest text, in bytes. Longer values are given by bind variables.
pub const TEXT_LEN_MAX: usize = 64 << 10;

/// How many conditions, lists and calls may stand in each other.
pub const DEPTH_MAX: usize = 100;
