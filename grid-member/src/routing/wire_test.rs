use grid_core::store::WorkAnswer;
use grid_core::value::to_binary;

use super::*;

fn round(answer: &Result<PartResult, PartFailure>) -> Result<PartResult, PartFailure> {
    let body = PartsAnswer::encode(std::slice::from_ref(answer), 7).concat();
    let mut read = PartsAnswer::decode(body.into()).unwrap();
    assert_eq!((read.results.len(), read.heard), (1, 7));
    read.results.pop().unwrap()
}

#[test]
fn what_came_of_each_entry_comes_to_the_other_side() {
    let outcome = Outcome {
        done: true,
        answer: Some(WorkAnswer::Said(to_binary(&5).unwrap())),
        ..Outcome::default()
    };
    let too_large = Failure::TooLarge { len: 9, max: 8 };
    let worked = vec![
        Ok(outcome),
        Err(PartFailure::NotBegun),
        Err(PartFailure::Failed(Failure::Deposed)),
        Err(PartFailure::Failed(Failure::Overloaded)),
        Err(PartFailure::Failed(too_large)),
    ];
    let Ok(PartResult::Worked(read)) = round(&Ok(PartResult::Worked(worked))) else {
        panic!("the same comes out")
    };
    assert!(matches!(
        &read[0],
        Ok(Outcome {
            done: true,
            answer: Some(WorkAnswer::Said(_)),
            ..
        })
    ));
    let failures: Vec<_> = read
        .into_iter()
        .skip(1)
        .map(|failed| failed.unwrap_err())
        .collect();
    let expected = [
        PartFailure::NotBegun,
        PartFailure::Failed(Failure::Deposed),
        PartFailure::Refused(Failure::Overloaded.to_string()),
        // It would be too large the next time too.
        PartFailure::Invalid(too_large.to_string()),
    ];
    assert_eq!(failures, expected);
}

#[test]
fn that_others_were_done_is_told_once() {
    let failure = PartFailure::InPart(Box::new(PartFailure::Destroyed));
    assert_eq!(round(&Err(failure.clone())).unwrap_err(), failure);
    let twice = PartFailure::InPart(Box::new(failure));
    let body = PartsAnswer::encode(&[Err(twice)], 0).concat();
    PartsAnswer::decode(body.into()).unwrap_err();
}
