//! The entries that a load works on.

use bytes::Bytes;
use grid_core::value::{Binary, Format, Key};

use crate::random::Random;

/// How many values there are to choose from.
const VALUES: usize = 64;

/// The shortest value: an empty JSON string.
pub const VALUE_LEN_MIN: usize = 2;

/// Keys `key:000000000000` and up (16 characters), and values of one length, all JSON strings.
///
/// The length of a value is that of its JSON text, quotes included. Keys are made when they are needed, so that a
/// large set costs the client no memory.
#[derive(Clone, Debug)]
pub struct DataSet {
    keys: usize,
    values: Vec<Binary>,
    texts: Vec<String>,
    value_len: usize,
}

impl DataSet {
    /// So many keys, and values of so many bytes (at least [`VALUE_LEN_MIN`]; less counts as that).
    #[must_use]
    pub fn new(keys: usize, value_len: usize) -> Self {
        let value_len = value_len.max(VALUE_LEN_MIN);
        let mut random = Random::new(42);
        let texts: Vec<String> = (0..VALUES)
            .map(|_| {
                (0..value_len - VALUE_LEN_MIN)
                    .map(|_| letter(&mut random))
                    .collect()
            })
            .collect();
        let json = |text: &String| Binary::new(Format::JSON, Bytes::from(format!("\"{text}\"")));
        DataSet {
            keys: keys.max(1),
            values: texts.iter().map(json).collect(),
            texts,
            value_len,
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// The length of every value in bytes, as JSON text.
    #[must_use]
    pub fn value_len(&self) -> usize {
        self.value_len
    }

    /// The key with this number, as text.
    #[must_use]
    pub fn key_text(number: usize) -> String {
        format!("key:{number:012}")
    }

    /// The key with this number.
    ///
    /// # Panics
    /// Never: a JSON string is a key.
    #[must_use]
    pub fn key(number: usize) -> Key {
        let json = Bytes::from(format!("\"key:{number:012}\""));
        Key::new(Binary::new(Format::JSON, json)).expect("a JSON string is a key")
    }

    /// One of the values.
    #[must_use]
    pub fn value(&self, number: usize) -> &Binary {
        &self.values[number % VALUES]
    }

    /// The same value as text.
    #[must_use]
    pub fn text(&self, number: usize) -> &String {
        &self.texts[number % VALUES]
    }
}

fn letter(random: &mut Random) -> char {
    char::from(b'a' + u8::try_from(random.below(26)).expect("below 26"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_exactly_the_length_that_was_asked_for() {
        for len in [2, 3, 100, 1_024] {
            let data = DataSet::new(10, len);
            for number in 0..100 {
                assert_eq!(data.value(number).bytes().len(), len);
                let text: String = serde_json::from_slice(data.value(number).bytes()).unwrap();
                assert_eq!(&text, data.text(number));
            }
        }
        assert_eq!(DataSet::new(0, 0).value_len(), VALUE_LEN_MIN);
    }

    #[test]
    fn keys_have_sixteen_characters() {
        assert_eq!(DataSet::key_text(12_345), "key:000000012345");
        let key = DataSet::key(12_345);
        assert_eq!(key.spelling().bytes().as_ref(), br#""key:000000012345""#);
    }
}
