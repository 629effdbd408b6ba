//! One connection: what waits to be sent on it, who waits for answers, and how it ends.
//!
//! What must hold: frames leave in the order in which they were put in, each whole or not at all behind the last whole one;
//! every request is completed exactly once; a request that is said not to have been sent never reaches the peer.
//!
//! Who writes to the socket has the writer's role, which is given and taken under the lock of [`State`]. A sender on an
//! idle connection takes it and writes itself, which saves waking a task; with more going on, the writer's task writes,
//! after all that are ready to run had their turn to send, so that many frames go out in one call of the system. The
//! reader's task holds the writing back while it hands out what it read, and writes what came of it by itself.
//!
//! Locks: `writing`, then `state`. Neither is held while a handler or a completion runs, or across an await.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use grid_proto::member::{Bye, Failure, FailureKind, FrameKind, Header, PAYLOAD_MAX};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::outbound::{Batch, Outbound};
use super::pending::{Completion, Pending};
use super::{EndCause, LinkError, PeerInfo, Pieces, TransportSettings};

/// With more than so many requests without an answer, frames are gathered by the writer's task.
const DIRECT_REQUESTS_MAX: usize = 2;

/// After so many frames in a row were written by their senders, frames are gathered by the writer's task.
const DIRECT_ROW_MAX: u8 = 4;

/// Frames longer than this, in bytes, are left to the writer's task.
const DIRECT_LEN_MAX: usize = 64 << 10;

/// How often in a row one caller writes for others.
const ROUNDS_MAX: u32 = 8;

/// Who writes to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Nobody,
    /// Whoever sends, and does not wait.
    Sender,
    /// The writer's task, which was woken for it.
    Task,
}

#[derive(Debug)]
struct State {
    ended: Option<EndCause>,
    /// It ended with a word to the peer, which the writer's task is to send.
    last_word: bool,
    writer: Writer,
    /// The reader writes what was put in meanwhile when it is done.
    held: bool,
    direct_row: u8,
    outbound: Outbound,
    pending: Pending,
}

#[derive(Debug)]
struct Writing {
    batch: Batch,
    /// What senders can write to without waiting. `None` with TLS, and after the end.
    socket: Option<Arc<OwnedWriteHalf>>,
}

/// What became of writing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// All; the role was given back.
    All,
    /// The socket takes nothing more for now.
    Blocked,
    /// There is more, and it is the turn of others.
    Enough,
    /// The connection ended.
    Ended,
}

/// What a sender does after it put a frame in.
enum Then {
    Nothing,
    WakeTask,
    Write,
}

/// One connection, shared by those who send on it, its reader and its writer.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: PeerInfo,
    outbound_len_max: usize,
    requests_max: usize,
    /// Whether senders write to the socket themselves; not through TLS, where the writer's task has the stream.
    direct: bool,
    state: Mutex<State>,
    writing: Mutex<Writing>,
    /// How far the stream was written: the system has it.
    written: AtomicU64,
    /// Requests that the handler has and that have no answer.
    unanswered: AtomicUsize,
    /// The reader waits until there is less to do.
    paused: AtomicBool,
    resume: Notify,
    /// The writer's task has the role.
    wake: Notify,
    ended: watch::Sender<Option<EndCause>>,
    /// Cancelled at the end, whatever the cause.
    over: CancellationToken,
}

impl Connection {
    /// A connection with this peer. Without a socket only the writer's task writes.
    pub(super) fn new(
        peer: PeerInfo,
        settings: &TransportSettings,
        socket: Option<Arc<OwnedWriteHalf>>,
    ) -> Arc<Self> {
        Arc::new(Connection {
            peer,
            outbound_len_max: settings.outbound_len_max,
            requests_max: settings.requests_max,
            direct: socket.is_some(),
            state: Mutex::new(State {
                ended: None,
                last_word: false,
                writer: Writer::Nobody,
                held: false,
                direct_row: 0,
                outbound: Outbound::default(),
                pending: Pending::default(),
            }),
            writing: Mutex::new(Writing {
                batch: Batch::default(),
                socket,
            }),
            written: AtomicU64::new(0),
            unanswered: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            resume: Notify::new(),
            wake: Notify::new(),
            ended: watch::Sender::new(None),
            over: CancellationToken::new(),
        })
    }

