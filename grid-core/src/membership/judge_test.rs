use super::*;

fn at(ms: u64) -> Moment {
    Moment::BOOT.after(Duration::from_millis(ms))
}

fn id(number: u64) -> MemberId {
    MemberId::new(number)
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> BTreeSet<MemberId> {
    numbers.into_iter().map(id).collect()
}

fn silent(ms: u64) -> Evidence {
    Evidence::Silent {
        silent: Duration::from_millis(ms),
    }
}

fn proven(proof: Proof) -> Evidence {
    Evidence::Proven {
        proof,
        silent: Duration::from_millis(10),
    }
}

/// The judge of member 1, elected at 10 s over members 1 to `count`, of which the first `voters` vote.
fn judge(count: u64, voters: u64) -> Judge {
    let mut judge = Judge::new(JudgeSettings::default(), id(1), at(10_000));
    judge.step(
        at(10_000),
        JudgeInput::Members {
            members: &ids(1..=count),
            voters: &ids(1..=voters),
        },
    );
    judge.step(at(10_000), JudgeInput::Confirmed(true));
    judge
}

fn report(judge: &mut Judge, ms: u64, from: u64, about: u64, evidence: Evidence) -> Vec<JudgeOutput> {
    judge.step(
        at(ms),
        JudgeInput::Report {
            from: id(from),
            about: id(about),
            evidence,
        },
    )
}

/// Runs on to a time, with the accusations repeated (the silence began with the election) and everyone but some asking
/// for leases; gives back the first decision and its time.
fn run(judge: &mut Judge, to: u64, accusations: &[(u64, u64)], mute: &[u64]) -> Option<(u64, JudgeOutput)> {
    for ms in (10_000..to).step_by(50) {
        let mut outputs = judge.step(at(ms), JudgeInput::Tick);
        for from in (1..=9).filter(|from| !mute.contains(from)) {
            outputs.extend(judge.step(at(ms), JudgeInput::LeaseAsked { from: id(from) }));
        }
        for (from, about) in accusations {
            outputs.extend(report(judge, ms, *from, *about, silent(ms - 10_000)));
        }
        if let Some(output) = outputs.into_iter().next() {
            return Some((ms, output));
        }
    }
    None
}

fn remove(members: impl IntoIterator<Item = u64>, proven: bool) -> JudgeOutput {
    JudgeOutput::Remove {
        members: ids(members),
        proven,
    }
}

#[test]
fn firm_proof_needs_one_witness_and_no_wait() {
    for proof in [Proof::SameHost, Proof::Replaced] {
        let mut judge = judge(3, 3);
        assert_eq!(
            report(&mut judge, 10_001, 3, 2, proven(proof)),
            [remove([2], true)]
        );
        assert_eq!(
            report(&mut judge, 10_002, 1, 2, proven(proof)),
            [],
            "it is decided once"
        );
        assert_eq!(report(&mut judge, 10_301, 1, 2, proven(proof)), []);
    }
}

#[test]
fn a_decision_without_effect_is_made_again() {
    let mut judge = judge(3, 3);
    report(&mut judge, 10_001, 3, 2, proven(Proof::SameHost));
    let mut decided = Vec::new();
    for ms in (10_100..12_000).step_by(100) {
        if !report(&mut judge, ms, 3, 2, proven(Proof::SameHost)).is_empty() {
            decided.push(ms);
        }
    }
    assert_eq!(decided, [11_100]);
    judge.step(
        at(12_000),
        JudgeInput::Members {
            members: &ids([1, 3]),
            voters: &ids([1, 3]),
        },
    );
    assert_eq!(report(&mut judge, 12_200, 3, 2, proven(Proof::SameHost)), []);
}

#[test]
fn proof_from_another_host_needs_a_majority_and_the_leader() {
    let mut judge = judge(3, 3);
    assert_eq!(report(&mut judge, 10_001, 3, 2, proven(Proof::Closed)), []);
    assert_eq!(
        report(&mut judge, 10_002, 1, 2, proven(Proof::Reset)),
        [remove([2], true)]
    );
}

#[test]
fn the_leader_must_not_hear_who_is_proven_dead_elsewhere() {
    let mut judge = judge(5, 5);
    for from in [3, 4, 5] {
        assert_eq!(report(&mut judge, 10_001, from, 2, proven(Proof::Closed)), []);
    }
    assert_eq!(report(&mut judge, 10_002, 1, 2, silent(500)), [remove([2], true)]);
}

#[test]
fn resets_alone_are_no_proof_unless_the_operator_says_so() {
    for trust_resets in [false, true] {
        let settings = JudgeSettings {
            trust_resets,
            ..JudgeSettings::default()
        };
        let mut judge = Judge::new(settings, id(1), at(10_000));
        judge.step(
            at(10_000),
            JudgeInput::Members {
                members: &ids(1..=3),
                voters: &ids(1..=3),
            },
        );
        judge.step(at(10_000), JudgeInput::Confirmed(true));
        report(&mut judge, 10_001, 1, 2, proven(Proof::Reset));
        let outputs = report(&mut judge, 10_002, 3, 2, proven(Proof::Reset));
        let expected = if trust_resets {
            vec![remove([2], true)]
        } else {
            vec![]
        };
        assert_eq!(outputs, expected);
    }
}

#[test]
fn a_majority_of_the_voters_is_left() {
    let mut first = judge(3, 3);
    report(&mut first, 10_001, 1, 2, proven(Proof::SameHost));
    assert_eq!(
        report(&mut first, 10_002, 1, 3, proven(Proof::SameHost)),
        [],
        "one of three is no majority"
    );
    let mut second = judge(4, 2);
    assert_eq!(
        report(&mut second, 10_001, 1, 2, proven(Proof::SameHost)),
        [],
        "one of two is none"
    );
    assert_eq!(
        report(&mut second, 10_002, 1, 3, proven(Proof::SameHost)),
        [remove([3], true)]
    );
}

#[test]
fn nothing_is_decided_while_the_leadership_is_not_confirmed() {
    let mut judge = judge(3, 3);
    judge.step(at(10_000), JudgeInput::Confirmed(false));
    assert_eq!(report(&mut judge, 10_001, 3, 2, proven(Proof::SameHost)), []);
    assert_eq!(
        judge.step(at(10_002), JudgeInput::Confirmed(true)),
        [remove([2], true)]
    );
}

#[test]
fn silence_counts_after_a_lease_and_a_moment_for_others() {
    let mut judge = judge(3, 3);
    assert_eq!(
        run(&mut judge, 13_000, &[(1, 2), (3, 2)], &[2]),
        Some((12_250, remove([2], false)))
    );
}

#[test]
fn a_new_leader_waits_a_lease_whatever_it_is_told() {
    let mut judge = judge(3, 3);
    for ms in (10_000..11_950).step_by(50) {
        let mut outputs = report(&mut judge, ms, 1, 2, silent(60_000));
        outputs.extend(report(&mut judge, ms, 3, 2, silent(60_000)));
        assert_eq!(outputs, [], "{ms}");
    }
}

#[test]
fn those_that_vanish_together_go_together() {
    let mut judge = judge(5, 5);
    let accusations: Vec<_> = [1, 2, 3]
        .into_iter()
        .flat_map(|from| [(from, 4), (from, 5)])
        .collect();
    let (_, output) = run(&mut judge, 13_000, &accusations, &[4, 5]).unwrap();
    assert_eq!(output, remove([4, 5], false));
}

#[test]
fn silence_never_takes_the_majority_of_the_voters() {
    let mut judge = judge(5, 5);
    let accusations: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|from| [(from, 3), (from, 4), (from, 5)])
        .collect();
    assert_eq!(run(&mut judge, 30_000, &accusations, &[3, 4, 5]), None);
}

