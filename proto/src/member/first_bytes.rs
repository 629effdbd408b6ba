//! What speaks to the members' port, told from its first bytes.

use super::MAGIC;

/// What a connection's first bytes say about who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstBytes {
    /// Nothing can be said before there are more.
    TooFew,
    /// A member.
    Member,
    /// A client that begins TLS.
    Tls,
    /// A browser or another client of HTTP.
    Http,
    /// None of those.
    Other,
}

/// What HTTP clients send first. `PRI ` is HTTP/2.
const HTTP_STARTS: [&[u8]; 9] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"PRI ",
];

/// A TLS handshake record.
const TLS_START: &[u8] = &[0x16, 0x03];

/// The answer to a client of HTTP.
pub const NOT_SPOKEN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain\r\ncontent-length: 101\r\nconnection: close\r\n\r\n\
    This port is for members of the Girih grid, not for HTTP. Use the member's HTTP port (6676 usually).\n";

/// The answer to TLS where no TLS is configured: the alert "handshake failure".
pub const NOT_SPOKEN_TLS: &[u8] = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28];

/// The answer to anything else.
pub const NOT_SPOKEN_TEXT: &[u8] =
    b"This port is for members of the Girih grid; what was sent is none of its protocols.\r\n";

impl FirstBytes {
    /// Looks at what was received so far.
    #[must_use]
    pub fn of(received: &[u8]) -> FirstBytes {
        let starts = [(Self::Member, &MAGIC[..]), (Self::Tls, TLS_START)];
        let starts = starts
            .into_iter()
            .chain(HTTP_STARTS.map(|start| (Self::Http, start)));
        let mut found = Self::Other;
        for (who, start) in starts {
            if received.starts_with(start) {
                return who;
            }
            if start.starts_with(received) {
                found = Self::TooFew;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_told_apart_as_soon_as_can_be() {
        let cases: [(&[u8], FirstBytes); 12] = [
            (b"", FirstBytes::TooFew),
            (b"G", FirstBytes::TooFew),
            (b"GET / HTTP/1.1", FirstBytes::Http),
            (b"PRI * HTTP/2.0", FirstBytes::Http),
            (b"P", FirstBytes::TooFew),
            (b"PX", FirstBytes::Other),
            (b"\x16", FirstBytes::TooFew),
            (b"\x16\x03\x01", FirstBytes::Tls),
            (b"\xC6GIRIH\r", FirstBytes::TooFew),
            (b"\xC6GIRIH\r\nmore", FirstBytes::Member),
            (b"\xC6GARBAGE", FirstBytes::Other),
            (&[0xFF; 4], FirstBytes::Other),
        ];
        for (received, who) in cases {
            assert_eq!(FirstBytes::of(received), who, "{received:?}");
        }
    }

    #[test]
    fn the_http_answer_has_the_length_that_it_says() {
        let text = std::str::from_utf8(NOT_SPOKEN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
