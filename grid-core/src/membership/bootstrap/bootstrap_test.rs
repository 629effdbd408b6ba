use super::*;

fn at(ms: u64) -> Moment {
    Moment::BOOT.after(Duration::from_millis(ms))
}

/// The member with this number, in its first life.
fn rank(number: u16) -> Rank {
    Rank {
        address: SocketAddr::from(([10, 0, 0, 1], number)),
        process: ProcessId::new(u128::from(number)),
    }
}

fn seen(number: u16, cluster: Option<u128>) -> BootstrapInput {
    let seen = Seen {
        rank: rank(number),
        belongs_to: cluster.map(ClusterId::new),
    };
    BootstrapInput::Seen {
        seen,
        dialed: Some(rank(number).address),
    }
}

fn says(number: u16, message: BootstrapMessage) -> BootstrapInput {
    BootstrapInput::Message {
        from: rank(number).process,
        message,
    }
}

fn promise(round: u64, tainted: bool) -> BootstrapMessage {
    BootstrapMessage::Promise { round, tainted }
}

fn to(number: u16, message: BootstrapMessage) -> BootstrapOutput {
    BootstrapOutput::Send {
        to: rank(number).process,
        message,
    }
}

/// Member `own` of those numbered 1 to `count`.
fn member(own: u16, count: u16) -> Bootstrap {
    let join = (1..=count).map(|number| rank(number).address).collect();
    Bootstrap::new(BootstrapSettings::new(rank(own), Some(join)), at(0))
}

#[test]
fn without_addresses_to_join_it_starts_at_once() {
    let mut alone = Bootstrap::new(BootstrapSettings::new(rank(1), None), at(0));
    assert_eq!(alone.step(at(0), BootstrapInput::Tick), [BootstrapOutput::Start]);
    assert_eq!(alone.step(at(1), BootstrapInput::Tick), []);
}

#[test]
fn with_only_its_own_address_it_starts_at_once() {
    let mut alone = member(1, 1);
    assert_eq!(alone.step(at(0), BootstrapInput::Tick), [BootstrapOutput::Start]);
}

#[test]
fn the_lowest_of_a_majority_starts() {
    let mut lowest = member(1, 3);
    assert_eq!(lowest.step(at(0), BootstrapInput::Tick), []);
    let ask = BootstrapMessage::Ask { round: 1 };
    assert_eq!(lowest.step(at(10), seen(2, None)), [to(2, ask)]);
    assert_eq!(
        lowest.step(at(20), says(2, promise(1, false))),
        [BootstrapOutput::Start]
    );
    assert_eq!(lowest.promises(), [rank(1), rank(2)]);
    let belongs = BootstrapMessage::Belongs {
        cluster: ClusterId::new(9),
    };
    assert_eq!(
        lowest.step(at(30), BootstrapInput::Belongs(ClusterId::new(9))),
        [to(2, belongs)]
    );
    assert_eq!(lowest.step(at(40), says(2, promise(1, false))), [to(2, belongs)]);
}

#[test]
fn others_let_the_lowest_go_first_and_promise_once() {
    let mut other = member(2, 3);
    assert_eq!(other.step(at(10), seen(1, None)), []);
    assert_eq!(other.step(at(11), seen(3, None)), []);
    let ask = BootstrapMessage::Ask { round: 1 };
    let deny = BootstrapMessage::Deny {
        round: 1,
        holder: rank(1),
    };
    assert_eq!(
        other.step(at(12), says(3, ask)),
        [to(3, deny)],
        "the lowest is new and may ask yet"
    );
    assert_eq!(other.step(at(13), says(1, ask)), [to(1, promise(1, false))]);
    assert_eq!(other.step(at(14), says(3, ask)), [to(3, deny)]);
    other.step(at(15), says(1, BootstrapMessage::Release { round: 1 }));
    let asked = other.step(at(1_100), says(3, ask));
    assert_eq!(asked.first(), Some(&to(3, promise(1, false))));
}

#[test]
fn a_lowest_that_does_not_ask_is_not_waited_for_for_ever() {
    let mut other = member(2, 3);
    other.step(at(10), seen(1, None));
    assert_eq!(other.step(at(900), BootstrapInput::Tick), []);
    let ask = BootstrapMessage::Ask { round: 1 };
    assert_eq!(other.step(at(1_100), BootstrapInput::Tick), [to(1, ask)]);
}

