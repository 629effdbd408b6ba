//! What the reference, Coherence CE 25.03.2, answered when it was asked: one JSON array a line.

use serde_json::Value as Json;

/// The lines of a recording.
pub(crate) fn lines(recording: &'static str) -> impl Iterator<Item = Vec<Json>> {
    recording.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// A cell that is a text.
pub(crate) fn text(cell: &Json) -> &str {
    cell.as_str().unwrap()
}

/// A cell that is a text or null.
pub(crate) fn optional(cell: &Json) -> Option<&str> {
    cell.as_str()
}

/// Whether a cell says that the reference refused.
pub(crate) fn is_refusal(cell: &Json) -> bool {
    cell.as_str().is_some_and(|text| text.starts_with('!'))
}

/// What a list of values in the first line of a recording is.
pub(crate) fn table(first: &[Json]) -> Vec<String> {
    first.iter().map(|value| text(value).to_owned()).collect()
}