    /// Sends a request. `Err` gives the completion back, and nothing was sent.
    pub(super) fn request(
        &self,
        kind: u8,
        payload: Pieces,
        completion: Completion,
    ) -> Result<(), (LinkError, Completion)> {
        let payload_len = match frame_len(&payload) {
            Ok(payload_len) => payload_len,
            Err(error) => return Err((error, completion)),
        };
        let then = {
            let mut state = self.state.lock();
            if let Err(error) = self.room_for(&state, payload.len(), true) {
                return Err((error, completion));
            }
            let frame_end =
                state.outbound.queued() + grid_proto::member::HEADER_LEN as u64 + u64::from(payload_len);
            let number = state.pending.insert(completion, frame_end);
            let waiting = state.pending.len();
            let header = Header::new(FrameKind::Request, kind, number, payload_len);
            self.put_in(&mut state, &header, payload, waiting)
        };
        self.go_on(then);
        Ok(())
    }

    /// Sends a message that wants no answer.
    pub(super) fn message(&self, kind: u8, payload: Pieces) -> Result<(), LinkError> {
        let payload_len = frame_len(&payload)?;
        let then = {
            let mut state = self.state.lock();
            self.room_for(&state, payload.len(), false)?;
            let waiting = state.pending.len();
            let header = Header::new(FrameKind::OneWay, kind, 0, payload_len);
            self.put_in(&mut state, &header, payload, waiting)
        };
        self.go_on(then);
        Ok(())
    }

    /// Answers a request that was counted by [`Connection::begin_request`]. An answer that there is no room for becomes a
    /// failure.
    pub(super) fn answer(&self, number: u64, answer: Result<Pieces, Failure>) {
        let unanswered = self.unanswered.fetch_sub(1, Ordering::AcqRel) - 1;
        let then = {
            let mut state = self.state.lock();
            if state.ended.is_some() {
                return;
            }
            let sendable = answer.and_then(|payload| {
                let payload_len = frame_len(&payload).map_err(|error| lost_answer(&error))?;
                self.room_for(&state, payload.len(), false)
                    .map_err(|error| lost_answer(&error))?;
                Ok((Header::new(FrameKind::Answer, 0, number, payload_len), payload))
            });
            // A failure is short, and there are at most as many as there may be requests.
            let (header, payload) = sendable.unwrap_or_else(|failure| {
                let payload = Pieces::from(failure.encode());
                let payload_len = frame_len(&payload).unwrap_or_default();
                let header = Header::new(FrameKind::Failed, failure.kind.code(), number, payload_len);
                (header, payload)
            });
            self.put_in(&mut state, &header, payload, unanswered)
        };
        self.go_on(then);
        self.resume_reader();
    }

    /// Whether there is room for a frame.
    fn room_for(&self, state: &State, payload_len: usize, with_answer: bool) -> Result<(), LinkError> {
        if let Some(cause) = &state.ended {
            return Err(LinkError::NotSent(cause.clone()));
        }
        let waiting_len = self.waiting_len(state);
        let requests = state.pending.len();
        let too_many = with_answer && requests >= self.requests_max;
        if too_many || waiting_len.saturating_add(payload_len) > self.outbound_len_max {
            return Err(LinkError::Overloaded {
                waiting_len,
                requests,
            });
        }
        Ok(())
    }

