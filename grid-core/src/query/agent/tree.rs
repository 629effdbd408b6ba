//! The text of an agent as a tree.
//!
//! The tree lies in one vector and is built and dropped without recursion, so that its depth costs no stack.

use std::borrow::Cow;

use super::{AgentError, DEPTH_MAX, LEN_MAX, NODES_MAX, Patterns};
use crate::query::Operand;
use crate::value::json::{self, Cursor};

/// The most levels of objects and arrays: each agent takes two, and the values in them may nest as everywhere.
const LEVELS_MAX: usize = 2 * DEPTH_MAX + 130;

/// The values of a JSON text.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: &'t [u8],
    places: Vec<Place<'t>>,
    patterns: Patterns,
}

#[derive(Debug)]
struct Place<'t> {
    start: usize,
    end: usize,
    parts: Parts<'t>,
}

#[derive(Debug)]
enum Parts<'t> {
    Scalar,
    Array(Vec<usize>),
    Object(Vec<(Cow<'t, str>, usize)>),
}

impl<'t> Tree<'t> {
    /// Reads a text.
    pub(crate) fn read(text: &'t [u8]) -> Result<Self, AgentError> {
        if text.len() > LEN_MAX {
            let (len, max) = (text.len(), LEN_MAX);
            return Err(AgentError::TooLong { len, max });
        }
        let mut tree = Tree {
            text,
            places: Vec::new(),
            patterns: Patterns::new(),
        };
        tree.fill()?;
        Ok(tree)
    }

    /// The value of the whole text.
    pub(crate) fn root(&self) -> Node<'_> {
        let (tree, index) = (self, 0);
        Node { tree, index }
    }

    fn fill(&mut self) -> Result<(), AgentError> {
        let mut at = Cursor::new(self.text);
        // The arrays and objects that are open, by their index.
        let mut open: Vec<usize> = Vec::new();
        self.start_value(&mut at, &mut open)?;
        loop {
            let Some(container) = open.last().copied() else {
                return match at.peek() {
                    None => Ok(()),
                    Some(_) => Err(at.unexpected().into()),
                };
            };
            let place = self.places.get_mut(container);
            let Some(place) = place else { return Ok(()) };
            let (close, first) = match &place.parts {
                Parts::Object(members) => (b'}', members.is_empty()),
                Parts::Array(elements) => (b']', elements.is_empty()),
                Parts::Scalar => return Ok(()),
            };
            match at.peek() {
                Some(byte) if byte == close => {
                    at.step();
                    place.end = at.position();
                    open.pop();
                    continue;
                }
                Some(b',') if !first => at.step(),
                Some(_) if first => {}
                _ => return Err(at.unexpected().into()),
            }
            let name = match close {
                b'}' => {
                    at.peek();
                    let name = json::decode(at.string()?)?;
                    at.expect(b':')?;
                    Some(name)
                }
                _ => None,
            };
            let index = self.start_value(&mut at, &mut open)?;
            match self.places.get_mut(container).map(|place| &mut place.parts) {
                Some(Parts::Object(members)) => members.push((name.unwrap_or_default(), index)),
                Some(Parts::Array(elements)) => elements.push(index),
                _ => {}
            }
        }
    }

    /// Takes a scalar, or the opening of an array or object; its index.
    fn start_value(&mut self, at: &mut Cursor<'t>, open: &mut Vec<usize>) -> Result<usize, AgentError> {
        if self.places.len() >= NODES_MAX {
            return Err(AgentError::TooMany { max: NODES_MAX });
        }
        let index = self.places.len();
        let first = at.peek();
        let start = at.position();
        let parts = match first {
            Some(b'{') => Parts::Object(Vec::new()),
            Some(b'[') => Parts::Array(Vec::new()),
            _ => Parts::Scalar,
        };
        if matches!(parts, Parts::Scalar) {
            at.skip_value()?;
        } else {
            if open.len() >= LEVELS_MAX {
                return Err(AgentError::TooDeep { max: DEPTH_MAX });
            }
            open.push(index);
            at.step();
        }
        let end = at.position();
        self.places.push(Place { start, end, parts });
        Ok(index)
    }
}

/// A value of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: usize,
}

impl<'t> Node<'t> {
    fn place(self) -> Option<&'t Place<'t>> {
        self.tree.places.get(self.index)
    }

