//! Latencies, counted.

/// Buckets for each power of two: a value is told with an error below 1.6 %.
const SUB_BUCKETS: usize = 64;
const SUB_BUCKET_BITS: u32 = 6;

/// A log-linear histogram of latencies, from 1 ns to centuries, of a fixed size (32 KiB).
///
/// Counts are exact; a quantile is the middle of the bucket it falls in, and never above the maximum.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; SUB_BUCKETS * SUB_BUCKETS],
            count: 0,
            max_ns: 0,
        }
    }
}

impl Histogram {
    /// Counts a latency, in nanoseconds.
    pub fn record_ns(&mut self, ns: u64) {
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
        self.counts[bucket(ns)] += 1;
    }

    /// Counts all that another one has.
    pub fn add(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, in microseconds; 0 when there is none.
    #[must_use]
    pub fn max_us(&self) -> f64 {
        micros(self.max_ns)
    }

    /// The latency that this share of all (0 to 1) does not exceed, in microseconds; 0 when there is none.
    #[must_use]
    pub fn quantile_us(&self, share: f64) -> f64 {
        let mut below = 0_u64;
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            below += count;
            if exact(below) >= share * exact(self.count) {
                return micros(middle_ns(index).min(self.max_ns));
            }
        }
        micros(self.max_ns)
    }
}

fn bucket(ns: u64) -> usize {
    let Some(shift) = (u64::BITS - SUB_BUCKET_BITS - 1).checked_sub(ns.leading_zeros()) else {
        return usize::try_from(ns).expect("below 64");
    };
    let within = (ns >> shift) & (SUB_BUCKETS as u64 - 1);
    (shift as usize + 1) * SUB_BUCKETS + usize::try_from(within).expect("below 64")
}

/// The middle of a bucket, in nanoseconds.
fn middle_ns(bucket: usize) -> u64 {
    let (row, within) = (bucket / SUB_BUCKETS, bucket % SUB_BUCKETS);
    if row == 0 {
        return within as u64;
    }
    let shift = row - 1;
    (((SUB_BUCKETS + within) as u64) << shift) + ((1_u64 << shift) >> 1)
}

fn micros(ns: u64) -> f64 {
    exact(ns) / 1_000.0
}

/// Counts and nanoseconds stay below 2^53 in any run that ends.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn exact(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn every_value_is_told_within_1_6_percent() {
        let mut random = Random::new(3);
        for _ in 0..20_000 {
            let shift = random.below(63);
            let value = random.next() >> shift;
            let told = middle_ns(bucket(value));
            let off = told.abs_diff(value) as f64 / (value.max(1) as f64);
            assert!(off < 0.016, "{value} told as {told}");
        }
        assert!(bucket(u64::MAX) < SUB_BUCKETS * SUB_BUCKETS);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for value in 0..100_000_u64 {
            let index = bucket(value);
            assert!(index == last || index == last + 1, "{value}: {last} then {index}");
            last = index;
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        let mut random = Random::new(9);
        let mut values: Vec<u64> = (0..10_000).map(|_| 1_000 + random.next() % 9_000_000).collect();
        for value in &values {
            histogram.record_ns(*value);
        }
        values.sort_unstable();
        for (share, index) in [(0.5, 4_999), (0.99, 9_899), (0.999, 9_989), (1.0, 9_999)] {
            let expected = values[index] as f64 / 1_000.0;
            let told = histogram.quantile_us(share);
            assert!(
                (told - expected).abs() / expected < 0.016,
                "{share}: {told} for {expected}"
            );
        }
        assert_eq!(histogram.max_us(), values[9_999] as f64 / 1_000.0);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut whole, mut parts) = (Histogram::default(), [Histogram::default(), Histogram::default()]);
        for value in 0..1_000_u64 {
            whole.record_ns(value * value);
            parts[usize::from(value % 3 == 0)].record_ns(value * value);
        }
        let [mut sum, other] = parts;
        sum.add(&other);
        assert_eq!(
            (sum.count(), sum.max_ns, &sum.counts),
            (1_000, whole.max_ns, &whole.counts)
        );
    }

    #[test]
    fn an_empty_one_tells_zero() {
        let empty = Histogram::default();
        assert_eq!(
            (empty.count(), empty.max_us(), empty.quantile_us(0.99)),
            (0, 0.0, 0.0)
        );
    }
}