#[test]
fn a_candidate_yields_to_a_lower_one() {
    let mut other = member(2, 5);
    other.step(at(0), seen(3, None));
    let ask = BootstrapMessage::Ask { round: 1 };
    assert_eq!(other.step(at(0), seen(4, None)), [to(3, ask), to(4, ask)]);
    other.step(at(10), says(3, promise(1, false)));
    let holder = rank(1);
    let release = BootstrapMessage::Release { round: 1 };
    let outputs = other.step(at(20), says(4, BootstrapMessage::Deny { round: 1, holder }));
    assert_eq!(outputs, [to(3, release), to(4, release)]);
    assert_eq!(
        other.step(at(30), says(4, promise(1, false))),
        [to(4, release)],
        "too late"
    );
    assert_eq!(other.promises(), [rank(2)]);
}

#[test]
fn a_promise_that_comes_late_counts_for_nothing() {
    let mut lowest = member(1, 3);
    lowest.step(at(0), seen(2, None));
    lowest.step(at(1), BootstrapInput::Unseen(rank(2).process));
    let again = lowest.step(at(4_000), seen(2, None));
    assert_eq!(again, [to(2, BootstrapMessage::Ask { round: 2 })]);
    let late = lowest.step(at(4_010), says(2, promise(1, false)));
    assert_eq!(late, [to(2, BootstrapMessage::Release { round: 1 })]);
    assert_eq!(
        lowest.step(at(4_020), says(2, promise(2, false))),
        [BootstrapOutput::Start]
    );
}

#[test]
fn after_a_candidate_vanished_all_are_needed() {
    let mut other = member(2, 3);
    other.step(at(0), seen(1, None));
    other.step(at(10), says(1, BootstrapMessage::Ask { round: 1 }));
    let unseen = other.step(at(20), BootstrapInput::Unseen(rank(1).process));
    assert_eq!(unseen, [], "it may be alive and start");
    other.step(at(30), BootstrapInput::Gone(rank(1).process));
    let asks = other.step(at(40), seen(3, None));
    assert_eq!(asks, [to(3, BootstrapMessage::Ask { round: 1 })]);
    assert_eq!(
        other.step(at(50), says(3, promise(1, false))),
        [],
        "one may have joined the one that vanished"
    );
    let mut again = rank(1);
    again.process = ProcessId::new(101);
    let seen = Seen {
        rank: again,
        belongs_to: None,
    };
    other.step(
        at(60),
        BootstrapInput::Seen {
            seen,
            dialed: Some(again.address),
        },
    );
    let promised = BootstrapInput::Message {
        from: again.process,
        message: promise(1, false),
    };
    let once_more = BootstrapMessage::Ask { round: 2 };
    let asks = other.step(at(70), promised);
    assert_eq!(
        asks,
        [
            to(3, once_more),
            BootstrapOutput::Send {
                to: again.process,
                message: once_more
            }
        ]
    );
    other.step(at(80), says(3, promise(2, false)));
    let promised = BootstrapInput::Message {
        from: again.process,
        message: promise(2, false),
    };
    assert_eq!(other.step(at(90), promised), [BootstrapOutput::Start]);
}

/// Member 2 of three, which promised to the first, which is gone. It knows nothing but what it sees.
fn tainted_member_of_three() -> Bootstrap {
    let mut settings = BootstrapSettings::new(rank(2), Some(BTreeSet::new()));
    settings.expect = NonZeroUsize::new(3);
    let mut tainted = Bootstrap::new(settings, at(0));
    tainted.step(at(0), seen(1, None));
    tainted.step(at(10), says(1, BootstrapMessage::Ask { round: 1 }));
    tainted.step(at(20), BootstrapInput::Gone(rank(1).process));
    tainted
}

#[test]
fn a_member_that_moves_counts_once() {
    // The first started a cluster, in which the third lives on, and comes back twice, each time at another address. Its
    // second end is not noticed yet.
    let mut tainted = tainted_member_of_three();
    tainted.step(at(30), seen(11, None));
    tainted.step(at(40), says(11, promise(1, false)));
    tainted.step(at(50), seen(21, None));
    let asked = tainted.step(at(60), says(21, promise(1, false)));
    let once_more = BootstrapMessage::Ask { round: 2 };
    assert_eq!(asked, [to(11, once_more), to(21, once_more)]);
    assert_eq!(tainted.step(at(70), says(21, promise(2, false))), []);
    let late = tainted.step(at(80), says(11, promise(1, false)));
    assert_eq!(late, [to(11, BootstrapMessage::Release { round: 1 })]);
    tainted.step(at(90), seen(31, None));
    let outputs = tainted.step(at(100), says(31, promise(2, false)));
    assert!(
        !outputs.contains(&BootstrapOutput::Start),
        "it may have come back once more"
    );
    let outputs = tainted.step(at(1_100), BootstrapInput::Tick);
    assert!(
        outputs.contains(&to(21, BootstrapMessage::Release { round: 2 })),
        "{outputs:?}"
    );
}

