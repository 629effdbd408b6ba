use grid_core::query::{Aggregator, Comparator, Extractor, Filter, QueryEntry};

use super::*;

type Told = Arc<Mutex<Option<Vec<PartAnswer>>>>;

fn gather(count: usize) -> (Gather<PartAnswer>, Told) {
    let told = Told::default();
    let into = told.clone();
    (Gather::new(count, move |all| *into.lock() = Some(all)), told)
}

fn question(aggregator: &Aggregator) -> Arc<Question> {
    Arc::new(Question::of_aggregator(&Filter::Always, aggregator).unwrap())
}

/// What an aggregator makes of numbers.
fn partial(aggregator: &Aggregator, numbers: impl IntoIterator<Item = usize>) -> PartAnswer {
    let mut accumulator = aggregator.accumulator();
    for number in numbers {
        let text = number.to_string();
        accumulator
            .accumulate(&QueryEntry::of_value(text.as_bytes()))
            .unwrap();
    }
    Ok(PartResult::Partial(accumulator.partial().unwrap().into()))
}

fn top(results: usize) -> Aggregator {
    Aggregator::Top {
        results,
        extractor: Extractor::Identity,
        comparator: Comparator::Natural,
    }
}

#[test]
fn the_first_has_what_was_made_of_all_and_those_that_failed_are_told() {
    let aggregator = top(3);
    let keeping = Keeping::new(1 << 20);
    // Everything is put together as soon as there are two.
    for due_bytes in [0, usize::MAX] {
        let merging = Merging::due_at(question(&aggregator), keeping.clone(), 5, due_bytes);
        let (all, told) = gather(5);
        merging.put(3, partial(&aggregator, [1, 9, 4]), &all);
        merging.put(0, Err(PartFailure::UnknownCache), &all);
        merging.put(4, partial(&aggregator, []), &all);
        merging.put(1, partial(&aggregator, [7, 2, 8]), &all);
        assert!(told.lock().is_none());
        merging.put(2, partial(&aggregator, [3]), &all);
        drop(merging);
        let told = told.lock().take().unwrap();
        assert!(matches!(told[0], Err(PartFailure::UnknownCache)));
        let merged: Vec<_> = told
            .iter()
            .filter_map(|answer| match answer {
                Ok(PartResult::Partial(partial)) => Some(&partial[..]),
                _ => None,
            })
            .collect();
        assert_eq!(merged, [b"[9,8,7]"]);
        let others = told
            .iter()
            .filter(|answer| matches!(answer, Ok(PartResult::Merged)));
        assert_eq!(others.count(), 3);
        drop(told);
        assert_eq!(keeping.kept(), 0, "nothing is left over");
    }
}

#[test]
fn what_grows_smaller_together_needs_little_and_what_does_not_is_refused() {
    let bytes_max = 1 << 20;
    let numbers = |part: usize| (0..1_000).map(move |number| part * 1_000 + number);
    for (aggregator, fits) in [
        (top(1_000), true),
        (Aggregator::Distinct(Extractor::Identity), false),
    ] {
        let keeping = Keeping::new(bytes_max);
        let merging = Merging::due_at(question(&aggregator), keeping.clone(), 300, 64 << 10);
        let (all, told) = gather(300);
        for part in 0..300 {
            merging.put(part, partial(&aggregator, numbers(part)), &all);
            assert!(keeping.kept() <= bytes_max);
        }
        drop(merging);
        let told = told.lock().take().unwrap();
        let refused = told
            .iter()
            .filter(|answer| matches!(answer, Err(PartFailure::Refused(_))));
        assert_eq!(refused.count(), if fits { 0 } else { 300 });
        drop(told);
        assert_eq!(keeping.kept(), 0, "nothing is left over");
    }
}
