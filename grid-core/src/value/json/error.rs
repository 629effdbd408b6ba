//! What is wrong with a JSON text.

/// A text that is not JSON, or more than is accepted, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad JSON at byte {offset}: {kind}")]
pub struct JsonError {
    /// The offset in bytes from the start of the text (without the format byte of the wire).
    pub offset: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

impl JsonError {
    pub(crate) fn new(offset: usize, kind: JsonErrorKind) -> Self {
        JsonError { offset, kind }
    }
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ends before its value does.
    #[error("the text is cut short; send the whole value")]
    CutShort,
    /// A byte that cannot stand here.
    #[error("unexpected byte 0x{found:02x}")]
    UnexpectedByte {
        /// The byte.
        found: u8,
    },
    /// The text is not UTF-8.
    #[error("the text is not UTF-8; JSON must be")]
    InvalidUtf8,
    /// A backslash that starts no escape of JSON.
    #[error(r#"invalid escape; use \" \\ \/ \b \f \n \r \t or \u and four hex digits"#)]
    InvalidEscape,
    /// A bare control character in a string.
    #[error("bare control character 0x{found:02x} in a string; escape it")]
    ControlCharacter {
        /// The byte.
        found: u8,
    },
    /// A number that JSON does not have, such as `1.` or `-`.
    #[error("invalid number")]
    InvalidNumber,
    /// An exponent of more than nine digits.
    #[error("the exponent of a number has more than 9 digits")]
    ExponentTooLarge,
    /// A number with more digits, or a larger exponent, than can be computed with. It can be stored.
    #[error("a number has more than {max} digits or a larger exponent; store it as a string")]
    NumberTooLong {
        /// The most digits, and the largest exponent.
        max: usize,
    },
    /// Objects and arrays are nested too deeply.
    #[error("objects and arrays are nested more than {max} levels deep")]
    TooDeep {
        /// The deepest nesting accepted.
        max: u8,
    },
    /// The text is too long.
    #[error("the text has {len} bytes; the limit is {max}")]
    TooLong {
        /// The length in bytes.
        len: usize,
        /// The longest accepted, in bytes.
        max: usize,
    },
    /// Something follows the value.
    #[error("something follows the value; send one value")]
    TrailingData,
    /// Half of a surrogate pair, which a Rust string cannot hold. It can be stored.
    #[error("half of a surrogate pair, which no Unicode string can hold")]
    LoneSurrogate,
}
