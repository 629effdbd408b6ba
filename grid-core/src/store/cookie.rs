//! Cookies: where a paged read goes on, as bytes for the client to keep.

use crate::partition::{PartitionCount, PartitionId};
use crate::store::PageCursor;

const VERSION: u8 = 1;
const BODY_BYTES: usize = 12;
/// The length of a cookie in bytes.
pub const COOKIE_BYTES: usize = BODY_BYTES + 4;
/// Keeps checksums of cookies apart from those of anything else.
const CHECKSUM_SEED: u64 = 0x6769_7269_6870_6167;

/// Where a read over all partitions goes on: in this partition, after this place.
///
/// It holds no state of the server, so it survives concurrent change, restarts, and a move of the partition.
/// As bytes: version (1), whether there is a place (0 or 1), partition and place (big-endian), and a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The partition to go on in.
    pub partition: PartitionId,
    /// The place in it; `None` for its beginning.
    pub after: Option<PageCursor>,
}

/// Bytes that are not a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// Too short or too long.
    #[error(
        "a page cookie has {COOKIE_BYTES} bytes, not {len}: send the last page's cookie, or none to start again"
    )]
    Length {
        /// How many bytes were sent.
        len: usize,
    },
    /// Damaged, or never a cookie.
    #[error("the page cookie is damaged: send the last page's cookie unchanged, or none to start again")]
    Checksum,
    /// Written by another version of the server.
    #[error("the page cookie has version {version}, this server knows {VERSION}: send none to start again")]
    Version {
        /// The version that was sent.
        version: u8,
    },
    /// For a partition that this cluster does not have.
    #[error("the page cookie is for partition {partition} of {count}: send none to start again")]
    Partition {
        /// The partition's number.
        partition: u16,
        /// How many there are.
        count: u16,
    },
}

impl Cookie {
    /// The cookie of the beginning of a partition.
    #[must_use]
    pub fn start_of(partition: PartitionId) -> Self {
        Cookie {
            partition,
            after: None,
        }
    }

    /// The cookie as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; COOKIE_BYTES] {
        let mut bytes = [0; COOKIE_BYTES];
        // Partition numbers have 16 bits: the upper bytes of the index are zero.
        let [.., p0, p1] = self.partition.index().to_be_bytes();
        bytes[0] = VERSION;
        bytes[1] = u8::from(self.after.is_some());
        bytes[2..4].copy_from_slice(&[p0, p1]);
        bytes[4..BODY_BYTES].copy_from_slice(&self.after.map_or(0, PageCursor::hash).to_be_bytes());
        let checksum = checksum(&bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads a cookie that a client sent.
    ///
    /// # Errors
    /// [`CookieError`] for bytes that [`to_bytes`](Self::to_bytes) did not make for a cluster of this many partitions.
    pub fn from_bytes(bytes: &[u8], partitions: PartitionCount) -> Result<Self, CookieError> {
        let Ok(bytes) = <&[u8; COOKIE_BYTES]>::try_from(bytes) else {
            return Err(CookieError::Length { len: bytes.len() });
        };
        let [
            version,
            has_place,
            p0,
            p1,
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
            sum @ ..,
        ] = *bytes;
        if sum != checksum(&bytes[..BODY_BYTES]) {
            return Err(CookieError::Checksum);
        }
        if version != VERSION {
            return Err(CookieError::Version { version });
        }
        let number = u16::from_be_bytes([p0, p1]);
        let partition = partitions.nth(number).ok_or(CookieError::Partition {
            partition: number,
            count: partitions.get(),
        })?;
        let hash = u64::from_be_bytes([h0, h1, h2, h3, h4, h5, h6, h7]);
        Ok(Cookie {
            partition,
            after: (has_place != 0).then(|| PageCursor::from_hash(hash)),
        })
    }
}

fn checksum(body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxhash_rust::xxh3::xxh3_64_with_seed(body, CHECKSUM_SEED).to_be_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cookie(partition: u16, hash: Option<u64>) -> Cookie {
        let partition = PartitionCount::DEFAULT.nth(partition).unwrap();
        Cookie {
            partition,
            after: hash.map(PageCursor::from_hash),
        }
    }

    proptest! {
        #[test]
        fn a_cookie_is_read_again(partition in 0u16..257, hash in proptest::option::of(any::<u64>())) {
            let cookie = cookie(partition, hash);
            prop_assert_eq!(Cookie::from_bytes(&cookie.to_bytes(), PartitionCount::DEFAULT), Ok(cookie));
        }

        #[test]
        fn a_changed_byte_is_noticed(partition in 0u16..257, at in 0..COOKIE_BYTES, flip in 1u8..) {
            let mut bytes = cookie(partition, Some(7)).to_bytes();
            bytes[at] ^= flip;
            prop_assert_eq!(Cookie::from_bytes(&bytes, PartitionCount::DEFAULT), Err(CookieError::Checksum));
        }

        #[test]
        fn garbage_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(Cookie::from_bytes(&bytes, PartitionCount::DEFAULT).is_err());
        }
    }

    #[test]
    fn a_partition_beyond_the_count_is_an_error() {
        let bytes = cookie(200, None).to_bytes();
        let error = Cookie::from_bytes(&bytes, PartitionCount::ONE).unwrap_err();
        assert_eq!(
            error,
            CookieError::Partition {
                partition: 200,
                count: 1
            }
        );
    }

    #[test]
    fn another_version_is_an_error() {
        let mut bytes = cookie(1, None).to_bytes();
        bytes[0] = 9;
        let sum = checksum(&bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..].copy_from_slice(&sum);
        let error = Cookie::from_bytes(&bytes, PartitionCount::DEFAULT).unwrap_err();
        assert_eq!(error, CookieError::Version { version: 9 });
    }
}
