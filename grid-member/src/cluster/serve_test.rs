use grid_core::store::WorkAnswer;
use grid_core::value::{Binary, Format};

use super::*;

fn outcome(bytes: usize) -> Outcome {
    let answer = Binary::new(Format::JSON, vec![b'1'; bytes].into());
    Outcome {
        done: true,
        answer: Some(WorkAnswer::Said(answer)),
        ..Outcome::default()
    }
}

/// As much as fits is answered, so that whoever asks again for the rest gets further.
#[test]
fn what_was_done_and_does_not_fit_is_to_be_asked_for_again() {
    let worked = || Ok(PartResult::Worked(vec![Ok(outcome(30 << 20)), Ok(outcome(1))]));
    let body = encoded(vec![worked(), worked(), worked(), Ok(PartResult::Len(7))], 5).concat();
    assert!(body.len() <= PAYLOAD_MAX);
    let answer = PartsAnswer::decode(body.into()).unwrap();
    assert_eq!(answer.heard, 5);
    let told = answer.results.iter().map(|result| match result {
        Ok(PartResult::Worked(outcomes)) => {
            let told = outcomes.iter().map(|outcome| match outcome {
                Ok(outcome) => outcome.done,
                Err(failure) => {
                    assert_eq!(failure, &PartFailure::Failed(Failure::Deposed));
                    false
                }
            });
            told.collect()
        }
        other => {
            assert!(matches!(other, Ok(PartResult::Len(7))), "{other:?}");
            Vec::new()
        }
    });
    let told: Vec<Vec<bool>> = told.collect();
    let expected: [&[bool]; 4] = [&[true, true], &[true, true], &[false, true], &[]];
    assert_eq!(told, expected);
}
