//! JSON values from a stream of bytes.

use crate::source::Source;

/// Names of members, which are those of the entries, and what extractors make of them.
pub(crate) const NAMES: [&str; 16] = [
    "a",
    "b",
    "n",
    "s",
    "tags",
    "o",
    "size",
    "value",
    "@class",
    "@version",
    "getA",
    "isB",
    "length",
    "empty",
    "é😀",
    "\\\"q\\\\",
];

const NUMBERS: [&str; 28] = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "2147483647",
    "2147483648",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "0.1",
    "1.0",
    "-0.0",
    "1e2",
    "1e308",
    "-1e309",
    "1e-400",
    "1e99999999999999999999",
    "123456789012345678901234567890",
    "0.30000000000000004",
    "5e-324",
    "1e22",
    "01",
    "-",
    "1.",
    "+1",
    "1E+3",
    "3.5",
];

const VECTORS: [&str; 16] = [
    "[1,0.5,-2]",
    "[1,0,0]",
    "[0.25,-1]",
    "[]",
    r#"{"@class":"ai.Float32Vector","array":[0.5,-1.0,3e10]}"#,
    r#"{"@class":"ai.Float32Vector","array":[3.4e38,-3.4e38,1e-45]}"#,
    r#"{"@class":"ai.Float32Vector","array":[1e39]}"#,
    r#"{"@class":"ai.Float32Vector","array":["1"]}"#,
    r#"{"@class":"ai.Int8Vector","array":"AQL/"}"#,
    r#"{"@class":"ai.Int8Vector","array":"gICA"}"#,
    r#"{"@class":"ai.Int8Vector","array":"A"}"#,
    r#"{"@class":"ai.BitVector","bits":"0x0F"}"#,
    r#"{"@class":"ai.BitVector","bits":"0xFFFFFFFFFFFFFFFFFF"}"#,
    r#"{"@class":"ai.BitVector","bits":"0xF"}"#,
    r#"{"@class":"ai.BitVector","bits":""}"#,
    r#"{"@class":"ai.NopeVector"}"#,
];

/// A vector, or something like one.
pub(crate) fn vector(source: &mut Source<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(source.pick(&VECTORS).as_bytes());
}

const DECIMALS: [&str; 16] = [
    "0",
    "1.50",
    "-0.0",
    "1E9999",
    "1E-9999",
    "-1e10000",
    "1e10001",
    "99999999999999999999.99999999999999999999",
    "abc",
    "",
    "+5",
    "1_0",
    ".",
    "1e",
    "0E+3",
    "12",
];

const STRINGS: [&str; 24] = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "b",
    "Ada",
    "%",
    "_",
    "a%",
    "50!%",
    "\\u0000",
    "\\ud800",
    "\\ud83d\\ude00",
    "é",
    "ß",
    "ﬁ",
    "İ",
    "😀",
    "\\n",
    "x y",
    "null",
    "\\",
    "1",
];

/// Patterns that regular expressions trip over, and ordinary ones.
const PATTERNS: [&str; 36] = [
    "(a+)+$",
    "(a|a)*b",
    "(.*)*",
    "a{1000}",
    "(a{100}){100}",
    "[a-z&&[^b]]",
    "(?i)é",
    "\\\\p{L}{50}",
    "^a|b$",
    "\\\\Qa\\\\E",
    "[[a]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "a**",
    "a{2,1}",
    "(?x) a # c",
    "\\\\1",
    "(?=a)",
    "(?<n>a)",
    "[^\\\\d\\\\W]",
    "\\\\x{10ffff}",
    "\\\\uD83D\\\\uDE00",
    "(((((((((a)*)*)*)*)*)*)*)*)*",
    "[a-\\\\d]",
    "\\\\cA",
    "\\\\R",
    "\\\\h+",
    "(?-i:a)",
    ".*.*.*.*b",
    "%a%a%a%b",
    "_%_%",
    "\\\\p{IsGreek}",
    "a|",
];

/// The text of a string literal, without its quotes.
pub(crate) fn string(source: &mut Source<'_>, out: &mut Vec<u8>) {
    match source.below(12) {
        0..8 => out.extend_from_slice(source.pick(&STRINGS).as_bytes()),
        8 => {
            let (part, times) = (source.pick(&STRINGS), 1 << source.below(11));
            out.extend_from_slice(part.repeat(times).as_bytes());
        }
        9 => out.extend_from_slice(source.pick(&PATTERNS).as_bytes()),
        _ => {
            for _ in 0..source.below(8) {
                out.push(source.byte());
            }
        }
    }
}

