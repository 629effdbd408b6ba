//! What code of one's own says of its failures, in words.

/// So many bytes of what code says of a failure are told.
const WORDS_MAX: usize = 4 << 10;

/// The words of a failure, as much of them as is told: about 4 KiB. They are answered for each entry of a step.
#[must_use]
pub fn told_words(mut words: String) -> String {
    if words.len() > WORDS_MAX {
        let more = words.len() - WORDS_MAX;
        words.truncate(words.floor_char_boundary(WORDS_MAX));
        words.push_str(&format!("... (about {more} bytes more)"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_between_characters() {
        let short = "ü".repeat(2_048);
        assert_eq!(told_words(short.clone()), short);
        let long = told_words(format!("x{}", "ü".repeat(20_000)));
        assert!(long.len() < WORDS_MAX + 40, "{}", long.len());
        assert!(long.ends_with("ü... (about 35905 bytes more)"), "{long}");
    }
}
