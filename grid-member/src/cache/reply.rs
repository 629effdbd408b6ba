//! The answer of a cache to an operation: here, or on its way.

use std::fmt;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Ready, ready};
use grid_core::cache::CacheError;

/// A [`Reply`] that is waited for.
pub type ReplyFuture<T> = Either<Ready<Result<T, CacheError>>, BoxFuture<'static, Result<T, CacheError>>>;

/// What an operation on a cache gives back.
///
/// Most operations need nobody else and are done when they return: their answer costs no allocation and no turn of a
/// scheduler. One that needs another member gives a future. Nobody may count on the one or the other: await the
/// reply, or tell the two apart with [`now_or_later`](Reply::now_or_later).
///
/// Dropping a reply that is on its way stops waiting for it; whether the operation is done all the same is open. When
/// a reply is there, the listeners at this member have been told of what the operation changed.
#[must_use = "an operation may not be done before its reply is there"]
pub enum Reply<T> {
    /// The operation is done.
    Ready(Result<T, CacheError>),
    /// The operation is under way.
    Later(BoxFuture<'static, Result<T, CacheError>>),
}

impl<T> Reply<T> {
    /// A reply that is there.
    pub fn ok(value: T) -> Self {
        Reply::Ready(Ok(value))
    }

    /// The result if it is there, or else the future that waits for it.
    ///
    /// # Errors
    /// The future: the result is not there yet.
    pub fn now_or_later(self) -> Result<Result<T, CacheError>, BoxFuture<'static, Result<T, CacheError>>> {
        match self {
            Reply::Ready(result) => Ok(result),
            Reply::Later(future) => Err(future),
        }
    }

    /// Whether the result is there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Reply::Ready(_))
    }
}

impl<T: Send + 'static> Reply<T> {
    /// A reply that this future gives.
    pub fn later(future: impl Future<Output = Result<T, CacheError>> + Send + 'static) -> Self {
        Reply::Later(future.boxed())
    }

    /// Makes something else of the value: at once if it is there.
    pub fn map<U: Send + 'static>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Reply<U> {
        self.and_then(|value| Ok(make(value)))
    }

    /// Makes something else of the value, or an error: at once if it is there.
    pub fn and_then<U: Send + 'static>(
        self,
        make: impl FnOnce(T) -> Result<U, CacheError> + Send + 'static,
    ) -> Reply<U> {
        match self {
            Reply::Ready(result) => Reply::Ready(result.and_then(make)),
            Reply::Later(future) => Reply::later(async move { make(future.await?) }),
        }
    }

    /// Goes on with an operation that needs the result of this one: at once if it is there.
    pub fn then<U: Send + 'static>(
        self,
        next: impl FnOnce(Result<T, CacheError>) -> Reply<U> + Send + 'static,
    ) -> Reply<U> {
        match self {
            Reply::Ready(result) => next(result),
            Reply::Later(future) => Reply::later(async move { next(future.await).await }),
        }
    }
}

impl<T> IntoFuture for Reply<T> {
    type Output = Result<T, CacheError>;
    type IntoFuture = ReplyFuture<T>;

    fn into_future(self) -> ReplyFuture<T> {
        match self {
            Reply::Ready(result) => Either::Left(ready(result)),
            Reply::Later(future) => Either::Right(future),
        }
    }
}

impl<T> From<Result<T, CacheError>> for Reply<T> {
    fn from(result: Result<T, CacheError>) -> Self {
        Reply::Ready(result)
    }
}

impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Reply::Later(_) => f.write_str("Later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::channel::oneshot;

    use super::*;

    fn failed<T>() -> Reply<T> {
        Reply::Ready(Err(CacheError::ShuttingDown))
    }

    fn on_its_way() -> (oneshot::Sender<u32>, Reply<u32>) {
        let (sender, receiver) = oneshot::channel();
        let reply = Reply::later(async { receiver.await.map_err(|_dropped| CacheError::ShuttingDown) });
        (sender, reply)
    }

    #[test]
    fn what_is_there_stays_there() {
        let reply = Reply::ok(2).map(|n| n + 1).and_then(|n| Ok(n * 2));
        let reply = reply.then(|n| Reply::from(n.map(|n| n + 1)));
        assert!(reply.is_ready());
        assert!(matches!(reply.now_or_later(), Ok(Ok(7))));
        assert!(matches!(
            failed::<u32>().map(|n| n + 1),
            Reply::Ready(Err(CacheError::ShuttingDown))
        ));
        let saved = failed::<u32>().then(|result| Reply::ok(result.is_err()));
        assert!(matches!(saved, Reply::Ready(Ok(true))));
        assert!(matches!(Reply::ok(5).into_future().now_or_never(), Some(Ok(5))));
    }

    #[test]
    fn what_is_on_its_way_comes_with_all_that_was_asked_of_it() {
        let (sender, reply) = on_its_way();
        let (second_sender, second) = on_its_way();
        let reply = reply
            .map(|n| n + 1)
            .then(|n| second.and_then(move |m| Ok(n? * m)));
        let Err(mut future) = reply.now_or_later() else {
            panic!("nothing was sent yet");
        };
        assert!((&mut future).now_or_never().is_none());
        sender.send(4).unwrap();
        assert!((&mut future).now_or_never().is_none());
        second_sender.send(3).unwrap();
        assert!(matches!((&mut future).now_or_never(), Some(Ok(15))));
    }

    #[test]
    fn nobody_waits_for_a_reply_that_was_dropped() {
        let (sender, reply) = on_its_way();
        drop(reply.map(|n| n + 1));
        assert!(sender.is_canceled());
    }
}
