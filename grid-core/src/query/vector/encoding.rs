//! Bytes as texts: base64 with padding, and hexadecimal digits.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of a text in base64, with its padding or without. `None` when it is none.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = match text.as_bytes() {
        [digits @ .., b'=', b'='] if digits.len() % 4 == 2 => digits,
        [digits @ .., b'='] if digits.len() % 4 == 3 => digits,
        digits if digits.len() % 4 != 1 => digits,
        _ => return None,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut word = 0_u32;
        for digit in group {
            word = (word << 6) | u32::from(sextet(*digit)?);
        }
        // Bits that belong to no byte are left out.
        let [_, first, second, third] = (word << (6 * (4 - group.len()))).to_be_bytes();
        bytes.extend([first, second, third].iter().take(group.len() - 1));
    }
    Some(bytes)
}

fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Writes bytes in base64, with padding.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let word = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let digit = usize::try_from((word >> (18 - 6 * place)) & 63).unwrap_or_default();
            let digit = DIGITS.get(digit).copied().unwrap_or_default();
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
}

/// The bytes of pairs of hexadecimal digits. `None` when there is anything else.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok())
        .collect()
}

/// Writes bytes as pairs of hexadecimal digits.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(HEX.get(usize::from(digit)).copied().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base64(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_base64(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_texts() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"go", "Z28="),
            (b"foo", "Zm9v"),
            (&[1, 2, 255], "AQL/"),
        ] {
            assert_eq!(base64(bytes), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes));
            assert_eq!(from_base64(text.trim_end_matches('=')).as_deref(), Some(bytes));
        }
        for text in ["A", "A=", "AA=", "A===", "AAAA=", "AA=A", "A A=", "é=", "===="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
        assert_eq!(from_hex("0fF0"), Some(vec![0x0f, 0xf0]));
        for text in ["0", "0g", "é", "+1"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes.clone()));
            let mut out = Vec::new();
            write_hex(&bytes, &mut out);
            prop_assert_eq!(from_hex(&String::from_utf8(out).unwrap()), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = from_base64(&text);
            let _ = from_hex(&text);
        }
    }
}
