//! What a client of our own asks for beyond the protocol.
//!
//! The reference server leaves null members of objects out of what JSON clients read, and stops to report on keys when
//! a cache is truncated; its clients get the same from us. A client that asks in the `context` of its handshake to be
//! told everything as it is gets neither, and finds the same word in the context of the answer. The reference server
//! ignores it.

use std::collections::HashMap;

use crate::any::{pack, unpack};
use crate::google::{Any, BoolValue};

/// The name of the wish in the context.
pub const FAITHFUL: &str = "girih.faithful";

/// The context of a handshake that asks to be told everything as it is, and of the answer that grants it.
#[must_use]
pub fn faithful_context() -> HashMap<String, Any> {
    HashMap::from([(FAITHFUL.to_owned(), pack(&BoolValue { value: true }))])
}

/// Whether a context has the wish.
#[must_use]
pub fn is_faithful(context: &HashMap<String, Any>) -> bool {
    context
        .get(FAITHFUL)
        .is_some_and(|wish| unpack::<BoolValue>(Some(wish.clone())).is_ok_and(|wish| wish.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_is_found_where_it_is_and_nowhere_else() {
        assert!(is_faithful(&faithful_context()));
        assert!(!is_faithful(&HashMap::new()));
        let refused = HashMap::from([(FAITHFUL.to_owned(), pack(&BoolValue { value: false }))]);
        assert!(!is_faithful(&refused));
        let odd = HashMap::from([(FAITHFUL.to_owned(), Any::default())]);
        assert!(!is_faithful(&odd));
    }
}
