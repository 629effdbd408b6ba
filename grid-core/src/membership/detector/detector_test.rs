use super::*;
use crate::membership::Proof;

const PEER: MemberId = MemberId::new(2);
const HERE: HostId = HostId::new(1);
const THERE: HostId = HostId::new(2);

fn at(ms: u64) -> Moment {
    Moment::BOOT.after(Duration::from_millis(ms))
}

fn identity(number: u64, host: HostId) -> PeerIdentity {
    PeerIdentity {
        member: MemberId::new(number),
        process: ProcessId::new(u128::from(number)),
        host,
    }
}

/// A detector with four connections to one other member on a host, after a tick at 1,000 ms.
fn connected(host: HostId) -> Detector {
    let mut detector = Detector::new(DetectorSettings::default(), identity(1, HERE), at(1_000));
    detector.step(
        at(1_000),
        DetectorInput::Members(&[identity(1, HERE), identity(2, host)]),
    );
    for number in 0..4 {
        detector.step(
            at(1_000),
            DetectorInput::LinkOpened {
                member: PEER,
                link: LinkId::new(number),
            },
        );
    }
    detector.step(at(1_000), DetectorInput::Tick);
    detector
}

/// All four connections end.
fn lose_all(detector: &mut Detector, now: Moment, end: LinkEnd) -> Vec<DetectorOutput> {
    let end_one = |number| DetectorInput::LinkEnded {
        member: PEER,
        link: LinkId::new(number),
        end,
    };
    (0..4)
        .flat_map(|number| detector.step(now, end_one(number)))
        .collect()
}

fn refused(started: Moment) -> DetectorInput<'static> {
    DetectorInput::DialRefused {
        member: PEER,
        started,
    }
}

fn proof(detector: &Detector, now: Moment) -> Option<Proof> {
    detector.evidence(PEER, now).unwrap().proof()
}

/// Ticks until a redial is asked for, and says when that was.
fn redialed(detector: &mut Detector, from: u64) -> u64 {
    let redial = DetectorOutput::Redial { to: PEER };
    (from..from + 5_000)
        .step_by(10)
        .find(|ms| detector.step(at(*ms), DetectorInput::Tick).contains(&redial))
        .expect("it is dialed again")
}

#[test]
fn a_death_on_the_same_host_is_proven_by_one_refusal() {
    let mut detector = connected(HERE);
    let outputs = lose_all(&mut detector, at(1_010), LinkEnd::Reset);
    assert_eq!(
        outputs,
        [DetectorOutput::Redial { to: PEER }],
        "one connect is enough"
    );
    let outputs = detector.step(at(1_011), refused(at(1_010)));
    let evidence = Evidence::Proven {
        proof: Proof::SameHost,
        silent: Duration::from_millis(11),
    };
    assert_eq!(
        outputs,
        [DetectorOutput::Report {
            about: PEER,
            evidence
        }]
    );
}

#[test]
fn a_refusal_while_a_connection_lives_is_no_proof() {
    let mut detector = connected(HERE);
    let end = DetectorInput::LinkEnded {
        member: PEER,
        link: LinkId::new(0),
        end: LinkEnd::Closed,
    };
    assert_eq!(
        detector.step(at(1_010), end),
        [DetectorOutput::Redial { to: PEER }]
    );
    assert_eq!(detector.step(at(1_011), refused(at(1_010))), []);
    assert_eq!(proof(&detector, at(1_011)), None);
    lose_all(&mut detector, at(1_012), LinkEnd::Closed);
    assert_eq!(proof(&detector, at(1_012)), Some(Proof::SameHost));
}

#[test]
fn another_host_is_doubted_for_the_grace_and_dialed_again() {
    for (end, expected) in [(LinkEnd::Closed, Proof::Closed), (LinkEnd::Reset, Proof::Reset)] {
        let mut detector = connected(THERE);
        lose_all(&mut detector, at(1_010), end);
        detector.step(at(1_012), refused(at(1_010)));
        assert_eq!(proof(&detector, at(1_131)), None);
        let again = redialed(&mut detector, 1_020);
        assert!((1_132..=1_140).contains(&again), "{again}");
        detector.step(at(again + 1), refused(at(again)));
        assert_eq!(proof(&detector, at(again + 1)), Some(expected));
    }
}

#[test]
fn a_connect_that_times_out_ends_the_doubt() {
    let mut detector = connected(THERE);
    lose_all(&mut detector, at(1_010), LinkEnd::Closed);
    detector.step(at(1_012), refused(at(1_010)));
    let again = redialed(&mut detector, 1_020);
    detector.step(at(again), DetectorInput::DialFailed { member: PEER });
    let third = redialed(&mut detector, again + 10);
    detector.step(at(third), refused(at(third)));
    assert_eq!(proof(&detector, at(third)), None, "the doubt begins anew");
}

