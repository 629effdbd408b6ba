//! Agents in JSON from a stream of bytes: most of them sound, some with members that are missing or wrong.

use crate::classes::{Kind, Part};
use crate::source::Source;
use crate::values;

/// Methods of values, and some that there are not.
const METHODS: [&str; 82] = [
    "length",
    "isEmpty",
    "isBlank",
    "toUpperCase",
    "toLowerCase",
    "trim",
    "strip",
    "stripLeading",
    "stripTrailing",
    "intern",
    "charAt",
    "substring",
    "concat",
    "repeat",
    "indexOf",
    "lastIndexOf",
    "contains",
    "startsWith",
    "endsWith",
    "equalsIgnoreCase",
    "codePointAt",
    "matches",
    "compareTo",
    "replace",
    "intValue",
    "longValue",
    "shortValue",
    "byteValue",
    "doubleValue",
    "floatValue",
    "isNaN",
    "isInfinite",
    "abs",
    "negate",
    "size",
    "get",
    "containsAll",
    "toArray",
    "clone",
    "add",
    "remove",
    "clear",
    "getOrDefault",
    "containsKey",
    "containsValue",
    "keySet",
    "values",
    "put",
    "putIfAbsent",
    "putAll",
    "toString",
    "equals",
    "booleanValue",
    "getA",
    "isB",
    "hashCode",
    "getClass",
    "wait",
    "",
    "get",
    "split",
    "subSequence",
    "compareToIgnoreCase",
    "contentEquals",
    "signum",
    "scale",
    "precision",
    "unscaledValue",
    "toBigInteger",
    "stripTrailingZeros",
    "multiply",
    "subtract",
    "divide",
    "remainder",
    "mod",
    "max",
    "min",
    "and",
    "xor",
    "not",
    "bitLength",
    "setA",
];

/// How deep agents are made in each other, but for those that are wrapped many times.
const DEPTH_MAX: usize = 12;

/// The longest text that is made.
const LEN_MAX: usize = 1 << 20;

/// Makes agents.
#[derive(Debug)]
pub(crate) struct Agents<'s, 'b> {
    source: &'s mut Source<'b>,
    /// How seldom something is wrong; never when it is 0.
    sound: u8,
    out: Vec<u8>,
}

/// The text of an agent of a kind.
pub(crate) fn agent(source: &mut Source<'_>, kind: Kind) -> Vec<u8> {
    let sound = [0, 0, 60, 12][source.below(4)];
    let mut agents = Agents {
        source,
        sound,
        out: Vec::new(),
    };
    agents.agent(kind, 0);
    let mut out = agents.out;
    if source.once_in(8) {
        spoil(source, &mut out);
    }
    out
}

/// Changes a byte, takes some out, or doubles some.
fn spoil(source: &mut Source<'_>, out: &mut Vec<u8>) {
    let at = (source.below(256) << 8 | source.below(256)) % out.len().max(1);
    let end = (at + source.below(20)).min(out.len());
    match source.below(4) {
        0 => out.truncate(at),
        1 => drop(out.drain(at..end)),
        2 => {
            let part = out[at..end].to_vec();
            out.splice(at..at, part);
        }
        _ => {
            if let Some(byte) = out.get_mut(at) {
                *byte = source.byte();
            }
        }
    }
}

/// Whether a class is known not to be run, or not known.
fn is_refused(class: &str) -> bool {
    let refused = [
        "Script",
        "Hnsw",
        "Nope",
        "EntryComparator",
        "Pof",
        "PartitionedFilter",
    ];
    refused.iter().any(|part| class.contains(part))
}

impl Agents<'_, '_> {
    fn is_wrong(&mut self) -> bool {
        self.sound > 0 && self.source.once_in(self.sound)
    }

    fn agent(&mut self, kind: Kind, depth: usize) {
        let wraps = if depth < 4 && self.source.once_in(48) {
            self.source.below(170)
        } else {
            0
        };
        let wrappers = kind.wrappers();
        let (before, after) = wrappers[self.source.below(wrappers.len())];
        self.push(&before.repeat(wraps));
        self.object(kind, depth);
        self.push(&after.repeat(wraps));
    }

