//! Views of any types, as they are kept.

use std::any::Any;
use std::sync::Arc;

use crate::cache::View;
use crate::cache::view::{Contents, ViewPhase, ViewPlan, ViewStatus};
use crate::event::EventPositions;

use super::shelf::Weight;

/// A view whose types are not known here.
pub(super) trait AnyView: Send + Sync {
    fn len(&self) -> usize;
    fn bytes(&self) -> u64;
    fn plan(&self) -> ViewPlan;
    fn status(&self) -> ViewStatus;
    fn current_to(&self) -> Option<EventPositions>;
    fn as_any(&self) -> &dyn Any;
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> AnyView for View<K, V> {
    fn len(&self) -> usize {
        View::len(self)
    }

    fn bytes(&self) -> u64 {
        View::bytes(self)
    }

    fn plan(&self) -> ViewPlan {
        View::plan(self)
    }

    fn status(&self) -> ViewStatus {
        View::status(self)
    }

    fn current_to(&self) -> Option<EventPositions> {
        View::current_to(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A view that is kept.
#[derive(Clone)]
pub(super) struct KeptView(pub(super) Arc<dyn AnyView>);

impl KeptView {
    /// What it has of each entry, in words.
    pub(super) fn contents(&self) -> String {
        match self.0.plan().contents() {
            Contents::Values => "value".to_owned(),
            Contents::Keys => "key".to_owned(),
            Contents::Extracted(extractor) => extractor.to_string(),
        }
    }
}

impl Weight for KeptView {
    fn entries(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    fn is_alive(&self) -> bool {
        !matches!(self.0.status().phase, ViewPhase::Ended(_))
    }
}
