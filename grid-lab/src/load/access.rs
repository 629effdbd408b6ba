//! A session with its caches.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grid_client::{RetryPolicy, Session};
use grid_core::cache::{Cache, CacheBackend};

use crate::history::Workload;

use super::LoadError;
use super::counters::Counter;

/// The cache that probes write to. Nothing in it is checked.
const PROBES: &str = "lab-probes";

/// The cache of the entries that nobody touches.
const BALLAST: &str = "lab-entries";

/// A connection that is silent for so long is asked for a sign of life, and counts as broken after twice that.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The longest pause between two attempts to connect.
const CONNECT_DELAY_MAX: Duration = Duration::from_millis(200);

/// The caches of the lab, as one session has them.
#[derive(Debug)]
pub struct Access {
    member: usize,
    pub(super) registers: Cache<String, u64>,
    pub(super) inserts: Cache<String, u64>,
    pub(super) appends: Cache<String, Vec<u64>>,
    pub(super) counters: Cache<String, Counter>,
    pub(super) events: Cache<String, u64>,
    pub(super) probes: Cache<String, u64>,
    pub(super) ballast: Cache<String, String>,
    session: Option<Session>,
}

impl Access {
    /// A session with the first of these addresses, and with the others when that one fails. One that is not `routed`
    /// asks no other member.
    ///
    /// # Errors
    /// When none can be connected to, or a cache cannot be opened.
    pub async fn connect(
        member: usize,
        addresses: &[SocketAddr],
        routed: bool,
        request_timeout: Duration,
    ) -> Result<Self, LoadError> {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let session = Session::builder()
            .addresses(addresses.iter().map(String::as_str))
            .connect_timeout(request_timeout.min(Duration::from_secs(1)))
            .request_timeout(request_timeout)
            .heartbeat(Some(HEARTBEAT))
            .routed(routed)
            .retry(RetryPolicy {
                delay_max: CONNECT_DELAY_MAX,
                ..RetryPolicy::default()
            })
            .connect()
            .await
            .map_err(|error| LoadError::Connect { member, error })?;
        let open = async |cache: &'static str| {
            let backend = session.backend(cache).await;
            backend.map_err(|error| LoadError::Cache { member, cache, error })
        };
        Ok(Access {
            member,
            registers: Cache::new(open(Workload::Registers.cache()).await?),
            inserts: Cache::new(open(Workload::Inserts.cache()).await?),
            appends: Cache::new(open(Workload::Appends.cache()).await?),
            counters: Cache::new(open(Workload::Counters.cache()).await?),
            events: Cache::new(open(Workload::Events.cache()).await?),
            probes: Cache::new(open(PROBES).await?),
            ballast: Cache::new(open(BALLAST).await?),
            session: Some(session),
        })
    }

    /// Caches of any kind, which `open` gives by their names.
    pub fn of(member: usize, open: impl Fn(&str) -> Arc<dyn CacheBackend>) -> Self {
        Access {
            member,
            registers: Cache::new(open(Workload::Registers.cache())),
            inserts: Cache::new(open(Workload::Inserts.cache())),
            appends: Cache::new(open(Workload::Appends.cache())),
            counters: Cache::new(open(Workload::Counters.cache())),
            events: Cache::new(open(Workload::Events.cache())),
            probes: Cache::new(open(PROBES)),
            ballast: Cache::new(open(BALLAST)),
            session: None,
        }
    }

    /// The member that it prefers.
    #[must_use]
    pub fn member(&self) -> usize {
        self.member
    }

    /// Ends the session.
    pub async fn close(&self) {
        if let Some(session) = &self.session {
            session.close().await;
        }
    }
}
