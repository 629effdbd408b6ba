//! The parts of the JSON texts of arrays and objects, read where they stand.

use crate::value::json::{self, Cursor};
use crate::value::{JsonError, JsonErrorKind};

/// The elements of the text of an array, each as its own text.
///
/// Ends after the first error.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    at: Cursor<'a>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Inside,
    Ended,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let at = Cursor::new(text);
        let state = State::Start;
        Elements { at, state }
    }

    fn step(&mut self) -> Result<Option<&'a [u8]>, JsonError> {
        if !enter(&mut self.at, &mut self.state, b'[', b']')? {
            return Ok(None);
        }
        take_value(&mut self.at).map(Some)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, None | Some(Err(_))) {
            self.state = State::Ended;
        }
        step
    }
}

/// A member of an object: its name between the quotes, as it is spelled, and the text of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The name, without its quotes.
    pub(crate) name: &'a [u8],
    /// Where the quote before the name stands.
    pub(crate) start: usize,
    /// The text of the value.
    pub(crate) value: &'a [u8],
    /// Where the value begins.
    pub(crate) value_start: usize,
}

impl Member<'_> {
    /// Whether the member has this name, however it is spelled.
    #[inline]
    pub(crate) fn is(&self, name: &str) -> bool {
        name_is(self.name, name)
    }

    /// The offset after the value.
    pub(crate) fn end(&self) -> usize {
        self.value_start + self.value.len()
    }
}

/// Whether the inside of a string means this name. Only those with escapes must be decoded.
#[inline]
pub(crate) fn name_is(spelled: &[u8], name: &str) -> bool {
    spelled == name.as_bytes()
        || (spelled.contains(&b'\\') && json::decode(spelled).is_ok_and(|decoded| decoded == name))
}

/// The members of the text of an object. Ends after the first error.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    at: Cursor<'a>,
    state: State,
}

impl<'a> Members<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let at = Cursor::new(text);
        let state = State::Start;
        Members { at, state }
    }

    fn step(&mut self) -> Result<Option<Member<'a>>, JsonError> {
        if !enter(&mut self.at, &mut self.state, b'{', b'}')? {
            return Ok(None);
        }
        self.at.peek();
        let start = self.at.position();
        let name = self.at.string()?;
        self.at.expect(b':')?;
        self.at.peek();
        let value_start = self.at.position();
        let value = take_value(&mut self.at)?;
        Ok(Some(Member {
            name,
            start,
            value,
            value_start,
        }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, None | Some(Err(_))) {
            self.state = State::Ended;
        }
        step
    }
}

/// Goes to the next part. Whether there is one.
#[inline]
fn enter(at: &mut Cursor<'_>, state: &mut State, open: u8, close: u8) -> Result<bool, JsonError> {
    match *state {
        State::Ended => return Ok(false),
        State::Start => {
            at.expect(open)?;
            *state = State::Inside;
            if at.peek() == Some(close) {
                at.step();
                return Ok(false);
            }
        }
        State::Inside => match at.peek() {
            Some(b',') => at.step(),
            Some(byte) if byte == close => {
                at.step();
                return Ok(false);
            }
            Some(_) => return Err(at.unexpected()),
            None => return Err(at.error(JsonErrorKind::CutShort)),
        },
    }
    Ok(true)
}

/// Takes a value; its text.
#[inline]
pub(crate) fn take_value<'a>(at: &mut Cursor<'a>) -> Result<&'a [u8], JsonError> {
    at.peek();
    let start = at.position();
    at.skip_value()?;
    Ok(at.slice(start, at.position()))
}

/// The first member of this name in the text of an object.
pub(crate) fn find_member<'a>(text: &'a [u8], name: &str) -> Result<Option<Member<'a>>, JsonError> {
    for member in Members::new(text) {
        let member = member?;
        if member.is(name) {
            return Ok(Some(member));
        }
    }
    Ok(None)
}
