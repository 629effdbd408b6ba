//! How much is read at once.

use super::Question;

/// What may be read of entries on a thread that serves connections: about a millisecond of it.
#[derive(Debug)]
pub(super) struct Allowance {
    /// How many entries may still be looked at.
    entries: usize,
    /// How many bytes they may have.
    bytes: u64,
    /// How long the text of a filter may be: it is planned with for each partition.
    text_max: usize,
    /// Whether something was too much: what is like it need not be planned.
    over: bool,
}

impl Allowance {
    /// For a query whose asker waits on a thread that serves others too.
    pub(super) fn at_once() -> Self {
        Allowance {
            entries: 2_048,
            bytes: 2 << 20,
            text_max: 2_048,
            over: false,
        }
    }

    /// Whether a question may be planned with: nothing was too much yet.
    pub(super) fn allows_planning(&self, question: &Question) -> bool {
        !self.over && question.filter_text().len() <= self.text_max
    }

    /// Takes what one of several that are alike looks at: so many entries with so many bytes, each so often. Takes nothing
    /// when all of them would be too much.
    pub(super) fn take(&mut self, (entries, bytes): (usize, u64), passes: usize, alike: usize) -> bool {
        let (entries, bytes) = (
            entries.saturating_mul(passes),
            bytes.saturating_mul(passes as u64),
        );
        let all = (entries.saturating_mul(alike), bytes.saturating_mul(alike as u64));
        let allowed = all.0 <= self.entries && all.1 <= self.bytes;
        if allowed {
            self.entries -= entries;
            self.bytes -= bytes;
        }
        self.over |= !allowed;
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_for_all_is_taken_by_one() {
        let mut allowance = Allowance {
            entries: 100,
            bytes: 1_000,
            text_max: 3,
            over: false,
        };
        assert!(!allowance.take((11, 0), 1, 10));
        assert!(!allowance.take((1, 101), 1, 10));
        assert!(!allowance.take((1, 51), 2, 10));
        assert!(allowance.take((5, 50), 2, 10));
        assert!(allowance.take((90, 900), 1, 1));
        assert!(!allowance.take((1, 0), 1, 1));
        assert!(allowance.take((0, 0), 1, usize::MAX));
    }

    #[test]
    fn much_is_not_allowed_at_once_and_all_without_a_bound() {
        let all = Question::select("".into()).unwrap();
        let mut at_once = Allowance::at_once();
        assert!(at_once.allows_planning(&all));
        assert!(!at_once.take((390, 390_000), 1, 257));
        assert!(!at_once.allows_planning(&all), "what is alike is not planned");
    }
}
