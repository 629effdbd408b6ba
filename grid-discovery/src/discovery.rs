//! Discovery, running.

use std::sync::Arc;

use tokio::sync::watch;

use crate::board::Board;
use crate::source;
use crate::task::Tasks;
use crate::{Announcement, Found, Settings, SettingsError};

/// Looks for members in all the ways that its settings name, at once and until it is stopped.
///
/// When it is dropped, it stops soon, and says goodbye if there is time; [`Discovery::stop`] waits for that.
#[derive(Debug)]
pub struct Discovery {
    board: Arc<Board>,
    tasks: Tasks,
}

impl Discovery {
    /// Begins to look. What does not work now (a name that is not known, a network that is not there, a store that
    /// does not answer) is logged once and tried again.
    ///
    /// `own` is what this member says about itself, whenever it changes; `None` for a client, which only looks. It must
    /// be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn start(
        settings: &Settings,
        own: Option<watch::Receiver<Announcement>>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let discovery = Discovery {
            board: Board::new(settings.sources.len(), own),
            tasks: Tasks::default(),
        };
        for (index, source) in settings.sources.iter().enumerate() {
            let post = source::Post::new(&discovery.board, index, source);
            source::start(source, settings, post, &discovery.tasks);
        }
        Ok(discovery)
    }

    /// What was found, whenever it changes.
    #[must_use]
    pub fn found(&self) -> watch::Receiver<Found> {
        self.board.subscribe()
    }

    /// Stops looking. A member says goodbye by multicast, and takes its own key out of directories.
    pub async fn stop(self) {
        self.tasks.end().await;
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}