#[test]
fn found_addresses_are_looked_at_and_expect_nobody() {
    let mut settings = BootstrapSettings::new(rank(1), Some(BTreeSet::new()));
    settings.expect = NonZeroUsize::new(3);
    let mut first = Bootstrap::new(settings, at(0));
    let found = |numbers: &[u16]| {
        let addresses = numbers.iter().map(|number| rank(*number).address);
        BootstrapInput::Found(addresses.collect())
    };
    assert_eq!(first.step(at(0), found(&[1])), [], "nobody else is there");
    assert_eq!(first.step(at(1), found(&[1, 2, 4, 5, 6, 7])), []);
    assert_eq!((first.expected(), first.needed()), (3, 2));
    let waiting = |missing: &[u16], seen| BootstrapOutput::Waiting {
        missing: missing.iter().map(|number| rank(*number).address).collect(),
        seen,
        needed: 2,
        tainted: false,
    };
    assert_eq!(
        first.step(at(5_000), BootstrapInput::Tick),
        [waiting(&[2, 4, 5, 6, 7], 1)]
    );
    // What is not found any more is not waited for; who is seen counts wherever it was found.
    first.step(at(5_001), found(&[4]));
    assert_eq!(first.step(at(10_000), BootstrapInput::Tick), [waiting(&[4], 1)]);
    first.step(at(10_001), seen(9, None));
    assert_eq!(
        first.step(at(10_002), says(9, promise(1, false))),
        [BootstrapOutput::Start]
    );
}

#[test]
fn members_to_join_are_expected_and_found_ones_are_not() {
    let mut first = member(1, 3);
    first.step(
        at(0),
        BootstrapInput::Found((1..=9).map(|number| rank(number).address).collect()),
    );
    assert_eq!((first.expected(), first.needed()), (3, 2));
}

#[test]
fn a_tainted_promise_needs_all_too() {
    let mut lowest = member(1, 3);
    lowest.step(at(0), seen(2, None));
    assert_eq!(lowest.step(at(10), says(2, promise(1, true))), []);
    lowest.step(at(20), seen(3, None));
    let once_more = BootstrapMessage::Ask { round: 2 };
    assert_eq!(
        lowest.step(at(30), says(3, promise(1, false))),
        [to(2, once_more), to(3, once_more)]
    );
    assert_eq!(lowest.step(at(40), says(2, promise(2, true))), []);
    assert_eq!(
        lowest.step(at(50), says(3, promise(2, false))),
        [BootstrapOutput::Start]
    );
}

#[test]
fn another_process_at_an_address_means_that_the_first_is_gone() {
    let mut other = member(2, 3);
    other.step(at(0), seen(1, None));
    other.step(at(10), says(1, BootstrapMessage::Ask { round: 1 }));
    let mut again = rank(1);
    again.process = ProcessId::new(101);
    let seen = Seen {
        rank: again,
        belongs_to: None,
    };
    other.step(
        at(20),
        BootstrapInput::Seen {
            seen,
            dialed: Some(again.address),
        },
    );
    let asked = other.step(
        at(30),
        BootstrapInput::Message {
            from: again.process,
            message: BootstrapMessage::Ask { round: 1 },
        },
    );
    let expected = BootstrapOutput::Send {
        to: again.process,
        message: promise(1, true),
    };
    assert!(asked.contains(&expected), "{asked:?}");
}

#[test]
fn it_joins_what_anyone_belongs_to_and_starts_nothing() {
    let mut other = member(1, 3);
    other.step(at(0), seen(2, None));
    let cluster = ClusterId::new(7);
    let outputs = other.step(at(100), seen(3, Some(7)));
    let join = BootstrapOutput::Join {
        address: rank(3).address,
        cluster,
    };
    assert!(outputs.contains(&join), "{outputs:?}");
    assert!(
        outputs.contains(&to(2, BootstrapMessage::Release { round: 1 })),
        "{outputs:?}"
    );
    assert_eq!(
        other.step(at(110), says(2, promise(1, false))),
        [to(2, BootstrapMessage::Release { round: 1 })]
    );
    assert_eq!(
        other.step(at(120), says(2, BootstrapMessage::Ask { round: 1 })),
        []
    );
    assert_eq!(other.step(at(200), BootstrapInput::Tick), [join]);
}

