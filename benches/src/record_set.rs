//! The entries that queries are measured on.

use crate::random::Random;

/// How many values each of the two numbers has that queries ask for.
const BUCKETS: usize = 1_000;

/// Records of one length in JSON, as the comparison with other products has them: `id`, `bucket` (indexed), `bucket2` (not
/// indexed), `amount`, `counter`, and `pad`, which fills the rest.
#[derive(Clone, Debug)]
pub(crate) struct RecordSet {
    count: usize,
    pads: Vec<String>,
    len: usize,
}

impl RecordSet {
    /// So many records of about so many bytes.
    pub(crate) fn new(count: usize, len: usize) -> Self {
        const PADS: usize = 64;
        let mut random = Random::new(42);
        let letter =
            |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap_or_default());
        let pads = (0..PADS)
            .map(|_| (0..len).map(|_| letter(&mut random)).collect())
            .collect();
        RecordSet { count, pads, len }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many records each bucket has at least.
    pub(crate) fn in_bucket(&self) -> usize {
        self.count / BUCKETS
    }

    /// A bucket.
    pub(crate) fn bucket(random: &mut Random) -> usize {
        random.below(BUCKETS)
    }

    /// The sum of all amounts.
    pub(crate) fn sum(&self) -> u64 {
        let count = self.count as u64;
        count * count.saturating_sub(1) / 2
    }

    /// The key of a record, as JSON.
    pub(crate) fn key(number: usize) -> String {
        format!("\"key:{number:012}\"")
    }

    /// A record, as JSON.
    pub(crate) fn record(&self, number: usize) -> String {
        let head = format!(
            "{{\"id\":{number},\"bucket\":{},\"bucket2\":{},\"amount\":{number},\"counter\":0,\"pad\":\"",
            number % BUCKETS,
            number / 7 % BUCKETS
        );
        let pad = &self.pads[number % self.pads.len()];
        let rest = self.len.saturating_sub(head.len() + 2).min(pad.len());
        format!("{head}{}\"}}", &pad[..rest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_their_length_and_their_numbers() {
        let records = RecordSet::new(10_000, 1_024);
        let record: serde_json::Value = serde_json::from_str(&records.record(8_123)).unwrap();
        assert_eq!(records.record(8_123).len(), 1_024);
        assert_eq!(
            (&record["bucket"], &record["bucket2"]),
            (&123.into(), &160.into())
        );
        let sum: u64 = (0..10_000).sum();
        assert_eq!((records.sum(), records.in_bucket()), (sum, 10));
    }
}
