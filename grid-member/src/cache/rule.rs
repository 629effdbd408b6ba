//! Which kind of cache a name stands for.

use std::num::NonZeroU64;

use grid_core::partition::table::BackupCount;
use grid_core::store::CacheSettings;

use super::{CacheKind, ReadFrom};

/// A rule for the caches whose names match a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// A name, or the beginning of names followed by `*`.
    pub pattern: String,
    /// How those caches are kept.
    pub kind: CacheKind,
    /// How long an entry lives that is put without a time to live, in milliseconds; `None`: for ever.
    pub ttl_ms: Option<NonZeroU64>,
    /// How many backups each entry has in a cluster; `None`: as many as the member says for all.
    pub backups: Option<BackupCount>,
    /// Where this member's reads of those caches go.
    pub read_from: ReadFrom,
}

impl CacheRule {
    fn matches(&self, name: &str) -> bool {
        self.pattern
            .strip_suffix('*')
            .map_or(self.pattern == name, |prefix| name.starts_with(prefix))
    }
}

/// The rules in the order in which they are tried; a name that none matches is a partitioned cache whose entries
/// do not expire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheRules(Vec<CacheRule>);

impl CacheRules {
    /// Rules in the order in which they are tried.
    #[must_use]
    pub fn new(rules: Vec<CacheRule>) -> Self {
        CacheRules(rules)
    }

    /// Adds a rule after the others.
    pub fn push(&mut self, rule: CacheRule) {
        self.0.push(rule);
    }

    /// The kind and the settings of a cache.
    #[must_use]
    pub fn of(&self, name: &str) -> (CacheKind, CacheSettings) {
        let rule = self.0.iter().find(|rule| rule.matches(name));
        rule.map_or_else(Default::default, |rule| {
            (
                rule.kind,
                CacheSettings {
                    default_ttl_ms: rule.ttl_ms,
                },
            )
        })
    }

    /// Where reads of a cache go.
    #[must_use]
    pub fn read_from_of(&self, name: &str) -> ReadFrom {
        let rule = self.0.iter().find(|rule| rule.matches(name));
        rule.map_or_else(ReadFrom::default, |rule| rule.read_from)
    }

    /// How many backups the entries of a cache have, if its rule says so.
    #[must_use]
    pub fn backups_of(&self, name: &str) -> Option<BackupCount> {
        self.0.iter().find(|rule| rule.matches(name))?.backups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_wins() {
        let rule = |pattern: &str, kind, ttl| CacheRule {
            pattern: pattern.into(),
            kind,
            ttl_ms: NonZeroU64::new(ttl),
            backups: None,
            read_from: ReadFrom::Primary,
        };
        let rules = CacheRules::new(vec![
            rule("local-x", CacheKind::Partitioned, 5),
            rule("local-*", CacheKind::Local, 0),
        ]);
        let ttl_of = |name: &str| rules.of(name).1.default_ttl_ms.map(NonZeroU64::get);
        assert_eq!(
            (rules.of("local-x").0, ttl_of("local-x")),
            (CacheKind::Partitioned, Some(5))
        );
        assert_eq!(
            (rules.of("local-y").0, ttl_of("local-y")),
            (CacheKind::Local, None)
        );
        assert_eq!(
            (rules.of("orders").0, ttl_of("orders")),
            (CacheKind::Partitioned, None)
        );
    }
}
