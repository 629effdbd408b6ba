//! What one key does when nothing goes wrong.

use crate::history::{Action, Outcome};

/// The value of a key, if it has one.
pub(super) type State = Option<u64>;

/// What a key is after an action that was answered so; `None` when the key could not have answered so. Without an
/// answer, whatever it would have been is right.
pub(super) fn apply(state: State, action: Action, answer: Option<&Outcome>) -> Option<State> {
    let (expected, after) = expected(state, action);
    match (answer, expected) {
        // An acknowledgement without a value fits every change that is always made.
        (None, _) | (Some(Outcome::Written), Outcome::Value(_)) => Some(after),
        (Some(answer), expected) => (*answer == expected).then_some(after),
    }
}

fn expected(state: State, action: Action) -> (Outcome, State) {
    match action {
        Action::Get => (Outcome::Value(state), state),
        Action::Put(value) => (Outcome::Value(state), Some(value)),
        Action::PutIfAbsent(value) => (Outcome::Value(state), state.or(Some(value))),
        Action::Replace(value) => (Outcome::Value(state), state.map(|_| value)),
        Action::ReplaceIfEqual { previous, value } => {
            let done = state == Some(previous);
            (Outcome::Done(done), if done { Some(value) } else { state })
        }
        Action::Remove => (Outcome::Value(state), None),
        Action::RemoveIfEqual(previous) => {
            let done = state == Some(previous);
            (Outcome::Done(done), if done { None } else { state })
        }
        Action::Increment(by) => {
            let sum = state.unwrap_or(0).wrapping_add(by);
            (Outcome::Value(Some(sum)), Some(sum))
        }
        // Lists and queries are no registers; their loads are never given to this model.
        Action::Append(_) | Action::SelectAll => (Outcome::Written, state),
    }
}

/// The value that an action leaves when it changes the key.
pub(super) fn written(action: Action) -> Option<u64> {
    match action {
        Action::Put(value)
        | Action::PutIfAbsent(value)
        | Action::Replace(value)
        | Action::ReplaceIfEqual { value, .. } => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_those_of_a_map_with_one_key() {
        let value = |v| Some(Outcome::Value(v));
        let done = |d| Some(Outcome::Done(d));
        let cas = |previous, value| Action::ReplaceIfEqual { previous, value };
        let right = [
            (None, Action::Get, value(None), None),
            (Some(1), Action::Put(2), value(Some(1)), Some(2)),
            (Some(1), Action::Put(2), Some(Outcome::Written), Some(2)),
            (Some(1), Action::PutIfAbsent(2), value(Some(1)), Some(1)),
            (None, Action::PutIfAbsent(2), value(None), Some(2)),
            (None, Action::Replace(2), value(None), None),
            (Some(1), cas(1, 2), done(true), Some(2)),
            (Some(3), cas(1, 2), done(false), Some(3)),
            (Some(3), Action::Remove, value(Some(3)), None),
            (Some(3), Action::RemoveIfEqual(3), done(true), None),
            (None, Action::Increment(2), value(Some(2)), Some(2)),
            (Some(3), cas(3, 4), None, Some(4)),
        ];
        for (before, action, answer, after) in right {
            assert_eq!(
                apply(before, action, answer.as_ref()),
                Some(after),
                "{before:?} {action:?} {answer:?}"
            );
        }
        for (before, action, answer) in [
            (Some(1), Action::Get, value(None)),
            (Some(1), cas(1, 2), done(false)),
            (None, Action::PutIfAbsent(2), value(Some(1))),
            (Some(1), Action::Increment(1), value(Some(1))),
        ] {
            assert_eq!(
                apply(before, action, answer.as_ref()),
                None,
                "{before:?} {action:?} {answer:?}"
            );
        }
    }
}