#[test]
fn a_member_that_comes_back_in_the_grace_is_not_proven_dead() {
    let mut detector = connected(THERE);
    lose_all(&mut detector, at(1_010), LinkEnd::Closed);
    detector.step(at(1_012), refused(at(1_010)));
    detector.step(
        at(1_050),
        DetectorInput::LinkOpened {
            member: PEER,
            link: LinkId::new(9),
        },
    );
    detector.step(at(1_200), refused(at(1_040)));
    assert_eq!(detector.evidence(PEER, at(1_200)), Some(Evidence::Heard));
    let end = DetectorInput::LinkEnded {
        member: PEER,
        link: LinkId::new(9),
        end: LinkEnd::Reset,
    };
    detector.step(at(1_210), end);
    assert_eq!(proof(&detector, at(1_210)), None);
}

#[test]
fn another_process_at_the_address_is_proof() {
    let mut detector = connected(THERE);
    let answer = DetectorInput::DialAnswered {
        member: PEER,
        process: ProcessId::new(77),
        answered_as: None,
    };
    detector.step(at(1_010), answer);
    assert_eq!(proof(&detector, at(1_010)), None, "its connections live");
    let outputs = lose_all(&mut detector, at(1_020), LinkEnd::Closed);
    let evidence = Evidence::Proven {
        proof: Proof::Replaced,
        silent: Duration::from_millis(20),
    };
    assert_eq!(
        outputs.last(),
        Some(&DetectorOutput::Report {
            about: PEER,
            evidence
        })
    );
}

#[test]
fn the_same_process_is_replaced_only_by_a_later_member() {
    for (answered_as, replaced) in [(None, false), (Some(1), false), (Some(2), false), (Some(3), true)] {
        let mut detector = connected(THERE);
        lose_all(&mut detector, at(1_010), LinkEnd::Closed);
        let answered_as = answered_as.map(MemberId::new);
        let answer = DetectorInput::DialAnswered {
            member: PEER,
            process: ProcessId::new(2),
            answered_as,
        };
        detector.step(at(1_020), answer);
        assert_eq!(proof(&detector, at(1_020)).is_some(), replaced, "{answered_as:?}");
    }
}

#[test]
fn silence_is_reported_again_and_again_until_it_ends() {
    let mut detector = connected(THERE);
    let mut reports = Vec::new();
    for ms in (1_010..2_000).step_by(10) {
        let outputs = detector.step(at(ms), DetectorInput::Tick);
        reports.extend(outputs.into_iter().filter_map(|output| match output {
            DetectorOutput::Report { evidence, .. } => Some((ms, evidence.silent().unwrap().as_millis())),
            _ => None,
        }));
    }
    assert_eq!(reports, [(1_500, 500), (1_700, 700), (1_900, 900)]);
    let outputs = detector.step(at(2_000), DetectorInput::Heard { member: PEER });
    assert_eq!(
        outputs,
        [DetectorOutput::Report {
            about: PEER,
            evidence: Evidence::Heard
        }]
    );
}

#[test]
fn every_connected_member_is_pinged() {
    let mut detector = connected(THERE);
    let pings: Vec<_> = (1_010..1_310)
        .step_by(10)
        .filter(|ms| {
            detector
                .step(at(*ms), DetectorInput::Tick)
                .contains(&DetectorOutput::Ping { to: PEER })
        })
        .collect();
    assert_eq!(pings, [1_100, 1_200, 1_300]);
}

#[test]
fn a_member_that_was_paused_blames_nobody() {
    let mut detector = connected(THERE);
    let outputs = detector.step(at(11_000), DetectorInput::Tick);
    assert_eq!(outputs, [DetectorOutput::Ping { to: PEER }]);
    assert_eq!(detector.evidence(PEER, at(11_000)), Some(Evidence::Heard));
}

#[test]
fn words_that_come_after_the_last_connection_ended_count_for_nothing() {
    let mut detector = connected(HERE);
    lose_all(&mut detector, at(1_010), LinkEnd::Closed);
    detector.step(at(1_011), refused(at(1_010)));
    assert_eq!(
        detector.step(at(1_012), DetectorInput::Heard { member: PEER }),
        []
    );
    assert_eq!(proof(&detector, at(1_012)), Some(Proof::SameHost));
}

#[test]
fn members_that_left_are_forgotten_and_unknown_ones_ignored() {
    let mut detector = connected(THERE);
    let unknown = MemberId::new(9);
    assert_eq!(
        detector.step(at(1_010), DetectorInput::Heard { member: unknown }),
        []
    );
    assert_eq!(detector.evidence(unknown, at(1_010)), None);
    detector.step(at(1_020), DetectorInput::Members(&[identity(1, HERE)]));
    assert_eq!(detector.evidence(PEER, at(1_020)), None);
}
