//! Whether those who listen were told of each change once, in order, or that something is missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, Entries, News, Operation, Told, View, Workload};

use super::Finding;

const NAME: &str = "events";

/// What one who listens was told so far.
#[derive(Debug, Default)]
struct Heard<'a> {
    /// When it began to listen, or had to read anew.
    since_ns: u64,
    /// The last value of each key that it was told of since.
    values: BTreeMap<&'a str, Option<u64>>,
    /// The last change of each partition.
    numbers: BTreeMap<usize, (u64, u64)>,
    shows: Option<&'a BTreeMap<String, u64>>,
}

impl<'a> Heard<'a> {
    /// Takes in what it was told; what is wrong with it.
    fn take(&mut self, told: &'a Told) -> Option<&'static str> {
        match &told.news {
            News::Begins | News::Resync => {
                self.since_ns = told.at_ns;
                self.values.clear();
            }
            News::Change {
                key,
                old,
                new,
                number: (partition, placed, sequence),
            } => {
                let number = (*placed, *sequence);
                let last = self.numbers.insert(*partition, number);
                if last.is_some_and(|last| last >= number) {
                    return Some("it was told twice, or after a later one");
                }
                let known = self.values.insert(key, *new);
                if known.is_some_and(|known| known != *old) {
                    return Some("a change before it was not told");
                }
            }
            News::Ended(_) => return Some("it hears of nothing more"),
            News::Shows(entries) => self.shows = Some(entries),
        }
        None
    }

    /// The keys of which it was not told what is there in the end.
    fn behind(&self, entries: &BTreeMap<String, u64>, changed: &BTreeMap<&str, u64>) -> BTreeSet<String> {
        let told = self.values.iter();
        let stale = told.filter(|(key, value)| entries.get(**key) != value.as_ref());
        let stale = stale.map(|(key, _)| (*key).to_owned());
        let changed = changed.iter();
        let untold =
            changed.filter(|(key, at_ns)| **at_ns > self.since_ns && !self.values.contains_key(**key));
        stale.chain(untold.map(|(key, _)| (*key).to_owned())).collect()
    }
}

/// When each key was last changed for sure, at least.
fn changed(operations: &[Operation]) -> BTreeMap<&str, u64> {
    let mut changed: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in operations {
        let is_change = operation.workload == Workload::Events
            && matches!(operation.action, Action::Put(_))
            && operation.outcome.is_acknowledged();
        if is_change {
            let at = changed.entry(&operation.key).or_default();
            *at = operation.start_ns.max(*at);
        }
    }
    changed
}

fn entries_of(views: &[View]) -> Option<&BTreeMap<String, u64>> {
    views.iter().find_map(|view| match &view.entries {
        Entries::Numbers(entries) if view.workload == Workload::Events => Some(entries),
        _ => None,
    })
}

/// Whether everybody was told of everything that is there in the end, and each view shows it; so it has to be soon after the
/// last change.
#[must_use]
pub fn is_up_to_date(told: &[Told], operations: &[Operation], views: &[View]) -> bool {
    let Some(entries) = entries_of(views) else {
        return true;
    };
    let changed = changed(operations);
    let mut all: BTreeMap<u32, Heard<'_>> = BTreeMap::new();
    for told in told {
        let _wrong = all.entry(told.listener).or_default().take(told);
    }
    all.values().all(|heard| {
        heard.behind(entries, &changed).is_empty() && heard.shows.is_none_or(|shows| shows == entries)
    })
}

/// Follows what each was told. Each change is one that follows the last of its key and partition, unless something was told to
/// be missing; and in the end each knows what is there, and so does its view.
#[must_use]
pub fn check(told: &[Told], operations: &[Operation], views: &[View]) -> Vec<Finding> {
    let (mut found, mut all) = (Vec::new(), BTreeMap::<u32, (usize, Heard<'_>)>::new());
    for told in told {
        let (_, heard) = all
            .entry(told.listener)
            .or_insert_with(|| (told.member, Heard::default()));
        if let Some(wrong) = heard.take(told) {
            found.push(Finding::violation(NAME, format!("{wrong}: {told}"), Vec::new()));
        }
    }
    let Some(entries) = entries_of(views) else {
        return found;
    };
    let changed = changed(operations);
    for (listener, (member, heard)) in all {
        let behind = heard.behind(entries, &changed);
        if !behind.is_empty() {
            let what =
                format!("listener {listener} at m{member} was not told of the last changes of {behind:?}");
            found.push(Finding::violation(NAME, what, Vec::new()));
        }
        let Some(shows) = heard.shows.filter(|shows| *shows != entries) else {
            continue;
        };
        let keys: BTreeSet<&String> = entries.keys().chain(shows.keys()).collect();
        let differ = keys
            .into_iter()
            .filter(|key| entries.get(*key) != shows.get(*key));
        let differ: Vec<_> = differ.collect();
        let what = format!("the view of listener {listener} at m{member} shows other values of {differ:?}");
        found.push(Finding::violation(NAME, what, Vec::new()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    fn change(key: &str, (old, new): (Option<u64>, Option<u64>), sequence: u64) -> News {
        News::Change {
            key: key.to_owned(),
            old,
            new,
            number: (3, 1, sequence),
        }
    }

    fn put(key: &str, value: u64, start_ns: u64) -> Operation {
        Operation {
            client: 1,
            member: 1,
            workload: Workload::Events,
            key: key.to_owned(),
            action: Action::Put(value),
            start_ns,
            end_ns: start_ns + 1,
            outcome: Outcome::Written,
        }
    }

    /// What is found when a listener is told this, one thing each nanosecond, and `a` is 2 and `b` 3 in the end.
    fn found(news: Vec<News>) -> Vec<String> {
        let told = (0..).zip(news).map(|(at_ns, news)| Told {
            listener: 0,
            member: 1,
            at_ns,
            news,
        });
        let told: Vec<_> = told.collect();
        let entries = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 3)]);
        let views = [View {
            member: 1,
            workload: Workload::Events,
            entries: Entries::Numbers(entries),
        }];
        let operations = [put("a", 1, 1), put("a", 2, 2), put("b", 3, 3)];
        let found = check(&told, &operations, &views);
        let complains = found
            .iter()
            .any(|finding| finding.what.contains("last changes") || finding.what.contains("shows"));
        assert_eq!(is_up_to_date(&told, &operations, &views), !complains);
        found.into_iter().map(|finding| finding.what).collect()
    }

    fn whole() -> Vec<News> {
        vec![
            News::Begins,
            change("a", (None, Some(1)), 1),
            change("a", (Some(1), Some(2)), 2),
            change("b", (None, Some(3)), 4),
            News::Shows(BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 3)])),
        ]
    }

