//! Bytes as clients of the reference send them, and as Coherence CE 25.03.2 answered them.

use proptest::prelude::*;

use super::*;
use crate::name_service::facts::tests::facts;

/// The message in which the Go and the Java lookup clients open a connection: 212 bytes that never change.
pub(in super::super) const CLIENT_OPENS: &[u8] =
    b"\x00\x01\x02\x00B\x00\x01\x0e\x00\x00B\xa6\xb6\x9f\xde\xb2Q\x01A\xe3\xf3\xe4\xdd\x0f\x02A\
    \x8f\xf6\xba\x99\x01\x03A\xf8\xb4\xe5\xf2\x04\x04A\xc4\xfe\xdc\xf5\x05\x05A\xd7\xce\xc3\
    \x8d\x07\x06A\xdb\x89\xdc\xd5\x0a@\x02n\x03\x5dNW\x02\x11MessagingProtocol\x02A\x02A\x02\
    \x13NameServiceProtocol\x02A\x01A\x01\x05\xa0\x02\x00\x00\x0e\x00\x00B\xae\x89\x9e\xde\xb2\
    Q\x01A\x81\x80\x80\xf0\x0f\x05A\x98\x9f\x81\x80\x08\x06A\x93\x9e\x01@\x01j\x02n\x03j\x04q\
    \x05q\x06N\x08ClusterB\x09N\x09localhost\x0aN\x0520233\x0cN\x10CoherenceConsole@@";

/// The message in which they open a channel.
pub(in super::super) const CLIENT_OPENS_CHANNEL: &[u8] =
    b"\x00\x0b\x02\x00B\x01\x01N\x13NameServiceProtocol\x02N\x0bNameService@";

/// The lookup of a name on a channel, as the clients write it: the channel is theirs to give back unread.
pub(in super::super) fn client_looks_up(channel: &[u8], name: &str) -> Vec<u8> {
    let mut message = channel.to_vec();
    message.extend([1, 1, 0, 66, 0, 1, 78]);
    let mut len = BytesMut::new();
    put_len(&mut len, name.len());
    message.extend(len);
    message.extend(name.as_bytes());
    message.push(64);
    message
}

fn without_len(framed: &[u8]) -> &[u8] {
    let mut reader = Reader::new(framed);
    let len = reader.packed().unwrap();
    assert_eq!(usize::try_from(len), Ok(reader.rest().len()));
    reader.rest()
}

#[test]
fn what_clients_send_is_understood() {
    assert_eq!(Request::read(CLIENT_OPENS), Ok(Request::Open { id: 0 }));
    assert_eq!(
        Request::read(CLIENT_OPENS_CHANNEL),
        Ok(Request::OpenChannel { id: 1 })
    );
    let lookup = client_looks_up(b"\xb1\xd3\x89\x97\x02", "Cluster/name");
    let expected = Request::Lookup {
        channel: 292_631_793,
        id: 0,
        name: Some("Cluster/name"),
    };
    assert_eq!(Request::read(&lookup), Ok(expected));
    assert_eq!(
        Request::read(b"\x00\x03\x00\x00B\x05@"),
        Ok(Request::Ping { id: 5 })
    );
}

/// The channel that the reference gave when its answers were recorded.
const CHANNEL: i64 = 292_631_793;

#[test]
fn answers_are_those_of_the_reference() {
    let pairs = Answer::Addresses(vec![("127.0.0.1".to_owned(), 1708)]);
    for (ours, reference) in [
        (
            channel_opened(1, CHANNEL),
            &b"\x00\x0c\x03\x00B\x01\x03A\xb1\xd3\x89\x97\x02@"[..],
        ),
        (pong(5), b"\x00\x04\x03\x00B\x05\x03d@"),
        (
            looked_up(CHANNEL, 0, &Answer::Text("ref1708".to_owned())),
            b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x00\x03N\x07ref1708@",
        ),
        (
            looked_up(CHANNEL, 0, &Answer::Text("[127.0.0.1, 1708]".to_owned())),
            b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x00\x03N\x11[127.0.0.1, 1708]@",
        ),
        (
            looked_up(CHANNEL, 0, &pairs),
            b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x00\x03W\x02N\t127.0.0.1A\xac\x1a@",
        ),
        (
            looked_up(CHANNEL, 0, &Answer::EmptyList),
            b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x00\x03U\x00@",
        ),
        (
            looked_up(CHANNEL, -72, &Answer::Null),
            b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\xc7\x01\x03d@",
        ),
    ] {
        assert_eq!(without_len(&ours), reference);
    }
}

