//! Sessions: a client's access to the caches of a cluster.

mod addresses;
mod builder;
mod error;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use grid_core::cache::selections::{SelectionLimits, Selections};
use grid_core::cache::{Background, Cache, CacheBackend, CacheError, CacheName, Caches};

use crate::cache::{CacheState, Keeper, RemoteCache, Wiring};
use crate::connection::{Began, Lane, Opened, Opener, keep};
use crate::routing::{self, Fleet, Numbers, Readers};
use crate::task::Tasks;

pub(crate) use addresses::Addresses;
pub use builder::{ADDRESS_DEFAULT, ADDRESS_VARIABLE, SessionBuilder};
pub use error::ConnectError;
pub(crate) use settings::Settings;

/// The most caches that one session keeps open.
const CACHES_MAX: usize = 100_000;

/// Access to the caches of a cluster. Clones share it.
///
/// It ends when [`Session::close`] is called, or when it is dropped with all its clones, caches and listeners.
#[derive(Clone, Debug)]
pub struct Session {
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    wiring: Arc<Wiring>,
    caches: Mutex<HashMap<CacheName, Arc<CacheState>>>,
    server_version: String,
    life: Arc<Life>,
}

/// Keeps the tasks of a session running: when the last one is dropped, they end.
#[derive(Debug)]
pub(crate) struct Life {
    tasks: Tasks,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

impl Background for Life {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), CacheError> {
        let token = self.tasks.token().clone();
        if token.is_cancelled() || Handle::try_current().is_err() {
            return Err(CacheError::ShuttingDown);
        }
        self.tasks.spawn("beside a cache", async move {
            // Whatever it holds goes with it.
            let _done: Option<()> = token.run_until_cancelled(task).await;
        });
        Ok(())
    }

    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed()
    }
}

/// Starts the tasks of a session.
fn start(
    wiring: &Arc<Wiring>,
    connections: Vec<Opened>,
    first: watch::Sender<Option<Opener>>,
    addresses: &Arc<Addresses>,
    tasks: &Tasks,
) {
    let settings = &wiring.settings;
    let (opener, openers) = watch::channel(None);
    let mut opener = Some((opener, first));
    for (index, opened) in connections.into_iter().enumerate() {
        let (lane, keeper) = (wiring.lanes[index].clone(), wiring.keepers[index].clone());
        // One connection is enough to hear who serves what.
        let (opener, numbers) = (opener.take(), wiring.numbers.clone());
        let routed = settings.routed;
        let began = {
            let keeper = keeper.clone();
            move |began: Began| {
                if began.epoch > 1 {
                    keeper.renew();
                }
                if let Some(now_ms) = began.grants.once {
                    numbers.now_is(now_ms);
                }
                if let Some((opener, first)) = &opener {
                    first.send_replace(Some(began.opener.clone()));
                    let routes = began.grants.routes.filter(|_| routed);
                    opener.send_replace(routes.map(|_| began.opener));
                }
            }
        };
        let token = tasks.token().clone();
        tasks.spawn(
            "connection",
            keep(
                lane,
                opened,
                settings.clone(),
                addresses.clone(),
                token.clone(),
                began,
            ),
        );
        tasks.spawn("listeners", async move { keeper.run(&token).await });
    }
    tasks.spawn(
        "who serves what",
        routing::watch(
            wiring.fleet.clone(),
            openers,
            settings.retry,
            tasks.token().clone(),
        ),
    );
}

impl Session {
    /// Settings for a session.
    #[must_use]
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A session with the server at this address, `host:port`, and every setting at its default.
    ///
    /// # Errors
    /// When the address is none, or cannot be connected to.
    pub async fn connect(address: &str) -> Result<Session, ConnectError> {
        Session::builder().address(address).connect().await
    }

    /// A session with the server that the environment variable `GRID_ADDRESS` names (`host:port`, or several with
    /// commas between them), else with `127.0.0.1:1408`.
    ///
    /// # Errors
    /// When an address is none, or no address can be connected to.
    pub async fn from_env() -> Result<Session, ConnectError> {
        let addresses = std::env::var(ADDRESS_VARIABLE).unwrap_or_else(|_unset| ADDRESS_DEFAULT.to_owned());
        let addresses = addresses.split(',').map(str::trim);
        Session::builder().addresses(addresses).connect().await
    }

