//! Rows as Rust types.

use serde::de::DeserializeOwned;

use crate::cache::answer::read_answer;
use crate::query::cohql::Rows;
use crate::value::Value;

use super::AskError;

impl Rows {
    /// Each row as a struct or a map, whose fields are named like the columns: `select name, age` as `struct { name, age }`.
    /// A column that is no name, such as `count()`, is given to a field by `#[serde(rename = "count()")]`.
    ///
    /// A type that has no place for them gets decimals as the integers or doubles that are nearest.
    ///
    /// # Errors
    /// When a row is of another type. [`Value`] is the type of whatever comes.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, AskError> {
        self.iter()
            .map(|row| typed(&Value::Object(self.object(row))))
            .collect()
    }

    /// Each row as a tuple, by the order of the columns: `select name, age` as `(String, u32)`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when there are more or fewer columns.
    pub fn read_tuples<T: DeserializeOwned>(&self) -> Result<Vec<T>, AskError> {
        self.iter()
            .map(|row| typed(&Value::Array(row.to_vec())))
            .collect()
    }

    /// The values of the first column: `select age` as `u32`, `select value()` as the type of the values.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_column<T: DeserializeOwned>(&self) -> Result<Vec<T>, AskError> {
        self.iter()
            .map(|row| typed(row.first().unwrap_or(&Value::Null)))
            .collect()
    }
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, AskError> {
    let read = || read_answer(&value.to_binary()?);
    read().map_err(|error| AskError::Cache(error.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;
    use crate::query::cohql::{Bindings, Statement};
    use crate::value::to_binary;

    fn rows(text: &str) -> Rows {
        let people = [("Ada", 36, 1.25), ("Bob", 25, 2.5)];
        let person = |(name, age, pay): &(&str, u32, f64)| {
            let value = serde_json::json!({"name": name, "age": age, "pay": pay});
            (to_binary(name).unwrap(), to_binary(&value).unwrap())
        };
        let entries: Vec<_> = people.iter().map(person).collect();
        let statement = Statement::parse(text, &Bindings::new()).unwrap();
        let entries = entries.iter().map(|(key, value)| (key, value));
        statement.query().evaluate(entries).unwrap()
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Person {
        name: String,
        age: u32,
    }

    #[test]
    fn rows_are_read_by_name_by_position_and_alone() {
        let people = rows("select age, name from people order by age");
        let read: Vec<Person> = people.read().unwrap();
        let expected = |name: &str, age| Person {
            name: name.to_owned(),
            age,
        };
        assert_eq!(read, [expected("Bob", 25), expected("Ada", 36)]);
        let tuples: Vec<(u8, String)> = people.read_tuples().unwrap();
        assert_eq!(tuples, [(25, "Bob".to_owned()), (36, "Ada".to_owned())]);
        assert_eq!(people.read_column::<u32>().unwrap(), [25, 36]);
        let whole = rows("select * from people where name = 'Ada'");
        assert_eq!(
            whole
                .read_tuples::<(String, HashMap<String, Value>)>()
                .unwrap()
                .len(),
            1
        );
        let values: Vec<Person> = rows("select value() from people order by age")
            .read_column()
            .unwrap();
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn numbers_are_read_as_what_is_asked_for() {
        let sums = rows("select bd_sum(pay), count() from people");
        assert_eq!(sums.read_tuples::<(f64, u64)>().unwrap(), [(3.75, 2)]);
        assert!(rows("select name from people").read_column::<u32>().is_err());
        assert!(rows("select name from people").read::<Person>().is_err());
    }
}
