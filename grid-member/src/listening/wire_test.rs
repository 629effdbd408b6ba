use bytes::BytesMut;
use grid_core::store::ChangeKind;
use grid_core::value::{Binary, Format};

use super::*;

fn joined(pieces: Vec<Bytes>) -> Bytes {
    let mut all = BytesMut::new();
    pieces.iter().for_each(|piece| all.extend_from_slice(piece));
    all.freeze()
}

fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))
}

fn noted(cache: u32, key: Option<&str>, values: Option<bool>) -> Noted {
    let subject = key.map_or(Subject::All, |key| {
        Subject::Key((Format::JSON, Bytes::copy_from_slice(key.as_bytes())))
    });
    Noted {
        cache: CacheId::new(cache),
        subject,
        wish: values.map(|values| Wish { values }),
    }
}

#[test]
fn interest_comes_as_it_was_sent_and_never_when_it_is_cut() {
    let whole = [
        None,
        Some(Part {
            first: true,
            last: false,
        }),
        Some(Part {
            first: false,
            last: true,
        }),
    ];
    for whole in whole {
        let interest = Interest {
            to: MemberId::new(3),
            index: 400,
            after: 5,
            version: 8,
            whole,
            changes: vec![
                noted(1, None, Some(true)),
                noted(1, Some("7"), Some(false)),
                noted(900, Some("\"x\""), None),
            ],
        };
        let body = joined(interest.encode());
        assert_eq!(Interest::decode(body.clone()), Ok(interest));
        for len in 0..body.len() {
            assert!(Interest::decode(body.slice(..len)).is_err());
        }
    }
}

#[test]
fn everything_is_cut_into_parts() {
    assert_eq!(Interest::parts(Vec::new()), [Vec::new()], "also nothing is told");
    let long = "1".repeat(TOLD_BYTES_MAX / 2);
    let all: Vec<_> = (0..5)
        .map(|cache| noted(cache, Some(&long), Some(true)))
        .collect();
    let parts = Interest::parts(all.clone());
    assert_eq!(parts.len(), 5, "two are longer than a part may be");
    assert_eq!(parts.concat(), all);
}

#[test]
fn events_come_as_they_were_sent() {
    let count = PartitionCount::DEFAULT;
    let partition = count.nth(200).unwrap();
    let place = (ServiceId::new(4), partition, Epoch::new(9));
    let kinds = [
        (ChangeKind::Insert, false),
        (ChangeKind::Update, false),
        (ChangeKind::Delete, false),
        (ChangeKind::Delete, true),
    ];
    for (kind, expired) in kinds {
        for values in [false, true] {
            let sent = Change {
                sequence: Sequence::new(77),
                cache: CacheId::new(5),
                key: json("1"),
                kind,
                old: (kind != ChangeKind::Insert).then(|| json("\"old\"")),
                new: (kind != ChangeKind::Delete).then(|| json("\"new\"")),
                deadline: None,
                expired,
            };
            let news = EventFrame::change(place, &sent, values);
            let body = joined(EventFrame::encode(MemberId::new(2), 300, &news));
            let frame = EventFrame::decode(body.clone(), count).unwrap();
            assert_eq!((frame.to, frame.number), (MemberId::new(2), 300));
            let News::Change {
                service,
                partition,
                placed,
                change,
            } = frame.news
            else {
                panic!("{:?} is no change", frame.news);
            };
            assert_eq!((service, partition, placed), place);
            assert_eq!(
                (change.sequence, change.cache, change.kind, change.expired),
                (sent.sequence, sent.cache, kind, expired)
            );
            assert_eq!(change.key.bytes(), sent.key.bytes());
            let bytes = |value: Option<Binary>| value.map(|value| value.bytes().clone());
            assert_eq!(bytes(change.old), bytes(sent.old.filter(|_| values)));
            assert_eq!(bytes(change.new), bytes(sent.new.filter(|_| values)));
            for len in 0..body.len() {
                assert!(EventFrame::decode(body.slice(..len), count).is_err());
            }
        }
    }
}

#[test]
fn truncations_come_as_they_were_sent() {
    let count = PartitionCount::DEFAULT;
    let partition = count.nth(200).unwrap();
    let place = (ServiceId::new(4), partition, Epoch::new(9));
    let by = TruncationId {
        member: MemberId::new(6),
        number: 300,
    };
    let cache = CacheId::new(5);
    let emptied = EventFrame::emptied(place, Sequence::new(9), cache, by);
    let truncated = EventFrame::truncated(cache, by, true);
    for news in [emptied, truncated] {
        let body = joined(EventFrame::encode(MemberId::new(2), 1, &news));
        let frame = EventFrame::decode(body.clone(), count).unwrap();
        assert!(match frame.news {
            News::Emptied {
                service,
                partition,
                placed,
                sequence,
                cache: of,
                by: whose,
            } =>
                (service, partition, placed) == place
                    && sequence == Sequence::new(9)
                    && (of, whose) == (cache, by),
            News::Truncated {
                cache: of,
                by: whose,
                whole,
            } => (of, whose, whole) == (cache, by, true),
            _ => false,
        });
        for len in 0..body.len() {
            assert!(EventFrame::decode(body.slice(..len), count).is_err());
        }
    }
    let missed = write_missed(&BTreeSet::from([CacheId::new(3), CacheId::new(300)]));
    let body = joined(EventFrame::encode(MemberId::new(2), 1, &missed));
    let frame = EventFrame::decode(body, count).unwrap();
    assert!(matches!(frame.news, News::Missed(caches) if caches == [3, 300].map(CacheId::new)));
}
