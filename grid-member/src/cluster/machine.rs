//! The agreed state as the machine of the control group.

use bytes::Bytes;
use grid_core::control::{Command, ControlState, Outcome};
use tokio::sync::mpsc;

use crate::control::{ControlMachine, ControlObserver, RestoreError};

use super::message::{read, write};

/// The agreed state as the machine of the control group.
#[derive(Debug)]
pub(super) struct StateMachine {
    state: ControlState,
}

impl StateMachine {
    pub(super) fn new(state: ControlState) -> Self {
        StateMachine { state }
    }

    pub(super) fn state(&self) -> &ControlState {
        &self.state
    }
}

impl ControlMachine for StateMachine {
    fn apply(&mut self, index: u64, command: &Bytes) -> Bytes {
        let outcome = match read::<Command>(command) {
            Some(command) => self.state.apply(index, &command).0,
            None => {
                self.state.skip(index);
                Outcome::Refused("the command cannot be read".to_owned())
            }
        };
        write(&outcome)
    }

    fn snapshot(&self) -> Bytes {
        write(&self.state)
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.state = postcard::from_bytes(snapshot).map_err(|error| RestoreError(error.to_string()))?;
        Ok(())
    }
}

/// What the control group agreed on, as this member applied it.
#[derive(Debug)]
pub(super) enum Agreement {
    /// A command.
    Command(u64, Bytes),
    /// A whole state.
    State(Bytes),
}

/// Hands on what was agreed.
#[derive(Debug)]
pub(super) struct Observer {
    agreed: mpsc::Sender<Agreement>,
}

impl Observer {
    pub(super) fn new(agreed: mpsc::Sender<Agreement>) -> Self {
        Observer { agreed }
    }

    fn hand_on(&self, agreement: Agreement) {
        // A queue that is full is found out by the gap in the numbers, and made good by a snapshot.
        let _gap_is_noticed = self.agreed.try_send(agreement);
    }
}

impl ControlObserver for Observer {
    fn applied(&mut self, index: u64, command: &Bytes, _outcome: &Bytes) {
        self.hand_on(Agreement::Command(index, command.clone()));
    }

    fn installed(&mut self, _index: u64, snapshot: &Bytes) {
        self.hand_on(Agreement::State(snapshot.clone()));
    }
}
