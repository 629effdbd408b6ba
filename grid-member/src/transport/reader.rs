//! The tasks that read: one for connections that were accepted, one for those that were dialled.

use std::sync::Arc;

use grid_proto::member::{Bye, Decoder, Failure, Frame, FrameError, FrameKind};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::writer::FAREWELL_MAX;
use super::{EndCause, LinkError};

/// After so many frames what came of them is written, so that the first do not wait for the last.
const FRAMES_IN_ROW: usize = 64;

/// Where a reader's task reads from.
pub(super) type ReadEnd = Box<dyn AsyncRead + Send + Unpin>;

/// What is done with the frames of a connection.
pub(super) trait Receiver: Send + Sync {
    /// The connection begins.
    fn opened(&self, connection: &Arc<Connection>);

    /// Takes a frame.
    ///
    /// # Errors
    /// The connection is to end.
    fn take(&self, connection: &Arc<Connection>, frame: Frame) -> Result<(), Stop>;

    /// Whether reading stops while the peer does not take what it asked for.
    fn waits_for_peer(&self) -> bool;

    /// The connection is over.
    fn closed(&self, connection: &Connection, cause: &EndCause);
}

/// Why no more is read.
pub(super) enum Stop {
    /// The peer said its last word.
    Bye(Bye),
    /// The peer broke the protocol.
    Broken(String),
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        Stop::Broken(error.to_string())
    }
}

/// Hands answers to those who wait for them.
pub(super) struct Dialled;

impl Receiver for Dialled {
    fn opened(&self, _connection: &Arc<Connection>) {}

    fn take(&self, connection: &Arc<Connection>, frame: Frame) -> Result<(), Stop> {
        let Frame { header, payload } = frame;
        let outcome = match header.kind {
            FrameKind::Answer => Ok(payload),
            FrameKind::Failed => Err(LinkError::Failed(Failure::decode(header.op, &payload))),
            FrameKind::Bye => return Err(Stop::Bye(Bye::decode(header.op, &payload))),
            kind => return Err(FrameError::Unexpected { kind }.into()),
        };
        match connection.take_pending(header.number) {
            Some(completion) => completion.complete(outcome),
            // Between the end and the cancelled reader, answers come to nobody.
            None if connection.over().is_cancelled() => {}
            None => {
                return Err(Stop::Broken(format!(
                    "an answer to a request that nobody made, {:#x}",
                    header.number
                )));
            }
        }
        Ok(())
    }

    fn waits_for_peer(&self) -> bool {
        false
    }

    fn closed(&self, _connection: &Connection, _cause: &EndCause) {}
}

/// Ends the connection if its reader is dropped or panics, and tells the receiver of the end in any case.
struct EndGuard<R: Receiver> {
    connection: Arc<Connection>,
    receiver: R,
}

impl<R: Receiver> Drop for EndGuard<R> {
    fn drop(&mut self) {
        self.connection.end(EndCause::ReceiverFailed);
        let cause = self.connection.end_cause().unwrap_or(EndCause::ReceiverFailed);
        tracing::debug!(peer = %self.connection.peer.remote, process = %self.connection.peer.process,
            lane = ?self.connection.peer.lane, %cause, "a connection between members ended");
        self.receiver.closed(&self.connection, &cause);
    }
}

/// Reads until the connection is over, and tells the receiver so.
pub(super) async fn drive_reader<R: Receiver>(
    connection: Arc<Connection>,
    mut read_end: ReadEnd,
    mut decoder: Decoder,
    receiver: R,
    stop: CancellationToken,
) {
    let guard = EndGuard { connection, receiver };
    let EndGuard { connection, receiver } = &guard;
    receiver.opened(connection);
    tokio::select! {
        biased;
        () = connection.over().cancelled() => {}
        () = stop.cancelled() => connection.close(EndCause::ClosedHere, &Bye::Stopping),
        () = read(connection, &mut read_end, &mut decoder, receiver) => {}
    }
    if connection.has_last_word() {
        // To close with unread bytes would reset the connection, and take the last word away from the peer.
        let mut unread = vec![0; 16 << 10];
        let drained = async { while read_end.read(&mut unread).await.is_ok_and(|len| len > 0) {} };
        let _ = tokio::time::timeout(FAREWELL_MAX, drained).await;
    }
}

async fn read<R: Receiver>(
    connection: &Arc<Connection>,
    read_end: &mut ReadEnd,
    decoder: &mut Decoder,
    receiver: &R,
) {
    loop {
        connection.hold();
        let handed_out = hand_out(connection, decoder, receiver);
        connection.release();
        match handed_out {
            Err(Stop::Bye(bye)) => {
                connection.end(EndCause::ClosedByPeer(bye));
                return;
            }
            Err(Stop::Broken(problem)) => {
                tracing::warn!(peer = %connection.peer.remote, process = %connection.peer.process, problem,
                    "a member broke the protocol; its connection is closed");
                let bye = Bye::Protocol(problem.clone());
                return connection.close(EndCause::Protocol(problem), &bye);
            }
            Ok(true) => {
                tokio::task::consume_budget().await;
                if receiver.waits_for_peer() {
                    connection.caught_up().await;
                }
                continue;
            }
            Ok(false) => {}
        }
        if receiver.waits_for_peer() {
            connection.caught_up().await;
        }
        match read_end.read_buf(&mut decoder.space()).await {
            Ok(0) => {
                connection.end(EndCause::Eof);
                return;
            }
            Ok(_) => {}
            Err(error) => {
                connection.end(EndCause::of(&error));
                return;
            }
        }
    }
}

/// Hands out some of the frames that are there. True when there may be more.
fn hand_out<R: Receiver>(
    connection: &Arc<Connection>,
    decoder: &mut Decoder,
    receiver: &R,
) -> Result<bool, Stop> {
    for _ in 0..FRAMES_IN_ROW {
        if connection.over().is_cancelled() || (receiver.waits_for_peer() && connection.is_behind()) {
            return Ok(true);
        }
        match decoder.next_frame()? {
            Some(frame) => receiver.take(connection, frame)?,
            None => return Ok(false),
        }
    }
    Ok(true)
}
