//! A member's transport with a handler that records what it gets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use grid_core::membership::{ClusterId, Generation, HostId, MemberId, ProcessId};
use grid_core::partition::PartitionCount;
use grid_core::store::Timestamp;
use grid_member::clock::ManualClock;
use grid_member::task::Supervisor;
use grid_member::transport::{
    Answer, DialError, EndCause, Handler, Identity, Lane, Lanes, Link, PeerInfo, Transport, TransportBuilder,
    TransportSettings,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Nothing here takes so long unless it never happens.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// What the recorder does with a request of each kind.
pub(crate) const ECHO: u8 = 1;
pub(crate) const KEEP: u8 = 2;
pub(crate) const DROP: u8 = 3;
pub(crate) const FAIL: u8 = 4;
pub(crate) const PANIC: u8 = 5;
/// Answers with as many bytes as the payload says.
pub(crate) const FILL: u8 = 6;
/// Answers with the name of the thread.
pub(crate) const THREAD: u8 = 7;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Accepted(ProcessId, Lane),
    Message(u8, Bytes),
    Kept,
    Closed(ProcessId, Lane, EndCause),
}

/// Records what it gets, and answers as the kind of the request says.
pub(crate) struct Recorder {
    events: mpsc::Sender<Event>,
    pub(crate) kept: Mutex<Vec<(Bytes, Answer)>>,
}

impl Recorder {
    fn record(&self, event: Event) {
        // At the end of a test nobody listens any more.
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            panic!("no room for {event:?}");
        }
    }
}

impl Handler for Recorder {
    fn request(&self, _from: &PeerInfo, _lane: Lane, kind: u8, payload: Bytes, answer: Answer) {
        match kind {
            ECHO => answer.send(payload),
            KEEP => {
                self.kept.lock().push((payload, answer));
                self.record(Event::Kept);
            }
            DROP => drop(answer),
            FAIL => answer.fail("not today"),
            FILL => {
                let len = u32::from_le_bytes(payload[..].try_into().unwrap());
                answer.send(vec![7; usize::try_from(len).unwrap()]);
            }
            THREAD => {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                answer.send(name.into_bytes());
            }
            _ => panic!("a planted failure"),
        }
    }

    fn message(&self, _from: &PeerInfo, _lane: Lane, kind: u8, payload: Bytes) {
        self.record(Event::Message(kind, payload));
    }

    fn accepted(&self, from: &PeerInfo, lane: Lane) {
        self.record(Event::Accepted(from.process, lane));
    }

    fn closed(&self, from: &PeerInfo, lane: Lane, cause: &EndCause) {
        self.record(Event::Closed(from.process, lane, cause.clone()));
    }
}

pub(crate) struct Node {
    pub(crate) transport: Transport,
    pub(crate) identity: Arc<ArcSwap<Identity>>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) supervisor: Supervisor,
    events: mpsc::Receiver<Event>,
}

pub(crate) fn identity(process: u128) -> Identity {
    Identity {
        cluster_name: "test".to_owned(),
        cluster: Some(ClusterId::new(9)),
        generation: Generation::FIRST,
        process: ProcessId::new(process),
        host: HostId::new(5),
        member: Some(MemberId::FIRST),
        program_version: "1.2.3".to_owned(),
        advertised: None,
        partitions: PartitionCount::DEFAULT,
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_750_000_000_000)
}

pub(crate) fn settings() -> TransportSettings {
    TransportSettings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..TransportSettings::default()
    }
}

impl Node {
    /// A member with this process number.
    pub(crate) fn start(process: u128) -> Self {
        Self::start_with(process, settings(), |builder| builder)
    }

    pub(crate) fn start_with(
        process: u128,
        settings: TransportSettings,
        more: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Self {
        Self::start_on(Lanes::both_on(Handle::current()), process, settings, more)
    }

    pub(crate) fn start_on(
        lanes: Lanes,
        process: u128,
        settings: TransportSettings,
        more: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Self {
        let (sender, events) = mpsc::channel(100_000);
        let recorder = Arc::new(Recorder {
            events: sender,
            kept: Mutex::new(Vec::new()),
        });
        let identity = Arc::new(ArcSwap::from_pointee(identity(process)));
        let (clock, supervisor) = (Arc::new(ManualClock::new(now())), Supervisor::new());
        let handler: Arc<dyn Handler> = recorder.clone();
        let builder = Transport::builder(Arc::clone(&identity), handler, lanes, supervisor.clone());
        let transport = more(builder.settings(settings).clock(clock.clone()))
            .bind()
            .unwrap();
        Node {
            transport,
            identity,
            clock,
            recorder,
            supervisor,
            events,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.transport.local_addr()
    }

    /// Changes what the member says about itself.
    pub(crate) fn becomes(&self, change: impl FnOnce(&mut Identity)) {
        let mut identity = Identity::clone(&self.identity.load());
        change(&mut identity);
        self.identity.store(Arc::new(identity));
    }

    pub(crate) async fn dial(&self, other: &Node) -> Result<Link, DialError> {
        within(self.transport.dial(other.address(), Lane::Data)).await
    }

    /// The next thing that the handler got.
    pub(crate) async fn event(&mut self) -> Event {
        within(self.events.recv()).await.expect("the recorder lives")
    }

    /// The end of the next connection that ends.
    pub(crate) async fn closed(&mut self) -> EndCause {
        loop {
            if let Event::Closed(_, _, cause) = self.event().await {
                return cause;
            }
        }
    }

    pub(crate) fn has_no_event(&mut self) -> bool {
        self.events.try_recv().is_err()
    }
}

/// Two members, the first with a link to the second.
pub(crate) async fn pair() -> (Node, Node, Link) {
    let (a, mut b) = (Node::start(1), Node::start(2));
    let link = a.dial(&b).await.unwrap();
    assert_eq!(b.event().await, Event::Accepted(ProcessId::new(1), Lane::Data));
    (a, b, link)
}

/// Waits, not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .expect("it happens in time")
}
