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

/// How the words begin where nothing was changed, and where something may have been.
const NOT_APPLIED: &str = "not applied: ";
const MAYBE_APPLIED: &str = "maybe applied: ";

/// Why code of one's own was not run to its end. Nothing was changed then.
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
    /// Whether an attempt before this one may have been applied, or what was asked of other entries was.
    pub in_doubt: bool,
    /// More of it, and what to do.
    pub advice: String,
}

impl OwnKind {
    const ALL: [OwnKind; 2] = [OwnKind::Processor, OwnKind::Aggregator];

    fn words(self) -> &'static str {
        match self {
            OwnKind::Processor => "the processor ",
            OwnKind::Aggregator => "the aggregator ",
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
        let (in_doubt, rest) = match words.strip_prefix(MAYBE_APPLIED) {
            Some(rest) => (true, rest),
            None => (false, words.strip_prefix(NOT_APPLIED)?),
        };
        let begins = |agent: &OwnKind| Some((*agent, rest.strip_prefix(agent.words())?));
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
            in_doubt,
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
            in_doubt,
            advice,
        } = self;
        let (name, member) = (quoted(name), quoted(member));
        let applied = if *in_doubt { MAYBE_APPLIED } else { NOT_APPLIED };
        write!(
            f,
            "{applied}{}{name}{}{member}: {advice}",
            agent.words(),
            kind.words()
        )
    }
}

impl std::error::Error for OwnFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_knows_the_words() {
        for agent in OwnKind::ALL {
            for (kind, in_doubt) in OwnFailureKind::ALL
                .into_iter()
                .flat_map(|kind| [(kind, false), (kind, true)])
            {
                let failure = OwnFailure {
                    agent,
                    name: "a \"name\" is not registered at member \\ü".to_owned(),
                    kind,
                    member: "member-1: \"x\"".to_owned(),
                    in_doubt,
                    advice: "do: this".to_owned(),
                };
                let words = failure.to_string();
                assert_eq!(words.starts_with("not applied"), !in_doubt, "{words}");
                assert_eq!(OwnFailure::from_words(&words), Some(failure));
            }
        }
        for other in [
            "",
            "not applied: the processor ",
            "not applied: the processor \"a\" sleeps",
            "the processor \"a\" panicked at member \"b\": c",
            "maybe applied: ",
            "unavailable",
        ] {
            assert_eq!(OwnFailure::from_words(other), None, "{other}");
        }
    }
}
