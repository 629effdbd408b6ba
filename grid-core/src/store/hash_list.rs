//! Hashes in order, of which only those are put in order that are taken.

/// So many are put in order first, and each time twice as many.
const FIRST_LEN: usize = 16_384;

/// Hashes that are taken from the least on, each once.
///
/// Putting them in order costs nearly nothing when few are taken, and no more than sorting when all are.
#[derive(Debug, Default)]
pub(super) struct HashList {
    hashes: Vec<u64>,
    /// How many were taken.
    at: usize,
    /// How many are in order, and less than all others.
    ordered: usize,
    next_len: usize,
    last: Option<u64>,
}

impl HashList {
    /// A list of hashes in no order.
    pub(super) fn new(hashes: Vec<u64>) -> Self {
        HashList {
            hashes,
            at: 0,
            ordered: 0,
            next_len: FIRST_LEN,
            last: None,
        }
    }

    /// Puts the next in order, when all that were have been taken. To be done while nobody waits.
    pub(super) fn order(&mut self) {
        if self.at < self.ordered {
            return;
        }
        let rest = self.hashes.get_mut(self.ordered..).unwrap_or_default();
        if self.next_len < rest.len() {
            rest.select_nth_unstable(self.next_len);
        }
        let len = self.next_len.min(rest.len());
        rest.get_mut(..len).unwrap_or_default().sort_unstable();
        self.ordered += len;
        self.next_len = self.next_len.saturating_mul(2);
    }

    /// Takes the next of those that are in order.
    pub(super) fn take(&mut self) -> Option<u64> {
        while self.at < self.ordered {
            let hash = self.hashes.get(self.at).copied();
            self.at += 1;
            if hash != self.last {
                self.last = hash;
                return hash;
            }
        }
        None
    }

    /// Whether there are more, be they in order or not. Those may be the last again.
    pub(super) fn has_more(&self) -> bool {
        self.at < self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_once_in_order() {
        let mixed = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 47;
        for len in [0, 1, 1_000, FIRST_LEN as u64, 200_000] {
            let hashes: Vec<_> = (0..len).map(mixed).collect();
            let mut expected = hashes.clone();
            expected.sort_unstable();
            expected.dedup();
            let mut list = HashList::new(hashes);
            let mut taken = Vec::new();
            while list.has_more() {
                list.order();
                taken.extend(std::iter::from_fn(|| list.take()));
            }
            assert!(taken == expected, "of {len}");
        }
    }
}