    fn waiting_len(&self, state: &State) -> usize {
        let waiting = state
            .outbound
            .queued()
            .saturating_sub(self.written.load(Ordering::Acquire));
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    fn put_in(&self, state: &mut State, header: &Header, payload: Pieces, waiting: usize) -> Then {
        let payload_len = payload.len();
        state.outbound.push(header, payload);
        if state.held || state.writer != Writer::Nobody {
            return Then::Nothing;
        }
        let few = waiting <= DIRECT_REQUESTS_MAX && state.direct_row < DIRECT_ROW_MAX;
        if few && self.direct && payload_len <= DIRECT_LEN_MAX {
            state.writer = Writer::Sender;
            state.direct_row += 1;
            Then::Write
        } else {
            state.writer = Writer::Task;
            Then::WakeTask
        }
    }

    fn go_on(&self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::WakeTask => self.wake.notify_one(),
            Then::Write => self.write_as_sender(),
        }
    }

    fn write_as_sender(&self) {
        if matches!(self.write(), Written::Blocked | Written::Enough) {
            self.state.lock().writer = Writer::Task;
            self.wake.notify_one();
        }
    }

    /// Writes as much as goes without waiting. To be called by who has the role, which keeps it unless all was written.
    pub(super) fn write(&self) -> Written {
        let failed = {
            let mut writing = self.writing.lock();
            let Writing { batch, socket } = &mut *writing;
            let mut rounds = 0;
            loop {
                if batch.is_empty() && !self.take(batch) {
                    return Written::All;
                }
                let Some(socket) = socket else {
                    return Written::Blocked;
                };
                if rounds == ROUNDS_MAX {
                    return Written::Enough;
                }
                rounds += 1;
                match batch.write_with(|slices| socket.try_write_vectored(slices)) {
                    Ok(0) => break EndCause::Reset,
                    Ok(len) => {
                        batch.advance(len);
                        self.wrote(len);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break EndCause::of(&error),
                }
            }
        };
        self.end(failed);
        Written::Ended
    }

    /// Takes what is next to be written; gives the role back when there is nothing.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        let mut state = self.state.lock();
        if state.outbound.take(batch) {
            return true;
        }
        if state.writer == Writer::Task {
            state.direct_row = 0;
        }
        state.writer = Writer::Nobody;
        if state.ended.is_some() {
            // The writer's task waits for the role to say the last word.
            self.wake.notify_one();
        }
        false
    }

    /// Counts what was written.
    pub(super) fn wrote(&self, len: usize) {
        self.written.fetch_add(len as u64, Ordering::AcqRel);
        self.resume_reader();
    }

    /// Takes the role for the writer's task, unless a sender has it at this moment.
    pub(super) fn claim(&self) -> bool {
        let mut state = self.state.lock();
        let claimed = state.writer != Writer::Sender;
        if claimed {
            state.writer = Writer::Task;
        }
        claimed
    }

    /// Waits until the writer's task was given the role.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Holds the writing back until [`Connection::release`]; for the reader, while it hands out frames.
    pub(super) fn hold(&self) {
        let mut state = self.state.lock();
        state.held = true;
        state.direct_row = 0;
    }

    /// Ends [`Connection::hold`], and writes what was put in meanwhile.
    pub(super) fn release(&self) {
        let then = {
            let mut state = self.state.lock();
            state.held = false;
            let waits = state.outbound.queued() > state.outbound.taken();
            match (waits && state.writer == Writer::Nobody, self.direct) {
                (false, _) => Then::Nothing,
                (true, true) => {
                    state.writer = Writer::Sender;
                    Then::Write
                }
                (true, false) => {
                    state.writer = Writer::Task;
                    Then::WakeTask
                }
            }
        };
        self.go_on(then);
    }

    /// Counts a request that the handler gets.
    pub(super) fn begin_request(&self) {
        self.unanswered.fetch_add(1, Ordering::AcqRel);
    }

    /// Who waits for the answer with this number.
    pub(super) fn take_pending(&self, number: u64) -> Option<Completion> {
        self.state.lock().pending.take(number)
    }