#[test]
fn a_leader_that_alone_does_not_hear_a_member_steps_down() {
    let mut judge = judge(3, 3);
    let expected = JudgeOutput::StepDown { unheard: ids([2]) };
    assert_eq!(run(&mut judge, 13_000, &[(1, 2)], &[2]), Some((12_000, expected)));
}

#[test]
fn who_is_heard_by_some_is_voted_out_when_it_does_not_reach_the_leader() {
    let mut judge = judge(5, 5);
    let (ms, output) = run(&mut judge, 20_000, &[(1, 2), (3, 2)], &[2]).unwrap();
    assert_eq!(output, remove([2], false));
    assert!((15_000..15_500).contains(&ms), "{ms}");
}

#[test]
fn who_is_heard_but_asks_for_no_lease_is_voted_out() {
    let mut judge = judge(3, 3);
    let (ms, output) = run(&mut judge, 20_000, &[], &[2]).unwrap();
    assert_eq!(output, remove([2], false));
    assert!((15_000..15_500).contains(&ms), "{ms}");
}

#[test]
fn accusations_that_are_not_repeated_are_forgotten() {
    let mut judge = judge(3, 3);
    report(&mut judge, 11_990, 3, 2, silent(5_000));
    for ms in (11_000..14_000).step_by(50) {
        judge.step(at(ms), JudgeInput::LeaseAsked { from: id(2) });
        judge.step(at(ms), JudgeInput::LeaseAsked { from: id(3) });
        if ms > 13_000 {
            assert_eq!(judge.reports(id(2)).count(), 0);
        }
        assert_eq!(judge.step(at(ms), JudgeInput::Tick), []);
    }
}

#[test]
fn a_leader_that_was_paused_starts_to_watch_anew() {
    let mut judge = judge(3, 3);
    assert_eq!(run(&mut judge, 11_950, &[(1, 2), (3, 2)], &[2]), None);
    let mut decided = None;
    for ms in (30_000..34_000).step_by(50) {
        for from in [1, 3] {
            let mut outputs = judge.step(at(ms), JudgeInput::LeaseAsked { from: id(from) });
            outputs.extend(report(&mut judge, ms, from, 2, silent(ms - 30_000)));
            decided = decided.or((!outputs.is_empty()).then_some(ms));
        }
    }
    assert_eq!(decided, Some(32_250));
}

#[test]
fn what_strangers_say_is_ignored() {
    let mut judge = judge(3, 3);
    assert_eq!(report(&mut judge, 10_001, 9, 2, proven(Proof::SameHost)), []);
    assert_eq!(report(&mut judge, 10_001, 2, 9, proven(Proof::SameHost)), []);
    assert_eq!(report(&mut judge, 10_001, 2, 2, proven(Proof::SameHost)), []);
    assert!(judge.reports.is_empty());
}