/// The text of a pattern, without its quotes.
pub(crate) fn pattern(source: &mut Source<'_>, out: &mut Vec<u8>) {
    const PIECES: [&str; 32] = [
        "a",
        "b",
        ".",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "[",
        "]",
        "^",
        "$",
        "{2}",
        "{0,3}",
        "\\\\",
        "&&",
        "-",
        "%",
        "_",
        "é",
        "😀",
        "(?:",
        "(?i)",
        "\\\\d",
        "\\\\w",
        "\\\\p{Lu}",
        "\\\\b",
        ",",
        "}",
        "0",
        " ",
    ];
    match source.below(4) {
        0 => out.extend_from_slice(source.pick(&PATTERNS).as_bytes()),
        1 => string(source, out),
        _ => {
            for _ in 0..source.below(24) {
                out.extend_from_slice(source.pick(&PIECES).as_bytes());
            }
        }
    }
}

pub(crate) fn number(source: &mut Source<'_>, out: &mut Vec<u8>) {
    match source.below(8) {
        0 => {
            out.extend_from_slice(b"{\"@class\":\"math.BigDec\",\"value\":\"");
            out.extend_from_slice(source.pick(&DECIMALS).as_bytes());
            out.extend_from_slice(b"\"}");
        }
        1 => {
            out.extend_from_slice(b"{\"value\":\"");
            out.extend_from_slice(source.pick(&NUMBERS).as_bytes());
            out.extend_from_slice(b"\",\"@class\":\"math.BigInt\"}");
        }
        2 => out.extend_from_slice((i32::from(source.byte()) - 128).to_string().as_bytes()),
        3 if source.once_in(32) => out.extend_from_slice("9".repeat(10_002).as_bytes()),
        _ => out.extend_from_slice(source.pick(&NUMBERS).as_bytes()),
    }
}

/// A value, most often a sound one.
pub(crate) fn value(source: &mut Source<'_>, depth: usize, out: &mut Vec<u8>) {
    if depth > 6 || source.is_over() {
        out.push(b'1');
        return;
    }
    match source.below(16) {
        0 => out.extend_from_slice(b"null"),
        1 => out.extend_from_slice(b"true"),
        2 => out.extend_from_slice(b"false"),
        3..8 => number(source, out),
        8..11 => {
            out.push(b'"');
            string(source, out);
            out.push(b'"');
        }
        11 => array(source, depth, out),
        12 => map(source, depth, out),
        13 if source.once_in(16) => {
            let levels = source.below(300);
            out.extend_from_slice("[".repeat(levels).as_bytes());
            value(source, depth + 1, out);
            out.extend_from_slice("]".repeat(levels).as_bytes());
        }
        _ => object(source, depth, out),
    }
}

pub(crate) fn array(source: &mut Source<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for index in 0..source.count() {
        if index > 0 {
            out.push(b',');
        }
        let start = out.len();
        value(source, depth + 1, out);
        repeat(source, start, out);
    }
    out.push(b']');
}

/// Seldom writes what was written from an offset on many times over, with commas between.
pub(crate) fn repeat(source: &mut Source<'_>, start: usize, out: &mut Vec<u8>) {
    const TIMES: usize = 100_000;
    const LEN: usize = 256 << 10;
    if source.is_over() || !source.once_in(192) {
        return;
    }
    let one = [b",", &out[start..]].concat();
    let times = TIMES.min(LEN / one.len());
    out.extend_from_slice(&one.repeat(times));
}

pub(crate) fn object(source: &mut Source<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for index in 0..source.count() {
        if index > 0 {
            out.extend_from_slice(source.pick(&[",", " , ", ",\n"]).as_bytes());
        }
        out.push(b'"');
        out.extend_from_slice(source.pick(&NAMES).as_bytes());
        out.extend_from_slice(source.pick(&["\":", "\" : "]).as_bytes());
        value(source, depth + 1, out);
    }
    out.push(b'}');
}

/// A map that is spelled with its entries.
pub(crate) fn map(source: &mut Source<'_>, depth: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"@class":"util.LiteMap","entries":["#);
    for index in 0..source.count() {
        out.extend_from_slice(if index > 0 { br#",{"key":"# } else { br#"{"key":"# });
        value(source, depth + 1, out);
        out.extend_from_slice(br#","value":"#);
        value(source, depth + 1, out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}
