//! What can go wrong, and what to do then.

use grid_core::membership::MemberId;

use super::SettingsError;

/// Why the group cannot be started, or cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It has a log already: another member, or an earlier call, started the group.
    #[error("the control group was started already; a new member waits until the leader makes it a voter")]
    AlreadyStarted,
    /// A new generation must follow the one that was seized.
    #[error("the new generation of the control group must be greater than the one before")]
    SameGeneration,
    /// It knows of no group.
    #[error("this member has nothing of a control group to go on with")]
    Nothing,
    /// It stopped, or failed. The log says why.
    #[error("this member no longer takes part in the control group; start it anew as another member")]
    Stopped,
}

/// Why a command has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposeError {
    /// Another member leads.
    #[error("not proposed: {leader} leads the control group; propose it there")]
    NotLeader {
        /// The leader.
        leader: MemberId,
    },
    /// No one leads as far as this member knows.
    #[error("not proposed: the control group has no leader now; try again when it has")]
    NoLeader,
    /// The command is too long.
    #[error("not proposed: the command has {len} bytes, at most {max} are allowed; split it")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Too many proposals are open, or the log is full because no majority takes it.
    #[error("not proposed: the control group is overloaded or without a majority; try again later")]
    Overloaded,
    /// It was proposed, and may be carried out, now or later.
    #[error(
        "proposed, but its outcome is unknown: the leader was replaced, or a majority was missing; look at the state before trying again"
    )]
    Unknown,
    /// This member no longer takes part.
    #[error("not proposed: this member no longer takes part in the control group")]
    Stopped,
}

impl ProposeError {
    /// Whether the command may have been carried out, or may yet be. If not, trying again is safe.
    #[must_use]
    pub fn may_be_applied(&self) -> bool {
        matches!(self, ProposeError::Unknown)
    }
}

/// Why leadership was not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmError {
    /// Another member leads.
    #[error("{leader} leads the control group")]
    NotLeader {
        /// The leader.
        leader: MemberId,
    },
    /// No one leads as far as this member knows.
    #[error("the control group has no leader now; try again when it has")]
    NoLeader,
    /// No majority of the voters answered in time.
    #[error("no majority of the control group answered; this member may have been replaced as its leader")]
    NoMajority,
    /// Too many wait.
    #[error("too many wait for a confirmation; try again later")]
    Overloaded,
    /// This member no longer takes part.
    #[error("this member no longer takes part in the control group")]
    Stopped,
}

/// Why the voters were not changed, or not all the way. Calling again goes on from there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VotersError {
    /// Another member leads.
    #[error("{leader} leads the control group; change the voters there")]
    NotLeader {
        /// The leader.
        leader: MemberId,
    },
    /// No one leads as far as this member knows, or no longer.
    #[error("the control group has no leader now; try again when it has")]
    NoLeader,
    /// None or too many voters were asked for.
    #[error("{asked} voters were asked for; there must be 1 to {max}")]
    Count {
        /// How many were asked for.
        asked: usize,
        /// How many there may be.
        max: usize,
    },
    /// A new voter did not catch up in time, and is none yet.
    #[error(
        "{member} did not catch up with the control group in time; see that the leader reaches it, or leave it out"
    )]
    Behind {
        /// The member.
        member: MemberId,
    },
    /// The change did not go through in time. It may still.
    #[error("the change of voters was not agreed in time; ask again")]
    TimedOut,
    /// The group takes no such change now.
    #[error("the control group does not take the change of voters: {0}; ask again")]
    Refused(String),
    /// This member no longer takes part.
    #[error("this member no longer takes part in the control group")]
    Stopped,
}

/// Why an election that was asked for has no winner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElectError {
    /// This member has no vote.
    #[error("this member is no voter of the control group")]
    NoVoter,
    /// The member that is said to be dead is this one.
    #[error("this member leads the control group itself")]
    Leads,
    /// No one won in time. The voters go on trying by themselves.
    #[error("no leader was elected in time: a majority of the voters is missing")]
    TimedOut,
    /// This member no longer takes part.
    #[error("this member no longer takes part in the control group")]
    Stopped,
}
