//! A reference from one entity to another.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entity;

/// Another entity, by its key. In JSON it is the key alone.
///
/// Nothing is read before [`Repository::resolve`](super::Repository::resolve) or
/// [`Repository::resolve_all`](super::Repository::resolve_all) is asked for what it refers to.
pub struct Ref<V: Entity> {
    key: V::Key,
}

impl<V: Entity> Ref<V> {
    /// A reference to the entity with this key, whether there is one or not.
    #[must_use]
    pub fn to(key: V::Key) -> Self {
        Ref { key }
    }

    /// A reference to this entity.
    #[must_use]
    pub fn of(entity: &V) -> Self {
        Ref { key: entity.key() }
    }

    /// The key of what it refers to.
    #[must_use]
    pub fn key(&self) -> &V::Key {
        &self.key
    }
}

impl<V: Entity> Clone for Ref<V> {
    fn clone(&self) -> Self {
        Ref {
            key: self.key.clone(),
        }
    }
}

impl<V: Entity> fmt::Debug for Ref<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ref").field(&self.key).finish()
    }
}

impl<V: Entity> PartialEq for Ref<V> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<V: Entity> Eq for Ref<V> {}

impl<V: Entity> Hash for Ref<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<V: Entity> Serialize for Ref<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key.serialize(serializer)
    }
}

impl<'de, V: Entity> Deserialize<'de> for Ref<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        V::Key::deserialize(deserializer).map(Ref::to)
    }
}
