//! How a client reads what it is sent.

use grid_core::value::Format;

/// How a client reads what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The format that it reads.
    pub format: Format,
    /// Whether it asked to be told everything as it is; see [`grid_proto::wishes`].
    pub faithful: bool,
}

impl From<Format> for Reader {
    /// A client of the reference grid.
    fn from(format: Format) -> Self {
        Reader {
            format,
            faithful: false,
        }
    }
}