#[test]
fn clusters_found_later_are_told_of_once() {
    let mut first = member(1, 3);
    first.step(at(0), BootstrapInput::Belongs(ClusterId::new(1)));
    let other = BootstrapOutput::OtherCluster {
        address: rank(2).address,
        cluster: ClusterId::new(2),
    };
    assert_eq!(first.step(at(1), seen(2, Some(2))), [other]);
    assert_eq!(first.step(at(2), seen(2, Some(2))), []);
    assert_eq!(first.step(at(3), seen(3, Some(1))), []);
}

#[test]
fn it_says_for_whom_it_waits() {
    let mut waiting = member(1, 5);
    waiting.step(at(0), seen(3, None));
    let said: Vec<_> = (0..11_000)
        .step_by(100)
        .flat_map(|ms| {
            waiting
                .step(at(ms), BootstrapInput::Tick)
                .into_iter()
                .map(move |output| (ms, output))
        })
        .collect();
    let missing = [2, 4, 5].map(|number| rank(number).address).to_vec();
    let expected = BootstrapOutput::Waiting {
        missing,
        seen: 2,
        needed: 3,
        tainted: false,
    };
    assert_eq!(said, [(5_000, expected.clone()), (10_000, expected)]);
}

#[test]
fn another_name_of_its_own_is_not_waited_for() {
    let mut first = member(1, 3);
    let seen = Seen {
        rank: rank(1),
        belongs_to: None,
    };
    let alias = Some(rank(3).address);
    assert_eq!(first.needed(), 2);
    first.step(at(0), BootstrapInput::Seen { seen, dialed: alias });
    assert_eq!(first.expected(), 2);
    first.step(
        at(1),
        BootstrapInput::Found(BTreeSet::from([rank(2).address, rank(3).address])),
    );
    let waits = first.step(at(5_000), BootstrapInput::Tick);
    assert!(
        matches!(&waits[..], [BootstrapOutput::Waiting { missing, .. }] if *missing == [rank(2).address]),
        "{waits:?}"
    );
}

#[test]
fn members_that_all_say_the_same_address_start_nothing() {
    let mut first = member(1, 3);
    for number in [2, 3] {
        let mut wrong = rank(number);
        wrong.address = rank(1).address;
        let seen = Seen {
            rank: wrong,
            belongs_to: None,
        };
        let outputs = first.step(
            at(10),
            BootstrapInput::Seen {
                seen,
                dialed: Some(rank(number).address),
            },
        );
        assert_eq!(outputs, []);
    }
    assert_eq!((first.expected(), first.needed()), (3, 2));
    assert_eq!(first.step(at(3_000), BootstrapInput::Tick), []);
}

#[test]
fn more_than_were_expected_raise_the_majority() {
    let mut settings = BootstrapSettings::new(rank(1), Some(BTreeSet::new()));
    settings.expect = NonZeroUsize::new(3);
    let mut first = Bootstrap::new(settings, at(0));
    assert_eq!(first.needed(), 2);
    for number in 2..=6 {
        first.step(at(0), seen(number, None));
    }
    assert_eq!(first.needed(), 4);
}

#[test]
fn a_candidate_that_was_never_dialed_is_replaced_too() {
    let mut other = member(2, 3);
    let seen = Seen {
        rank: rank(1),
        belongs_to: None,
    };
    other.step(at(0), BootstrapInput::Seen { seen, dialed: None });
    other.step(at(10), says(1, BootstrapMessage::Ask { round: 1 }));
    other.step(at(20), BootstrapInput::Unseen(rank(1).process));
    assert_eq!(other.promised.map(|held| held.to), Some(rank(1)));
    let mut again = rank(1);
    again.process = ProcessId::new(101);
    let seen = Seen {
        rank: again,
        belongs_to: None,
    };
    other.step(
        at(30),
        BootstrapInput::Seen {
            seen,
            dialed: Some(again.address),
        },
    );
    assert_eq!((other.promised, other.tainted), (None, true));
}
