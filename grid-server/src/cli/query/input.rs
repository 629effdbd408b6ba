//! The statements and the values of their bind variables.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use grid_core::query::cohql::{Bindings, Statement, TEXT_LEN_MAX};
use grid_core::value::Value;

use super::super::arguments::QueryArguments;
use super::super::error::CliError;
use super::super::json_text;

/// Reads the statements of the arguments, of a file, or of standard input: at least one.
pub(super) fn statements(arguments: &QueryArguments) -> Result<Vec<Statement>, CliError> {
    let bindings = bindings(&arguments.bind)?;
    let text = match (&arguments.statement, &arguments.file) {
        (_, Some(file)) => read_file(file)?,
        (Some(statement), None) if statement == "-" => read(io::stdin(), "standard input")?,
        (Some(statement), None) => statement.clone(),
        (None, None) => String::new(),
    };
    let statements =
        Statement::parse_all(&text, &bindings).map_err(|error| CliError::Usage(error.to_string()))?;
    if statements.is_empty() {
        let what = "there is no statement; write one, such as 'select * from people'";
        return Err(CliError::Usage(what.to_owned()));
    }
    Ok(statements)
}

fn read_file(path: &Path) -> Result<String, CliError> {
    let shown = path.display().to_string();
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| CliError::Data(format!("{shown}: cannot be read: {error}")))?;
    read(file, &shown)
}

/// Reads a text that may be too long to be one of statements, and says so, but no more of it.
fn read(from: impl Read, shown: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let read = from.take(TEXT_LEN_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| CliError::Data(format!("{shown}: cannot be read: {error}")))?;
    Ok(text)
}

/// The values of bind variables: numbers are positions, other names are names.
fn bindings(given: &[String]) -> Result<Bindings, CliError> {
    let mut bindings = Bindings::new();
    let mut positional: BTreeMap<usize, Value> = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(CliError::Usage(format!(
                "--bind {text}: write NAME=VALUE, such as city=Oslo, or 1=Oslo for ?1"
            )));
        };
        let name = name.trim_start_matches([':', '?']);
        let value = json_text::read(value)?;
        let value = Value::from_binary(&value).map_err(|error| CliError::Usage(error.to_string()))?;
        match name.parse::<usize>() {
            Ok(position) => {
                positional.insert(position, value);
            }
            Err(_a_name) => bindings = bindings.with_named(name, value),
        }
    }
    for (expected, (position, value)) in (1..).zip(positional) {
        if position != expected {
            return Err(CliError::Usage(format!(
                "--bind {position}=...: positions begin with 1 and leave none out; there is no value for ?{expected}"
            )));
        }
        bindings = bindings.with(value);
    }
    Ok(bindings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(texts: &[&str]) -> Result<Bindings, CliError> {
        bindings(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn values_are_bound_by_position_and_by_name() {
        let bindings = given(&["2=Oslo", "age=30", "?1=[1,2]", ":text=\"7\"", "a=b=c"]).unwrap();
        let array = Value::from(vec![Value::from(1), Value::from(2)]);
        let expected = Bindings::new()
            .with(array)
            .with("Oslo")
            .with_named("age", 30)
            .with_named("text", "7")
            .with_named("a", "b=c");
        assert_eq!(bindings, expected);
    }

    #[test]
    fn what_binds_nothing_is_refused() {
        for (texts, part) in [
            (&["age"][..], "NAME=VALUE"),
            (&["=3"], "NAME=VALUE"),
            (&["2=a"], "no value for ?1"),
            (&["0=a"], "no value for ?1"),
            (&["1=a", "3=b"], "no value for ?2"),
            (&["a={"], "is no JSON"),
        ] {
            let error = given(texts).unwrap_err();
            assert!(
                error.exit_code() == 2 && error.to_string().contains(part),
                "{error}"
            );
        }
    }
}
