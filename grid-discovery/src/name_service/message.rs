//! The messages of the name service.
//!
//! A message is its channel, its type and its version, then properties: the number of each, its value, and an end. It
//! goes over the wire behind its length. On channel 0 connection and channels are opened; the server gives the channel
//! that names are looked up on.

use bytes::{BufMut, BytesMut};

use super::facts::Answer;
use super::pof::{
    ARRAY, END, INT_32, INT_64, LIST, Malformed, NULL, Reader, TEXT, TRUE, UNIFORM_LIST, put_integer,
    put_len, put_packed, put_text, put_text_body,
};

/// What a connection says first: that this is a socket of several protocols, and which one it wants.
pub(super) const PREFACE: [u8; 8] = [0x5a, 0xc1, 0xe0, 0x00, 0, 0, 0, 3];

const OPEN_CONNECTION: i64 = 1;
const PING: i64 = 3;
const PONG: i64 = 4;
const OPEN_CHANNEL: i64 = 11;
const CHANNEL_OPENED: i64 = 12;
const RESPONSE: i64 = 0;
const LOOKUP: i64 = 1;

/// The version of the messages on channel 0 that is answered with.
const PROTOCOL_VERSION: i64 = 3;
/// The version of the messages on channel 0 that our own client asks with.
const CLIENT_PROTOCOL_VERSION: i64 = 2;
/// The version of lookups.
const LOOKUP_VERSION: i64 = 1;
/// The type number of a UUID.
const UUID_TYPE: i64 = 14;
/// The property of a response that has its result.
const RESULT: i64 = 3;

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// To open the connection.
    Open { id: i64 },
    /// To open a channel.
    OpenChannel { id: i64 },
    /// For a sign of life.
    Ping { id: i64 },
    /// Nothing: it tells that it closes a channel or the connection, say.
    Notice,
    /// What a name stands for.
    Lookup {
        channel: i64,
        id: i64,
        name: Option<&'a str>,
    },
    /// Something else that it expects an answer to.
    Other { channel: i64, id: i64 },
}

impl<'a> Request<'a> {
    /// Reads a message of a client.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (channel, kind, _version) = (reader.packed()?, reader.packed()?, reader.packed()?);
        if channel == 0 && ![OPEN_CONNECTION, OPEN_CHANNEL, PING].contains(&kind) {
            return Ok(Request::Notice);
        }
        let mut property = reader.packed()?;
        let mut id = 0;
        if property == 0 {
            id = reader.integer()?;
            property = reader.packed()?;
        }
        Ok(match (channel, kind) {
            (0, OPEN_CONNECTION) => Request::Open { id },
            (0, OPEN_CHANNEL) => Request::OpenChannel { id },
            (0, PING) => Request::Ping { id },
            (1.., LOOKUP) => {
                let name = if property == 1 { reader.text()? } else { None };
                Request::Lookup { channel, id, name }
            }
            _ => Request::Other { channel, id },
        })
    }
}

/// A UUID of the reference, whose parts mean nothing to its clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uuid(pub(super) u128);

impl Uuid {
    fn put(self, out: &mut BytesMut) {
        put_packed(out, UUID_TYPE);
        put_packed(out, 0);
        let part = |index: usize| {
            let bytes = self.0.to_be_bytes();
            let word = [0, 1, 2, 3].map(|byte| bytes[(index * 4 + byte) % 16]);
            i64::from(i32::from_be_bytes(word))
        };
        // The reference puts the time here, which is never negative.
        put_packed(out, 0);
        put_integer(out, INT_64, part(0).unsigned_abs().try_into().unwrap_or(0));
        for (property, index) in (1..).zip(0..6) {
            put_packed(out, property);
            put_integer(out, INT_32, part(index));
        }
        put_packed(out, END);
    }
}

/// The answer to [`Request::Open`].
pub(super) fn connection_opened(id: i64, connection: Uuid, member: Uuid) -> BytesMut {
    let mut out = head(0, RESPONSE, PROTOCOL_VERSION, id);
    put_packed(&mut out, RESULT);
    put_packed(&mut out, ARRAY);
    put_len(&mut out, 2);
    connection.put(&mut out);
    member.put(&mut out);
    framed(out)
}

/// The answer to [`Request::OpenChannel`].
pub(super) fn channel_opened(id: i64, channel: i64) -> BytesMut {
    let mut out = head(0, CHANNEL_OPENED, PROTOCOL_VERSION, id);
    put_packed(&mut out, RESULT);
    put_integer(&mut out, INT_32, channel);
    framed(out)
}

/// The answer to [`Request::Ping`].
pub(super) fn pong(id: i64) -> BytesMut {
    let mut out = head(0, PONG, PROTOCOL_VERSION, id);
    put_packed(&mut out, RESULT);
    put_packed(&mut out, NULL);
    framed(out)
}

