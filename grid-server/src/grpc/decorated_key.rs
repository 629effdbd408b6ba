//! Keys as Java clients send them.

use bytes::{Buf, Bytes};

use super::{Refusal, RefusalKind};

/// The byte that says "a number, and then the value that it decorates".
const DECORATED: u8 = 0x0d;

/// The most bytes that a packed 32-bit number takes.
const PACKED_LEN_MAX: usize = 5;

/// Takes the decoration off a key. Java clients put a hash of their own before most keys (0x0D, the hash as a packed
/// number, the key), but not before those of a `GetAll`; both mean the same key.
///
/// # Errors
/// When the number does not end.
pub(crate) fn undecorated(mut key: Bytes) -> Result<Bytes, Refusal> {
    if key.first() != Some(&DECORATED) {
        return Ok(key);
    }
    let number_len = key[1..]
        .iter()
        .take(PACKED_LEN_MAX)
        .position(|byte| byte & 0x80 == 0)
        .map(|last| last + 1);
    let Some(number_len) = number_len else {
        let message = "a decorated key (0x0D) lacks the packed number that decorates it";
        return Err(Refusal::new(RefusalKind::Malformed, message));
    };
    key.advance(1 + number_len);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_its_decoration() {
        let plain = Bytes::from_static(b"\x15\"a\"");
        let decorated = Bytes::from_static(b"\x0d\x82\xbb\x98\xb3\x05\x15\"a\"");
        assert_eq!(undecorated(plain.clone()).unwrap(), plain);
        assert_eq!(undecorated(decorated).unwrap(), plain);
        assert_eq!(
            undecorated(Bytes::from_static(b"\x0d\x01\x15\"a\"")).unwrap(),
            plain
        );
    }

    #[test]
    fn a_decoration_that_does_not_end_is_refused() {
        for cut in [&b"\x0d"[..], b"\x0d\x82", b"\x0d\x82\x83\x84\x85\x86\x87"] {
            assert!(undecorated(Bytes::copy_from_slice(cut)).is_err(), "{cut:?}");
        }
    }
}
