//! Why code of one's own was not run to its end.

use std::fmt;

/// What kind of code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnKind {
    /// A processor.
    Processor,
    /// An aggregator.
    Aggregator,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnFailureKind {
    /// The member has none of this name.
    NotRegistered,
    /// It took longer than it may. It was left alone, and what it does now changes nothing.
    OutOfTime,
    /// It panicked.
    Panicked,
    /// It is not run now: too much of its kind is under way, or has not ended.
    Busy,
    /// What it read was changed by others, again and again, before it had ended.
    Overtaken,
}

/// Why code of one's own was not run to its end. Nothing was changed.
///
/// Its words cross the network, and are read on the other side ([`from_words`](Self::from_words)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFailure {
    /// What kind of code it is.
    pub agent: OwnKind,
    /// Its name.
    pub name: String,
    /// What went wrong.
    pub kind: OwnFailureKind,
    /// The name of the member where it was to run.
    pub member: String,
    /// More of it, and what to do.
    pub advice: String,
}

impl OwnKind {
    const ALL: [OwnKind; 2] = [OwnKind::Processor, OwnKind::Aggregator];

    fn words(self) -> &'static str {
        match self {
            OwnKind::Processor => "not applied: the processor ",
            OwnKind::Aggregator => "not applied: the aggregator ",
        }
    }
}

impl OwnFailureKind {
    const ALL: [OwnFailureKind; 5] = [
        OwnFailureKind::NotRegistered,
        OwnFailureKind::OutOfTime,
        OwnFailureKind::Panicked,
        OwnFailureKind::Busy,
        OwnFailureKind::Overtaken,
    ];

    /// Whether the same may work when it is asked for again.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, OwnFailureKind::Busy | OwnFailureKind::Overtaken)
    }

    fn words(self) -> &'static str {
        match self {
            OwnFailureKind::NotRegistered => " is not registered at member ",
            OwnFailureKind::OutOfTime => " ran out of time at member ",
            OwnFailureKind::Panicked => " panicked at member ",
            OwnFailureKind::Busy => " is not run now at member ",
            OwnFailureKind::Overtaken => " was overtaken at member ",
        }
    }
}

impl OwnFailure {
    /// The failure that these words tell of.
    #[must_use]
    pub fn from_words(words: &str) -> Option<OwnFailure> {
        let begins = |agent: &OwnKind| Some((*agent, words.strip_prefix(agent.words())?));
        let (agent, rest) = OwnKind::ALL.iter().find_map(begins)?;
        let (name, rest) = quoted(rest)?;
        let goes_on = |kind: &OwnFailureKind| Some((*kind, rest.strip_prefix(kind.words())?));
        let (kind, rest) = OwnFailureKind::ALL.iter().find_map(goes_on)?;
        let (member, rest) = quoted(rest)?;
        Some(OwnFailure {
            agent,
            name,
            kind,
            member,
            advice: rest.strip_prefix(": ")?.to_owned(),
        })
    }
}

/// The JSON string that a text begins with, and the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let string = strings.next()?.ok()?;
    Some((string, text.get(strings.byte_offset()..)?))
}

impl fmt::Display for OwnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let OwnFailure {
            agent,
            name,
            kind,
            member,
            advice,
        } = self;
        let (name, member) = (quoted(name), quoted(member));
        write!(f, "{}{name}{}{member}: {advice}", agent.words(), kind.words())
    }
}

impl std::error::Error for OwnFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_knows_the_words() {
        for agent in OwnKind::ALL {
            for kind in OwnFailureKind::ALL {
                let failure = OwnFailure {
                    agent,
                    name: "a \"name\" is not registered at member \\ü".to_owned(),
                    kind,
                    member: "member-1: \"x\"".to_owned(),
                    advice: "do: this".to_owned(),
                };
                assert_eq!(OwnFailure::from_words(&failure.to_string()), Some(failure));
            }
        }
        for other in [
            "",
            "not applied: the processor ",
            "not applied: the processor \"a\" sleeps",
            "unavailable",
        ] {
            assert_eq!(OwnFailure::from_words(other), None, "{other}");
        }
    }
}
