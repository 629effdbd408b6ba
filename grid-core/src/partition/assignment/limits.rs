//! How much is moved at once.

use std::num::NonZeroU16;

/// How many moves run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveLimits {
    /// Copies that one primary sends. By default 4.
    pub sends: NonZeroU16,
    /// Copies that one member receives. By default 8.
    pub receives: NonZeroU16,
    /// Hand-overs that one primary makes: its partition serves nothing meanwhile, but for a moment only. By default 8.
    /// The limit is each primary's own, so that one that is stuck holds up nobody else.
    pub hand_overs: NonZeroU16,
}

impl Default for MoveLimits {
    fn default() -> Self {
        const fn limit(number: u16) -> NonZeroU16 {
            NonZeroU16::new(number).expect("a limit is not zero")
        }
        MoveLimits {
            sends: const { limit(4) },
            receives: const { limit(8) },
            hand_overs: const { limit(8) },
        }
    }
}