    pub(crate) async fn open(settings: Arc<Settings>) -> Result<Session, ConnectError> {
        // From here on, whatever fails ends the tasks.
        let life = Arc::new(Life {
            tasks: Tasks::default(),
        });
        let tasks = &life.tasks;
        let addresses = Arc::new(Addresses::new(settings.addresses.clone()));
        #[cfg(feature = "discovery")]
        settings.finding.start(&addresses, tasks)?;
        let mut connections = Vec::new();
        for _ in 0..settings.connections {
            connections.push(addresses.open_any(&settings).await?);
        }
        let server_version = connections[0].init.version.clone();
        let lanes: Vec<_> = (0..connections.len())
            .map(|index| Lane::new(index, &settings))
            .collect();
        let keepers: Vec<_> = lanes.iter().map(|_| Arc::new(Keeper::default())).collect();
        let fleet = Fleet::new(lanes.clone(), settings.clone(), addresses.clone(), tasks.clone());
        let readers = Readers::new(lanes.clone(), settings.clone(), addresses.clone(), tasks.clone());
        let (opener, openers) = watch::channel(None);
        let wiring = Arc::new(Wiring {
            readers: Arc::new(readers),
            lanes,
            keepers,
            fleet: Arc::new(fleet),
            numbers: Arc::new(Numbers::new()),
            settings,
            openers,
        });
        start(&wiring, connections, opener, &addresses, tasks);
        // The first operation must not find a lane whose task had no turn yet.
        for lane in &wiring.lanes {
            let deadline = crate::clock::now() + wiring.settings.connect_timeout;
            lane.up(deadline)
                .await
                .map_err(|failure| ConnectError::Unreachable {
                    attempts: vec![format!("{failure:?}")],
                })?;
        }
        let core = Core {
            wiring,
            caches: Mutex::default(),
            server_version,
            life,
        };
        Ok(Session { core: Arc::new(core) })
    }

    /// A typed handle on a cache. The server makes the cache if it is not there.
    ///
    /// # Errors
    /// When the name is none, the server refuses, or does not answer.
    pub async fn cache<K, V>(&self, name: &str) -> Result<Cache<K, V>, CacheError> {
        Ok(Cache::new(self.backend(name).await?))
    }

    /// A handle on a cache in bytes. The server makes the cache if it is not there.
    ///
    /// # Errors
    /// When the name is none, the server refuses, or does not answer.
    pub async fn backend(&self, name: &str) -> Result<Arc<dyn CacheBackend>, CacheError> {
        let state = self.state(CacheName::new(name)?)?;
        state.open_home().await?;
        Ok(Arc::new(RemoteCache::new(state, self.core.life.clone())))
    }

    /// A registry of selections of this session's caches: what a filter selects is read once, kept up to date, and answered
    /// from here when it is asked for again, within limits.
    ///
    /// ```no_run
    /// use grid_client::Session;
    /// use grid_core::cache::selections::SelectionLimits;
    /// use grid_core::query::field;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let session = Session::connect("127.0.0.1:1408").await?;
    /// let selections = session.selections(SelectionLimits::default());
    /// let people = selections.of(session.cache::<String, grid_core::value::Value>("people").await?);
    /// println!("{} adults", people.count(&field("age").ge(18)).await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn selections(&self, limits: SelectionLimits) -> Selections {
        let began = crate::clock::now();
        Selections::new(limits, move || {
            crate::clock::now().saturating_duration_since(began)
        })
    }

    fn state(&self, name: CacheName) -> Result<Arc<CacheState>, CacheError> {
        if self.core.life.tasks.token().is_cancelled() {
            return Err(CacheError::ShuttingDown);
        }
        let mut caches = self.core.caches.lock();
        if let Some(state) = caches.get(&name).filter(|state| !state.is_destroyed()) {
            return Ok(state.clone());
        }
        if caches.len() >= CACHES_MAX {
            caches.retain(|_, state| !state.is_destroyed());
        }
        if caches.len() >= CACHES_MAX {
            let what = format!("the session has {CACHES_MAX} caches open; use another session");
            return Err(CacheError::Overloaded { what });
        }
        let state = CacheState::new(name.clone(), self.core.wiring.clone());
        caches.insert(name, state.clone());
        Ok(state)
    }

    /// The version that the server said it has when the session began.
    #[must_use]
    pub fn server_version(&self) -> &str {
        &self.core.server_version
    }

    /// Ends the session: what is in flight fails, listeners end, the connections are closed. When the future is
    /// ready, no task of the session runs.
    ///
    /// A change that was sent and not answered fails with an error that says that it may have been made; everything
    /// else fails with [`CacheError::ShuttingDown`].
    pub async fn close(&self) {
        self.core.life.tasks.end().await;
        std::mem::take(&mut *self.core.caches.lock())
            .into_values()
            .for_each(|state| state.close());
    }

    /// How many tasks of the session run: none after [`Session::close`].
    #[must_use]
    pub fn running_tasks(&self) -> usize {
        self.core.life.tasks.running()
    }
}

impl Caches for Session {
    fn backend_of<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn CacheBackend>, CacheError>> {
        self.backend(name).boxed()
    }
}
