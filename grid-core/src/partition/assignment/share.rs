//! How many partitions each member should be primary of.

use std::cmp::Reverse;

/// The fair shares of `total` among members with these weights, none of which is 0: each its exact part, rounded down
/// or up. Up are first those that `hold` as much already, then those with the largest fractions.
pub(super) fn shares(weights: &[u32], held: &[usize], total: usize) -> Vec<usize> {
    let weight_sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let mut shares = Vec::with_capacity(weights.len());
    let mut round_up = Vec::new();
    for (taker, weight) in weights.iter().enumerate() {
        let part = total as u128 * u128::from(*weight);
        let share = usize::try_from(part / weight_sum).unwrap_or(total);
        let fraction = part % weight_sum;
        if fraction > 0 {
            round_up.push((held[taker] <= share, Reverse(fraction), taker));
        }
        shares.push(share);
    }
    let left = total - shares.iter().sum::<usize>();
    round_up.sort_unstable();
    for (.., taker) in round_up.into_iter().take(left) {
        shares[taker] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_differ_by_at_most_one() {
        assert_eq!(shares(&[100; 4], &[0; 4], 257), [65, 64, 64, 64]);
    }

    #[test]
    fn who_has_more_already_keeps_it() {
        assert_eq!(shares(&[100; 3], &[85, 86, 86], 257), [85, 86, 86]);
        assert_eq!(shares(&[100; 4], &[85, 86, 86, 0], 257), [65, 64, 64, 64]);
    }

    #[test]
    fn a_whole_share_is_not_rounded() {
        assert_eq!(shares(&[100, 50, 50], &[0, 5, 5], 10), [5, 3, 2]);
        assert_eq!(shares(&[2, 1, 1], &[9, 0, 0], 8), [4, 2, 2]);
    }

    #[test]
    fn large_weights_do_not_overflow() {
        assert_eq!(
            shares(&[u32::MAX, u32::MAX, 1], &[0; 3], 65_535),
            [32_768, 32_767, 0]
        );
    }
}