    /// Waits as long as the connection is behind.
    pub(super) async fn caught_up(&self) {
        while self.is_behind() {
            self.paused.store(true, Ordering::SeqCst);
            if self.is_behind() {
                self.resume.notified().await;
            }
            self.paused.store(false, Ordering::SeqCst);
        }
    }

    /// Whether the peer takes its answers too slowly, or the handler has all the requests that it may have.
    pub(super) fn is_behind(&self) -> bool {
        self.unanswered.load(Ordering::SeqCst) >= self.requests_max
            || self.waiting_len(&self.state.lock()) > self.outbound_len_max / 2
    }

    fn resume_reader(&self) {
        if self.paused.load(Ordering::SeqCst) {
            self.resume.notify_one();
        }
    }

    /// Ends the connection at once: what waits is not sent. False if it had ended before.
    pub(super) fn end(&self, cause: EndCause) -> bool {
        let orphans = {
            let mut writing = self.writing.lock();
            writing.socket = None;
            writing.batch.clear();
            let mut state = self.state.lock();
            state.outbound.clear();
            state.writer = Writer::Nobody;
            state.last_word = false;
            if state.ended.is_some() {
                return false;
            }
            state.ended = Some(cause.clone());
            state.pending.drain()
        };
        self.finish(cause, orphans, self.written.load(Ordering::Acquire));
        true
    }

    /// Ends the connection, and tells the peer why. The writer's task still writes what it had begun to.
    pub(super) fn close(&self, cause: EndCause, bye: &Bye) {
        let (orphans, taken) = {
            let mut state = self.state.lock();
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(cause.clone());
            state.last_word = true;
            state.outbound.clear();
            let taken = state.outbound.taken();
            let text = Pieces::from(bye.encode());
            let header = Header::new(
                FrameKind::Bye,
                bye.code(),
                0,
                frame_len(&text).unwrap_or_default(),
            );
            state.outbound.push(&header, text);
            (state.pending.drain(), taken)
        };
        self.finish(cause, orphans, taken);
    }

    fn finish(&self, cause: EndCause, orphans: Vec<(Completion, u64)>, sent: u64) {
        self.ended.send_replace(Some(cause.clone()));
        self.over.cancel();
        for (completion, frame_end) in orphans {
            let cause = cause.clone();
            completion.complete(Err(if frame_end <= sent {
                LinkError::Lost(cause)
            } else {
                LinkError::NotSent(cause)
            }));
        }
    }

    /// Lets the socket go once the last word was written.
    pub(super) fn let_go(&self) {
        let mut writing = self.writing.lock();
        writing.socket = None;
        writing.batch.clear();
        self.state.lock().outbound.clear();
    }

    /// Whether it ended with a word to the peer, and nothing went wrong since.
    pub(super) fn has_last_word(&self) -> bool {
        self.state.lock().last_word
    }

    /// Cancelled at the end.
    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Why it ended, once it did.
    pub(super) fn end_cause(&self) -> Option<EndCause> {
        self.ended.borrow().clone()
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> EndCause {
        let mut ended = self.ended.subscribe();
        let cause = ended.wait_for(Option::is_some).await.ok();
        // The sender is in `self`, which lives as long as this waits.
        cause
            .and_then(|cause| cause.clone())
            .unwrap_or(EndCause::ClosedHere)
    }
}

/// The length of a payload as a header has it.
fn frame_len(payload: &Pieces) -> Result<u32, LinkError> {
    let payload_len = payload.len();
    match u32::try_from(payload_len) {
        Ok(len) if payload_len <= PAYLOAD_MAX => Ok(len),
        _ => Err(LinkError::TooLong {
            payload_len,
            payload_max: PAYLOAD_MAX,
        }),
    }
}

fn lost_answer(error: &LinkError) -> Failure {
    Failure {
        kind: FailureKind::AnswerLost,
        reason: format!("the answer could not be sent: {error}"),
    }
}
