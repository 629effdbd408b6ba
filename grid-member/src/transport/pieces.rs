//! A payload in pieces.

use bytes::Bytes;

/// What is sent as one payload: a few pieces in a row, such as a head and a value, that are never joined in memory when
/// they are large.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    first: Bytes,
    second: Bytes,
    more: Vec<Bytes>,
}

impl Pieces {
    /// The length of the payload in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().map(Bytes::len).sum()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().all(Bytes::is_empty)
    }

    fn iter(&self) -> impl Iterator<Item = &Bytes> {
        [&self.first, &self.second].into_iter().chain(&self.more)
    }
}

impl IntoIterator for Pieces {
    type Item = Bytes;
    type IntoIter = std::iter::Chain<std::array::IntoIter<Bytes, 2>, std::vec::IntoIter<Bytes>>;

    fn into_iter(self) -> Self::IntoIter {
        [self.first, self.second].into_iter().chain(self.more)
    }
}

impl From<Bytes> for Pieces {
    fn from(piece: Bytes) -> Self {
        Pieces {
            first: piece,
            ..Pieces::default()
        }
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(piece: Vec<u8>) -> Self {
        Bytes::from(piece).into()
    }
}

impl From<&'static [u8]> for Pieces {
    fn from(piece: &'static [u8]) -> Self {
        Bytes::from_static(piece).into()
    }
}

impl From<(Bytes, Bytes)> for Pieces {
    fn from((first, second): (Bytes, Bytes)) -> Self {
        Pieces {
            first,
            second,
            more: Vec::new(),
        }
    }
}

impl From<Vec<Bytes>> for Pieces {
    fn from(more: Vec<Bytes>) -> Self {
        Pieces {
            more,
            ..Pieces::default()
        }
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces = pieces.into_iter();
        Pieces {
            first: pieces.next().unwrap_or_default(),
            second: pieces.next().unwrap_or_default(),
            more: pieces.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_in_their_order() {
        let pieces = ["a", "", "bc", "d"].map(Bytes::from);
        for made in [
            Pieces::from(pieces.to_vec()),
            pieces.iter().cloned().collect::<Pieces>(),
        ] {
            assert_eq!((made.len(), made.is_empty()), (4, false));
            assert_eq!(made.into_iter().collect::<Vec<_>>().concat(), b"abcd");
        }
        assert!(Pieces::from((Bytes::new(), Bytes::new())).is_empty());
    }
}
