use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::name_service::facts::tests::facts;
use crate::name_service::message::tests::{CLIENT_OPENS, CLIENT_OPENS_CHANNEL, client_looks_up};
use crate::name_service::pof::put_len;

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put_len(&mut out, message.len());
    out.extend_from_slice(message);
    out.to_vec()
}

/// What a client of the reference sends first.
fn opening() -> Vec<u8> {
    [
        PREFACE.to_vec(),
        framed(CLIENT_OPENS),
        framed(CLIENT_OPENS_CHANNEL),
    ]
    .concat()
}

/// Serves what a client sends in pieces of this size; gives the end, and the messages that were answered.
async fn answers(sent: Vec<u8>, piece: usize, before: usize) -> (Result<(), ServeError>, Vec<Vec<u8>>) {
    let (mut client, server) = duplex(64 * 1024);
    let first = Bytes::copy_from_slice(&sent[..before]);
    let talk = async move {
        for piece in sent[before..].chunks(piece) {
            if client.write_all(piece).await.is_err() {
                break;
            }
        }
        let _closed = client.shutdown().await;
        received(client).await
    };
    let (served, answered) = tokio::join!(serve(server, first, || facts(2)), talk);
    (served, answered)
}

async fn received(mut client: DuplexStream) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    let (mut reader, mut messages) = (Reader::new(&bytes), Vec::new());
    while !reader.rest().is_empty() {
        let len = usize::try_from(reader.packed().unwrap()).unwrap();
        messages.push(reader.bytes(len).unwrap().to_vec());
    }
    messages
}

#[test]
fn the_first_bytes_tell() {
    assert!(is_name_service(&opening()));
    assert!(is_name_service(&PREFACE[..4]));
    assert!(!is_name_service(&PREFACE[..3]), "too few to say");
    assert!(!is_name_service(b"GET / HTTP/1.1"));
    assert!(!is_name_service(b""));
}

#[tokio::test]
async fn a_client_of_the_reference_is_answered_however_its_bytes_come() {
    let names = ["Cluster/name", "NameService/string/$GRPC:GrpcProxy", "nothing"];
    // This member's first channel is 1, which packs into one byte.
    let lookups = names.map(|name| framed(&client_looks_up(b"\x01", name)));
    let sent = [opening(), lookups.concat()].concat();
    for (piece, before) in [(1, 0), (3, 4), (7, 8), (sent.len(), 0), (sent.len(), sent.len())] {
        let (served, answered) = answers(sent.clone(), piece, before).await;
        served.unwrap();
        let [opened, channel, name, grpc, null] = answered.try_into().unwrap();
        assert!(opened.starts_with(b"\x00\x00\x03\x00B\x00\x03W\x02"));
        // The clients take the channel from here, and cut the last byte off.
        assert_eq!(channel[8..channel.len() - 1], *b"\x01");
        assert_eq!(name, b"\x01\x00\x01\x00B\x00\x03N\x05girih@");
        assert_eq!(
            grpc,
            b"\x01\x00\x01\x00B\x00\x03N\x22[127.0.0.1, 1409, 127.0.0.1, 1408]@"
        );
        assert_eq!(null, b"\x01\x00\x01\x00B\x00\x03d@");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_the_connection_stays() {
    let bind = b"\x01\x02\x01\x00B\x07\x01N\x01A@";
    let nothing = b"\x01\x01\x01\x00B\x08\x01d@";
    // Notices: a channel and the connection are closed.
    let closed = [
        framed(b"\x00\x14\x03\x00A\x01@"),
        framed(b"\x00\x05\x03\x00d\x01d@"),
    ]
    .concat();
    let ping = b"\x00\x03\x00\x00B\x05@";
    let sent = [opening(), framed(bind), framed(nothing), closed, framed(ping)].concat();
    let (served, answered) = answers(sent, 100, 0).await;
    served.unwrap();
    let [_, _, bound, looked_up, pong] = answered.try_into().unwrap();
    let has = |message: &[u8], words: &str| {
        let words = words.as_bytes();
        message.windows(words.len()).any(|window| window == words)
    };
    assert!(has(&bound, "OperationNotSupportedException"));
    assert!(has(&looked_up, "lookup name must be specified"));
    assert_eq!(pong, b"\x00\x04\x03\x00B\x05\x03d@");
}

#[tokio::test]
async fn what_is_not_for_the_name_service_ends_the_connection() {
    let ends = async |sent: Vec<u8>| answers(sent, 1_000, 4).await.0.unwrap_err().to_string();
    let other_port = [&PREFACE[..7], &[4]].concat();
    assert!(ends(other_port).await.contains("other than the name service"));
    assert!(ends([&PREFACE[..], &[0]].concat()).await.contains("length"));
    assert!(ends([&PREFACE[..], &[0x40]].concat()).await.contains("length"));
    assert!(
        ends([&PREFACE[..], &[0xff; 20]].concat())
            .await
            .contains("number")
    );
    let long = [&PREFACE[..], &framed(&vec![0; 9_000])].concat();
    assert!(ends(long).await.contains("length is not within 1 to 8192"));
    let unopened = [&PREFACE[..], &framed(&client_looks_up(b"\x01", "x"))].concat();
    assert!(ends(unopened).await.contains("channel that is not open"));
    let greedy = [&PREFACE[..], &framed(CLIENT_OPENS_CHANNEL).repeat(65)].concat();
    assert!(ends(greedy).await.contains("channel that is not open"));
}

#[tokio::test]
async fn a_client_may_go_anywhere() {
    let whole = [opening(), framed(&client_looks_up(b"\x01", "Cluster/name"))].concat();
    for len in 4..whole.len() {
        let (served, answered) = answers(whole[..len].to_vec(), 1_000, 4).await;
        served.unwrap();
        assert!(answered.len() <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go() {
    let (mut client, server) = duplex(1_024);
    client.write_all(&PREFACE).await.unwrap();
    let served = serve(server, Bytes::new(), || facts(1)).await;
    assert!(matches!(served, Err(ServeError::Slow { .. })), "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_let_go() {
    let (mut client, server) = duplex(256);
    let asked = AtomicUsize::new(0);
    let facts = || {
        asked.fetch_add(1, Ordering::Relaxed);
        facts(1)
    };
    let ask = async {
        client.write_all(&opening()).await?;
        loop {
            client
                .write_all(&framed(&client_looks_up(b"\x01", "Cluster/info")))
                .await?;
        }
    };
    let (served, end): (_, io::Result<()>) = tokio::join!(serve(server, Bytes::new(), facts), ask);
    assert!(matches!(served, Err(ServeError::Io(_))), "{served:?}");
    assert!(end.is_err());
    assert!(
        asked.load(Ordering::Relaxed) < 4,
        "answers that are not taken are not made"
    );
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200), open: bool) {
        let sent = if open { [opening(), bytes].concat() } else { [&PREFACE[..], &bytes].concat() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (served, _) = runtime.block_on(answers(sent, 50, 4));
        prop_assert!(!matches!(served, Err(ServeError::Slow { .. })), "{:?}", served);
    }
}
