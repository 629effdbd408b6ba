//! What a client of our own asks for beyond the protocol, and what a server grants.
//!
//! A client asks in the `context` of its handshake, and finds what is granted in the context of the answer. The
//! reference server ignores it.
//!
//! - *Faithful*: the reference server leaves null members of objects out of what JSON clients read, and stops to report
//!   on keys when a cache is truncated; its clients get the same from us. A client that asks to be told everything as it
//!   is gets neither.
//! - *Once*: the client numbers its requests (see [`tag`](crate::tag)), so that one that is sent again is not done
//!   again. It says who it is in the handshake's `clientUuid`, 16 bytes.
//! - *Routes*: the server says who serves what (`girih.v1.Cluster/Watch`), and with each cache its service.

use std::collections::HashMap;

use crate::any::{Packed, pack, unpack};
use crate::girih::{Once, Routes};
use crate::google::{Any, BoolValue};

const FAITHFUL: &str = "girih.faithful";
const ONCE: &str = "girih.once";
const ROUTES: &str = "girih.routes";

/// The context of a handshake.
pub type Context = HashMap<String, Any>;

/// What a client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// To be told everything as it is.
    pub faithful: bool,
    /// That numbered requests are done once.
    pub once: bool,
    /// To be told who serves what.
    pub routes: bool,
}

/// What a server grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Everything is told as it is.
    pub faithful: bool,
    /// Numbered requests are done once; the server's time, in milliseconds since 1970.
    pub once: Option<u64>,
    /// Who serves what is told; the server's number in its cluster.
    pub routes: Option<u64>,
}

fn yes() -> Any {
    pack(&BoolValue { value: true })
}

fn read<M: Packed>(context: &Context, name: &str) -> Option<M> {
    let any = context.get(name)?;
    // A wish that cannot be read is none.
    unpack(Some(any.clone())).ok()
}

impl Wishes {
    /// Everything there is.
    pub const ALL: Wishes = Wishes {
        faithful: true,
        once: true,
        routes: true,
    };

    /// The context of the handshake that asks for this.
    #[must_use]
    pub fn context(self) -> Context {
        let wishes = [
            (FAITHFUL, self.faithful),
            (ONCE, self.once),
            (ROUTES, self.routes),
        ];
        let wanted = wishes.into_iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(name, _)| (name.to_owned(), yes())).collect()
    }

    /// What the context of a handshake asks for.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let has = |name| read::<BoolValue>(context, name).is_some_and(|wish| wish.value);
        Wishes {
            faithful: has(FAITHFUL),
            once: has(ONCE),
            routes: has(ROUTES),
        }
    }
}

impl Grants {
    /// The context of the answer that grants this.
    #[must_use]
    pub fn context(self) -> Context {
        let faithful = self.faithful.then(|| (FAITHFUL.to_owned(), yes()));
        let once = self.once.map(|now_ms| (ONCE.to_owned(), pack(&Once { now_ms })));
        let routes = self
            .routes
            .map(|member| (ROUTES.to_owned(), pack(&Routes { member })));
        faithful.into_iter().chain(once).chain(routes).collect()
    }

    /// What the context of an answer grants.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        Grants {
            faithful: read::<BoolValue>(context, FAITHFUL).is_some_and(|granted| granted.value),
            once: read::<Once>(context, ONCE).map(|once| once.now_ms),
            routes: read::<Routes>(context, ROUTES).map(|routes| routes.member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_found_where_they_are_and_nowhere_else() {
        let only_once = Wishes {
            once: true,
            ..Wishes::default()
        };
        for wishes in [Wishes::ALL, Wishes::default(), only_once] {
            assert_eq!(Wishes::of(&wishes.context()), wishes);
        }
        let refused = HashMap::from([(FAITHFUL.to_owned(), pack(&BoolValue { value: false }))]);
        assert_eq!(Wishes::of(&refused), Wishes::default());
        let odd = HashMap::from([(FAITHFUL.to_owned(), Any::default())]);
        assert_eq!(Wishes::of(&odd), Wishes::default());
        assert_eq!(Grants::of(&odd), Grants::default());
    }

    #[test]
    fn what_is_granted_is_found() {
        let all = Grants {
            faithful: true,
            once: Some(1_700_000_000_000),
            routes: Some(3),
        };
        for grants in [
            all,
            Grants::default(),
            Grants {
                routes: Some(0),
                ..all
            },
        ] {
            assert_eq!(Grants::of(&grants.context()), grants);
        }
        assert!(!Wishes::of(&all.context()).once, "an answer is no wish");
    }
}