    /// The JSON text of the value.
    pub(crate) fn text(self) -> &'t [u8] {
        let place = self.place();
        place
            .and_then(|place| self.tree.text.get(place.start..place.end))
            .unwrap_or_default()
    }

    /// What reads the patterns of the whole text.
    pub(crate) fn patterns(self) -> &'t Patterns {
        &self.tree.patterns
    }

    pub(crate) fn is_null(self) -> bool {
        self.text() == b"null"
    }

    /// The member of this name that is not null; the last of several.
    pub(crate) fn get(self, name: &str) -> Option<Node<'t>> {
        match &self.place()?.parts {
            Parts::Object(members) => {
                let member = members.iter().rev().find(|(member, _)| member == name)?;
                let (tree, index) = (self.tree, member.1);
                Some(Node { tree, index }).filter(|node| !node.is_null())
            }
            _ => None,
        }
    }

    /// The elements of an array.
    pub(crate) fn elements(self) -> Option<impl ExactSizeIterator<Item = Node<'t>>> {
        let tree = self.tree;
        match &self.place()?.parts {
            Parts::Array(elements) => Some(elements.iter().map(move |index| Node { tree, index: *index })),
            _ => None,
        }
    }

    /// The members of an object.
    pub(crate) fn members(self) -> Option<impl Iterator<Item = (&'t str, Node<'t>)>> {
        let tree = self.tree;
        match &self.place()?.parts {
            Parts::Object(members) => Some(
                members
                    .iter()
                    .map(move |(name, index)| (name.as_ref(), Node { tree, index: *index })),
            ),
            _ => None,
        }
    }

    /// The string.
    pub(crate) fn string(self) -> Option<Cow<'t, str>> {
        let inner = self.text().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        json::decode(inner).ok()
    }

    /// The class, without the package in which the clients of Go and Java have it.
    pub(crate) fn class(self) -> Option<Cow<'t, str>> {
        let class = self.get("@class")?.string()?;
        let short = [
            "util.filter.",
            "util.comparator.",
            "util.extractor.",
            "util.aggregator.",
            "util.processor.",
            "util.transformer.",
        ]
        .iter()
        .any(|package| class.starts_with(package));
        Some(match (short, class) {
            (true, Cow::Borrowed(class)) => Cow::Borrowed(class.trim_start_matches("util.")),
            (true, Cow::Owned(class)) => Cow::Owned(class.trim_start_matches("util.").to_owned()),
            (false, class) => class,
        })
    }

    /// The class of what is expected here.
    pub(crate) fn expect_class(self, expected: &'static str) -> Result<Cow<'t, str>, AgentError> {
        self.class().ok_or(AgentError::NoClass { expected })
    }

    /// A member that must be there.
    pub(crate) fn need(self, field: &'static str) -> Result<Node<'t>, AgentError> {
        self.get(field).ok_or_else(|| AgentError::Missing {
            class: self.class_name(),
            field,
        })
    }

    /// The elements of a member that must be an array.
    pub(crate) fn need_elements(
        self,
        field: &'static str,
    ) -> Result<impl ExactSizeIterator<Item = Node<'t>>, AgentError> {
        let elements = self.need(field)?.elements();
        elements.ok_or_else(|| self.wrong(field, "an array"))
    }

    /// A member that must be a string.
    pub(crate) fn need_string(self, field: &'static str) -> Result<Cow<'t, str>, AgentError> {
        let string = self.need(field)?.string();
        string.ok_or_else(|| self.wrong(field, "a string"))
    }

    /// A member that is true or false; false when it is missing.
    pub(crate) fn flag(self, field: &'static str) -> Result<bool, AgentError> {
        match self.get(field).map(Node::text) {
            None | Some(b"false") => Ok(false),
            Some(b"true") => Ok(true),
            Some(_) => Err(self.wrong(field, "true or false")),
        }
    }

    /// A member that is an integer.
    pub(crate) fn integer(self, field: &'static str) -> Result<Option<i64>, AgentError> {
        let Some(node) = self.get(field) else {
            return Ok(None);
        };
        let number = core::str::from_utf8(node.text())
            .ok()
            .and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(field, "an integer"))
    }

    /// The value of a member; null when it is missing.
    pub(crate) fn operand(self, field: &'static str) -> Result<Operand, AgentError> {
        match self.get(field) {
            Some(node) => Ok(Operand::new(node.text())?),
            None => Ok(Operand::null()),
        }
    }

    /// The error for a member with a wrong value.
    #[cold]
    pub(crate) fn wrong(self, field: &'static str, expected: &'static str) -> AgentError {
        AgentError::Wrong {
            class: self.class_name(),
            field,
            expected,
        }
    }

    /// The error for a class that is not known here.
    #[cold]
    pub(crate) fn unknown(self, expected: &'static str) -> AgentError {
        AgentError::Unknown {
            class: self.class_name(),
            expected,
        }
    }

    /// The error for a class that is known and not done.
    #[cold]
    pub(crate) fn refused(self, reason: &'static str) -> AgentError {
        AgentError::Refused {
            class: self.class_name(),
            reason,
        }
    }

    /// The class for messages: not more of it than is of use.
    fn class_name(self) -> String {
        const SHOWN: usize = 100;
        self.class().unwrap_or_default().chars().take(SHOWN).collect()
    }
}

/// Refuses what stands too deeply in others.
pub(crate) fn check_depth(depth: usize) -> Result<(), AgentError> {
    if depth < DEPTH_MAX {
        Ok(())
    } else {
        Err(AgentError::TooDeep { max: DEPTH_MAX })
    }
}

/// What is meant where an agent that stands in so many others names none. It counts as one that stands in it, which it is
/// when it is written.
pub(crate) fn implied<T>(agent: T, depth: usize) -> Result<T, AgentError> {
    check_depth(depth + 1)?;
    Ok(agent)
}
