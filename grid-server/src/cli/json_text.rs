//! JSON on the command line.

use bytes::Bytes;
use grid_core::value::json::{Limits, scan};
use grid_core::value::{Binary, Format, Key};

use super::error::CliError;

/// Reads a key or a value: JSON as it is written, and a plain word (a text that is no JSON) as a string.
///
/// A text that begins like a JSON object, array or string and is none is a mistake, not a word.
pub(super) fn read(text: &str) -> Result<Binary, CliError> {
    let json = match scan(text.as_bytes(), Limits::new()) {
        Ok(_) => text.trim().to_owned(),
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => {
            let advice = "to mean a text, quote it as JSON does: '\"...\"'";
            return Err(CliError::Usage(format!("{text:?} is no JSON: {error}; {advice}")));
        }
        Err(_) => serde_json::Value::from(text).to_string(),
    };
    Ok(Binary::new(Format::JSON, Bytes::from(json)))
}

/// Reads a key.
pub(super) fn read_key(text: &str) -> Result<Key, CliError> {
    Key::new(read(text)?).map_err(|error| CliError::Usage(error.to_string()))
}

/// The text of a value on one line, exactly as it is stored but for line breaks between its parts.
pub(super) fn on_one_line(value: &Binary) -> Result<String, String> {
    if value.format() != Format::JSON {
        return Err("it is not JSON, which is all that the command line reads".to_owned());
    }
    let text = std::str::from_utf8(value.bytes()).map_err(|error| error.to_string())?;
    // A string in JSON has no bare line break, so each of these lies between two parts.
    Ok(text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_exactly_and_words_become_strings() {
        for (given, kept) in [
            ("1", "1"),
            ("-1.50", "-1.50"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("{\"b\":1,\"a\":1.0}", "{\"b\":1,\"a\":1.0}"),
            (" true ", "true"),
            ("VINET", "\"VINET\""),
            ("10-A", "\"10-A\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("", "\"\""),
        ] {
            assert_eq!(read(given).unwrap().bytes(), kept.as_bytes(), "for {given:?}");
        }
    }

    #[test]
    fn what_begins_like_json_and_is_none_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for given in ["{\"a\":1", "[1,]", "\"a", deep.as_str()] {
            assert_eq!(read(given).unwrap_err().exit_code(), 2, "for {given:.20}");
        }
    }

    #[test]
    fn line_breaks_between_parts_go() {
        let value = Binary::new(Format::JSON, Bytes::from_static(b"{\n  \"a\": \"x\\n\"\r\n}"));
        assert_eq!(on_one_line(&value).unwrap(), "{   \"a\": \"x\\n\"  }");
    }
}