/// The answer to [`Request::Lookup`].
pub(super) fn looked_up(channel: i64, id: i64, answer: &Answer) -> BytesMut {
    let mut out = head(channel, RESPONSE, LOOKUP_VERSION, id);
    put_packed(&mut out, RESULT);
    match answer {
        Answer::Null => put_packed(&mut out, NULL),
        Answer::Text(text) => put_text(&mut out, text),
        Answer::EmptyList => {
            put_packed(&mut out, LIST);
            put_len(&mut out, 0);
        }
        Answer::Addresses(addresses) => {
            put_packed(&mut out, ARRAY);
            put_len(&mut out, addresses.len() * 2);
            for (host, port) in addresses {
                put_text(&mut out, host);
                put_integer(&mut out, INT_32, i64::from(*port));
            }
        }
    }
    framed(out)
}

/// The answer to what cannot be done: an exception of the class, in words.
pub(super) fn refused(channel: i64, id: i64, class: &str, words: &str) -> BytesMut {
    let mut out = head(channel, RESPONSE, LOOKUP_VERSION, id);
    put_packed(&mut out, 1);
    put_packed(&mut out, TRUE);
    put_packed(&mut out, RESULT);
    // The exception: its type and version, its class, its words, where it came from, and what caused it.
    put_packed(&mut out, 0);
    put_packed(&mut out, 0);
    put_packed(&mut out, 0);
    put_text(&mut out, class);
    put_packed(&mut out, 1);
    put_text(&mut out, words);
    put_packed(&mut out, 2);
    put_packed(&mut out, UNIFORM_LIST);
    put_packed(&mut out, TEXT);
    put_len(&mut out, 0);
    put_packed(&mut out, 3);
    put_packed(&mut out, NULL);
    put_packed(&mut out, END);
    framed(out)
}

/// What our own client says first: it opens the connection and a channel.
pub(super) fn opening(client: Uuid) -> BytesMut {
    let mut out = BytesMut::from(&PREFACE[..]);
    let mut open = head(0, OPEN_CONNECTION, CLIENT_PROTOCOL_VERSION, 0);
    put_packed(&mut open, 1);
    client.put(&mut open);
    // The protocols that it speaks, each with the newest and the oldest version that it knows.
    put_packed(&mut open, 3);
    put_packed(&mut open, -30);
    put_packed(&mut open, TEXT);
    put_packed(&mut open, ARRAY);
    put_len(&mut open, 2);
    for (protocol, version) in [("MessagingProtocol", 2), ("NameServiceProtocol", 1)] {
        put_text_body(&mut open, protocol);
        put_len(&mut open, 2);
        put_integer(&mut open, INT_32, version);
        put_integer(&mut open, INT_32, version);
    }
    out.put(framed(open));
    let mut channel = head(0, OPEN_CHANNEL, CLIENT_PROTOCOL_VERSION, 1);
    put_packed(&mut channel, 1);
    put_text(&mut channel, "NameServiceProtocol");
    put_packed(&mut channel, 2);
    put_text(&mut channel, "NameService");
    out.put(framed(channel));
    out
}

/// The question of our own client what a name stands for.
pub(super) fn lookup(channel: i64, id: i64, name: &str) -> BytesMut {
    let mut out = head(channel, LOOKUP, LOOKUP_VERSION, id);
    put_packed(&mut out, 1);
    put_text(&mut out, name);
    framed(out)
}

/// The beginning of every message that has a number.
fn head(channel: i64, kind: i64, version: i64, id: i64) -> BytesMut {
    let mut out = BytesMut::with_capacity(64);
    for number in [channel, kind, version, 0] {
        put_packed(&mut out, number);
    }
    put_integer(&mut out, INT_64, id);
    out
}

/// The message with its end, behind its length.
fn framed(mut message: BytesMut) -> BytesMut {
    put_packed(&mut message, END);
    let mut out = BytesMut::with_capacity(message.len() + 5);
    put_len(&mut out, message.len());
    out.put(message);
    out
}

/// The answer to a request of our own client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response<'a> {
    /// The server refused, in its words.
    Refused(&'a str),
    /// The result, a value that was not read yet.
    Result(&'a [u8]),
}

impl<'a> Response<'a> {
    /// Reads the answer to the request with this number. `None` when it is another message.
    pub(super) fn read(bytes: &'a [u8], channel: i64, id: i64) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes);
        let (on, kind, _version) = (reader.packed()?, reader.packed()?, reader.packed()?);
        if on != channel || ![RESPONSE, CHANNEL_OPENED].contains(&kind) {
            return Ok(None);
        }
        if reader.packed()? != 0 || reader.integer()? != id {
            return Ok(None);
        }
        match reader.packed()? {
            RESULT => Ok(Some(Response::Result(reader.rest()))),
            1 => Ok(Some(Response::Refused(
                failure(&mut reader).unwrap_or("no reason was given"),
            ))),
            _ => Err(Malformed::Type),
        }
    }
}

/// The words of an exception.
fn failure<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    let is_true = reader.packed().ok()? == TRUE;
    let is_exception = is_true
        && [RESULT, 0, 0, 0]
            .iter()
            .all(|number| reader.packed() == Ok(*number));
    if !is_exception {
        return None;
    }
    let class = reader.text().ok()??;
    let words = (reader.packed() == Ok(1))
        .then(|| reader.text().ok())
        .flatten()
        .flatten();
    Some(words.filter(|words| !words.is_empty()).unwrap_or(class))
}

#[cfg(test)]
#[path = "message_test.rs"]
pub(super) mod tests;