#[test]
fn an_open_connection_has_two_ids_as_in_the_reference() {
    let opened = connection_opened(0, Uuid(u128::MAX), Uuid(7));
    let message = without_len(&opened);
    assert!(message.starts_with(b"\x00\x00\x03\x00B\x00\x03W\x02\x0e\x00\x00B"));
    assert!(message.ends_with(b"@@"));
    let mut reader = Reader::new(&message[9..]);
    for _ in 0..2 {
        assert_eq!(
            (reader.packed(), reader.packed(), reader.packed()),
            (Ok(14), Ok(0), Ok(0))
        );
        assert!(reader.integer().unwrap() >= 0, "the time of an id");
        for property in 1..=6 {
            assert_eq!(reader.packed(), Ok(property));
            let part = reader.integer().unwrap();
            assert!(i32::try_from(part).is_ok(), "{part}");
        }
        assert_eq!(reader.packed(), Ok(END));
    }
    assert_eq!(reader.rest(), b"@");
}

#[test]
fn a_refusal_has_the_form_of_an_exception_of_the_reference() {
    let refused = refused(
        CHANNEL,
        7,
        "javax.naming.NamingException",
        "lookup name must be specified",
    );
    let message = without_len(&refused);
    let reference = b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x07\x01a\x03\x00\x00\x00N\x1cjavax.naming.NamingException\x01N\x1dlookup name must be specified\x02VN";
    assert!(message.starts_with(reference));
    assert!(message.ends_with(b"\x03d@@"));
    let words = Response::Refused("lookup name must be specified");
    assert_eq!(Response::read(message, CHANNEL, 7), Ok(Some(words)));
}

#[test]
fn our_client_reads_what_the_reference_answers() {
    let text = b"\xb1\xd3\x89\x97\x02\x00\x01\x00B\x00\x03N\x07ref1708@";
    let Ok(Some(Response::Result(value))) = Response::read(text, CHANNEL, 0) else {
        panic!("no result");
    };
    assert_eq!(Reader::new(value).text(), Ok(Some("ref1708")));
    assert_eq!(
        Response::read(text, CHANNEL, 1),
        Ok(None),
        "the answer to another request"
    );
    assert_eq!(Response::read(text, 1, 0), Ok(None), "on another channel");
    let null = b"\x01\x00\x01\x00B\x02\x03d@";
    let Ok(Some(Response::Result(value))) = Response::read(null, 1, 2) else {
        panic!("no result");
    };
    assert_eq!(Reader::new(value).text(), Ok(None));
}

#[test]
fn our_server_understands_our_client() {
    let opening = opening(Uuid(5));
    let mut rest = opening.strip_prefix(&PREFACE[..]).unwrap();
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let mut reader = Reader::new(rest);
        let len = usize::try_from(reader.packed().unwrap()).unwrap();
        requests.push(Request::read(reader.bytes(len).unwrap()).unwrap());
        rest = reader.rest();
    }
    assert_eq!(
        requests,
        [Request::Open { id: 0 }, Request::OpenChannel { id: 1 }]
    );
}

proptest! {
    #[test]
    fn any_message_is_understood_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _answer = Request::read(&bytes);
        let _answer = Response::read(&bytes, 1, 0);
    }

    #[test]
    fn any_name_has_an_answer(name in ".{0,60}", prefixed: bool) {
        let name = if prefixed { format!("NameService/string/{name}") } else { name };
        let request = client_looks_up(b"\x01", &name);
        let read = Request::read(&request);
        prop_assert_eq!(&read, &Ok(Request::Lookup { channel: 1, id: 0, name: Some(&name) }));
        let answer = looked_up(1, 0, &facts(2).answer(&name));
        prop_assert!(matches!(Response::read(without_len(&answer), 1, 0), Ok(Some(Response::Result(_)))));
    }
}
