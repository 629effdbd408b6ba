//! The agreed state as this member knows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use arc_swap::Guard;
use grid_core::control::{Command, ControlState, Delta};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Epoch, ServiceId};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// Who serves a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The epoch of the replica set.
    pub epoch: Epoch,
    /// The primary.
    pub primary: Option<MemberId>,
    /// Its entries are lost, until someone accepts it.
    pub lost: bool,
}

/// Who serves which partition: an immutable snapshot.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    services: BTreeMap<ServiceId, Arc<[Route]>>,
}

impl Routes {
    /// Who serves this partition; `None` when there is no such service yet.
    #[must_use]
    pub fn of(&self, service: ServiceId, partition: PartitionId) -> Option<Route> {
        self.services.get(&service)?.get(partition.index()).copied()
    }
}

/// The agreed state as this member knows it. It only ever goes forward.
pub struct View {
    state: RwLock<Option<ControlState>>,
    routes: ArcSwapOption<Routes>,
    /// The place in the log.
    index: watch::Sender<u64>,
}

impl View {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        View {
            state: RwLock::new(None),
            routes: ArcSwapOption::empty(),
            index: watch::Sender::new(0),
        }
    }

    /// The state, if there is one yet. Not to be held for long: commands wait.
    pub fn state(&self) -> RwLockReadGuard<'_, Option<ControlState>> {
        self.state.read()
    }

    /// Reads the state, if there is one yet.
    pub fn read<T>(&self, read: impl FnOnce(&ControlState) -> T) -> Option<T> {
        self.state.read().as_ref().map(read)
    }

    /// Who serves which partition; cheap.
    #[must_use]
    pub fn routes(&self) -> Guard<Option<Arc<Routes>>> {
        self.routes.load()
    }

    /// Who serves this partition.
    #[must_use]
    pub fn route(&self, service: ServiceId, partition: PartitionId) -> Option<Route> {
        self.routes.load().as_ref()?.of(service, partition)
    }

    /// The place in the log that the state is at, and news of it.
    #[must_use]
    pub fn index(&self) -> watch::Receiver<u64> {
        self.index.subscribe()
    }

    /// The place in the log that the state is at.
    #[must_use]
    pub fn index_now(&self) -> u64 {
        *self.index.borrow()
    }

    /// Makes a command. `None` when it is not the next one: earlier ones are known, and before later ones something is
    /// missing. `act` runs before anyone is shown the change, so that whoever is sent to a member by it finds it done.
    pub(crate) fn apply(
        &self,
        index: u64,
        command: Option<&Command>,
        act: impl FnOnce(&ControlState, &Delta),
    ) -> Option<Delta> {
        let delta = {
            let mut state = self.state.write();
            let state = state.as_mut()?;
            if index != state.index() + 1 {
                return None;
            }
            match command {
                Some(command) => state.apply(index, command).1,
                None => {
                    state.skip(index);
                    Delta::default()
                }
            }
        };
        // One task applies, so nothing changes in between.
        let state = self.state.read();
        let state = state.as_ref()?;
        act(state, &delta);
        if !delta.partitions.is_empty() || delta.service.is_some() {
            self.show_routes(state);
        }
        self.index.send_replace(index);
        Some(delta)
    }

    /// Takes a whole state, unless a newer one is known. Whether it was taken. `act` runs before anyone is shown it.
    pub(crate) fn install(&self, new: ControlState, act: impl FnOnce(&ControlState)) -> bool {
        let is_newer = self.state.read().as_ref().is_none_or(|old| {
            old.identity().id != new.identity().id
                || (new.generation(), new.index()) > (old.generation(), old.index())
        });
        if is_newer {
            *self.state.write() = Some(new);
            if let Some(state) = self.state.read().as_ref() {
                act(state);
                self.show_routes(state);
                self.index.send_replace(state.index());
            }
        }
        is_newer
    }

    fn show_routes(&self, state: &ControlState) {
        let services = state.services().iter().map(|(id, service)| {
            let routes = service.assignments.iter().map(|assignment| Route {
                epoch: assignment.epoch,
                primary: assignment.primary,
                lost: assignment.lost,
            });
            (*id, routes.collect())
        });
        self.routes.store(Some(Arc::new(Routes {
            services: services.collect(),
        })));
    }
}

impl Default for View {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("index", &self.index_now())
            .finish_non_exhaustive()
    }
}
