//! The classes that the reference grid's JSON serializer knows.

/// The packages, in JSON's short names, whose classes the reference grid has.
const KNOWN_PREFIXES: [&str; 14] = [
    "aggregator.",
    "ai.",
    "comparator.",
    "extractor.",
    "filter.",
    // Our own agents.
    "girih.",
    "graal.",
    "java.",
    "math.",
    "net.",
    "persistence.",
    "processor.",
    "updater.",
    "util.",
];

/// Whether the reference grid would make an object of this class; strict mode refuses the others.
#[must_use]
pub(crate) fn is_known_class(class: &str) -> bool {
    KNOWN_PREFIXES.iter().any(|prefix| class.starts_with(prefix)) || class == "JsonPortableException"
}

#[cfg(test)]
mod tests {
    use super::is_known_class;

    #[test]
    fn classes_of_the_reference_are_known_and_others_are_not() {
        assert!(is_known_class("math.BigDec"));
        assert!(is_known_class("util.LiteMap"));
        assert!(!is_known_class("com.foo.Bar"));
        assert!(!is_known_class("Customer"));
    }
}