    #[test]
    fn who_is_told_of_everything_is_not_blamed() {
        assert_eq!(found(whole()), [] as [String; 0]);
    }

    #[test]
    fn each_lie_is_found() {
        for (what, lie) in [("a change before", 1_usize), ("last changes", 3)] {
            let mut news = whole();
            news.remove(lie);
            news.insert(1, change("a", (None, Some(9)), 0));
            news.truncate(news.len() - usize::from(lie == 1));
            let found = found(news);
            assert!(
                found.iter().any(|found| found.contains(what)),
                "{what}: {found:?}"
            );
        }
        let mut twice = whole();
        twice.insert(2, change("a", (None, Some(1)), 1));
        assert!(found(twice)[0].contains("twice"));
        let mut untold = whole();
        untold.remove(3);
        assert!(found(untold)[0].contains("last changes of {\"b\"}"));
        let mut stale = whole();
        stale[4] = News::Shows(BTreeMap::from([("a".to_owned(), 1)]));
        assert!(found(stale)[0].contains("[\"a\", \"b\"]"));
        let mut ended = whole();
        ended.insert(4, News::Ended("late".to_owned()));
        assert!(found(ended)[0].contains("nothing more"));
    }

    #[test]
    fn what_is_told_to_be_missing_is_forgiven() {
        let mut news = whole();
        // All of the changes are before it.
        news.splice(1..4, [News::Begins, News::Begins, News::Begins, News::Resync]);
        assert_eq!(found(news), [] as [String; 0]);
    }
}
