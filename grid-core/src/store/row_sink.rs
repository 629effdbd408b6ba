//! Where the rows of a query go.

use crate::value::Format;

/// Takes the rows of a query as they are read, each once.
pub trait RowSink: Send {
    /// Whether it does little more with a row than to copy it. Then it may be called while partitions are held, and those who
    /// want to change them wait.
    fn is_quick(&self) -> bool;

    /// Is told that rows of about so many bytes are read next, if there are any.
    fn expect(&mut self, bytes: usize);

    /// Makes room for so many rows, whose keys and values have so many bytes.
    fn reserve(&mut self, rows: usize, bytes: usize);

    /// Takes a row: the format and the bytes of its key and its value, or of what was asked for of the two.
    fn row(&mut self, key: Option<(Format, &[u8])>, value: Option<(Format, &[u8])>);

    /// What it has taken so far.
    fn mark(&self) -> usize;

    /// Forgets what it took since a [`mark`](Self::mark).
    fn cut(&mut self, mark: usize);

    /// Whether it has taken no row.
    fn is_empty(&self) -> bool;
}
