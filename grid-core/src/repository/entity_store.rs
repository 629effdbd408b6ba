//! The database behind a repository.

use std::convert::Infallible;

use super::Entity;

/// Where entities of one kind are kept for good. An application implements it over its database.
///
/// An error means that nothing was changed: a repository then leaves its cache as it is. A store that cannot tell
/// whether a change was made should find out before it answers.
pub trait EntityStore<V: Entity>: Send + Sync {
    /// What goes wrong here.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The entity with this key.
    fn load(&self, key: &V::Key) -> impl Future<Output = Result<Option<V>, Self::Error>> + Send;

    /// The entities with these keys, in any order; those that there are not are left out.
    fn load_all(&self, keys: &[V::Key]) -> impl Future<Output = Result<Vec<V>, Self::Error>> + Send;

    /// Inserts the entity, or replaces the one with its key.
    fn save(&self, entity: &V) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Saves all of them, or none.
    fn save_all(&self, entities: &[V]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Deletes the entity with this key; whether there was one.
    fn delete(&self, key: &V::Key) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

/// No database: the cache alone has the entities.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl<V: Entity> EntityStore<V> for NoStore {
    type Error = Infallible;

    async fn load(&self, _key: &V::Key) -> Result<Option<V>, Infallible> {
        Ok(None)
    }

    async fn load_all(&self, _keys: &[V::Key]) -> Result<Vec<V>, Infallible> {
        Ok(Vec::new())
    }

    async fn save(&self, _entity: &V) -> Result<(), Infallible> {
        Ok(())
    }

    async fn save_all(&self, _entities: &[V]) -> Result<(), Infallible> {
        Ok(())
    }

    async fn delete(&self, _key: &V::Key) -> Result<bool, Infallible> {
        Ok(false)
    }
}
