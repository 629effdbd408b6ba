//! How long a file may be.

use crate::{Sources, Violation};

/// Files of products have at most so many lines.
pub const FILE_LEN_MAX: usize = 800;

/// Files of products should have at most so many lines.
pub const FILE_LEN_AIM: usize = 400;

/// No file of a product is longer than [`FILE_LEN_MAX`] lines.
#[must_use]
pub fn file_len(sources: &Sources) -> Vec<Violation> {
    let too_long = long_files(sources)
        .into_iter()
        .filter(|(lines, _)| *lines > FILE_LEN_MAX);
    too_long
        .map(|(lines, path)| {
            let reason = format!("has {lines} lines; split it by {FILE_LEN_MAX}, one main type a file");
            Violation::new(path, 0, reason)
        })
        .collect()
}

/// The files of products that are longer than [`FILE_LEN_AIM`] lines, the longest first.
#[must_use]
pub fn long_files(sources: &Sources) -> Vec<(usize, &str)> {
    let rust = sources.iter().filter(|file| file.is_product_rust());
    let mut long: Vec<_> = rust
        .map(|file| (file.text.lines().count(), file.path.as_str()))
        .filter(|(lines, _)| *lines > FILE_LEN_AIM)
        .collect();
    long.sort_by(|a, b| b.cmp(a));
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let (longest, too_long, long) = ("x\n".repeat(800), "x\n".repeat(801), "x\n".repeat(401));
        let sources = Sources::of([
            ("a/src/longest.rs", longest.as_str()),
            ("a/src/too_long.rs", &too_long),
            ("a/src/long.rs", &long),
            ("a/src/short.rs", "x\n"),
            ("a/data/long.rs", &too_long),
        ]);
        let found: Vec<_> = file_len(&sources)
            .into_iter()
            .map(|violation| violation.path)
            .collect();
        assert_eq!(found, ["a/src/too_long.rs"]);
        let long: Vec<_> = long_files(&sources).into_iter().map(|(lines, _)| lines).collect();
        assert_eq!(long, [801, 800, 401]);
    }
}