    fn object(&mut self, kind: Kind, depth: usize) {
        let classes = kind.classes();
        let ends = depth >= DEPTH_MAX || self.source.is_over() || self.out.len() > LEN_MAX;
        let mut index = if ends { 0 } else { self.source.below(classes.len()) };
        if is_refused(classes[index].0) {
            // Agents in which something is refused are not run: so that is to be seldom.
            index = self.source.below(classes.len());
        }
        let (class, parts) = classes[index];
        let long = if self.source.once_in(16) { "util." } else { "" };
        self.push(&format!(r#"{{"@class":"{long}{class}""#));
        for (name, part) in parts {
            let mut part = *part;
            if self.is_wrong() {
                match self.source.below(6) {
                    0 => continue,
                    1 => {
                        self.push(&format!(r#","{name}":null"#));
                        continue;
                    }
                    2 => self.member(name, part, depth),
                    3 => part = Part::Value,
                    4 => part = Part::Values,
                    _ => part = self.any_part(),
                }
            }
            self.member(name, part, depth);
        }
        if self.is_wrong() {
            self.member("more", Part::Value, depth);
        }
        self.push("}");
    }

    fn any_part(&mut self) -> Part {
        let kinds = [
            Kind::Filter,
            Kind::Extractor,
            Kind::Comparator,
            Kind::Aggregator,
            Kind::Processor,
            Kind::Updater,
            Kind::Manipulator,
        ];
        let kind = kinds[self.source.below(kinds.len())];
        match self.source.below(4) {
            0 => Part::Many(kind),
            1 => Part::Map,
            2 => Part::Flag,
            _ => Part::One(kind),
        }
    }

    fn member(&mut self, name: &str, part: Part, depth: usize) {
        self.push(&format!(r#","{name}":"#));
        self.part(part, depth);
    }

    fn part(&mut self, part: Part, depth: usize) {
        match part {
            Part::One(kind) => self.agent(kind, depth + 1),
            Part::Many(kind) => self.many(|agents| agents.agent(kind, depth + 1)),
            Part::Value => values::value(self.source, 0, &mut self.out),
            Part::Values => self.many(|agents| values::value(agents.source, 0, &mut agents.out)),
            Part::Number => values::number(self.source, &mut self.out),
            Part::Vector => values::vector(self.source, &mut self.out),
            Part::Map => values::map(self.source, 0, &mut self.out),
            Part::Object => values::object(self.source, 0, &mut self.out),
            Part::Flag => {
                let flag = self.source.pick(&["false", "true", "0"]);
                self.push(flag);
            }
            Part::Size => {
                let sizes = [
                    "0",
                    "1",
                    "2",
                    "3",
                    "7",
                    "59",
                    "255",
                    "2147483647",
                    "9223372036854775807",
                    "-1",
                ];
                let size = self.source.pick(&sizes);
                self.push(size);
            }
            Part::Record => {
                let record = self
                    .source
                    .pick(&["\"EXPLAIN\"", r#"{"enum":"TRACE"}"#, r#"{"enum":1}"#]);
                self.push(record);
            }
            Part::Pattern | Part::Character | Part::Property | Part::Method | Part::Bare => self.text(part),
        }
    }

    /// A string literal.
    fn text(&mut self, part: Part) {
        self.push("\"");
        match part {
            Part::Pattern => values::pattern(self.source, &mut self.out),
            Part::Character => {
                let character = self.source.pick(&["\\\\", "!", "\\u0000", "😀", "%", "", "ab"]);
                self.push(character);
            }
            Part::Method => {
                let method = self.source.pick(&METHODS);
                self.push(method);
                let brackets = self.source.pick(&["()", "()", "()", "()", "()", "()", "", "("]);
                self.push(brackets);
            }
            Part::Bare => {
                let method = self.source.pick(&METHODS);
                self.push(method);
            }
            _ => {
                let name = self.source.pick(&values::NAMES);
                self.push(name);
            }
        }
        self.push("\"");
    }

    fn many(&mut self, mut one: impl FnMut(&mut Self)) {
        self.push("[");
        for index in 0..self.source.count() {
            if index > 0 {
                self.push(",");
            }
            let start = self.out.len();
            one(self);
            values::repeat(self.source, start, &mut self.out);
            if self.source.is_over() || self.out.len() > LEN_MAX {
                break;
            }
        }
        self.push("]");
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
