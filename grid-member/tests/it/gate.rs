//! Frames on their way to a member, some of which do not arrive.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use grid_member::Grid;
use grid_member::cluster::ClusterSettings;
use grid_proto::member::{Decoder, Frame, FrameKind, Hello, Lane, MAGIC, PAYLOAD_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::cluster::settings;

/// Kinds of frames between members, as `cluster/message.rs` has them.
pub(crate) mod kind {
    pub(crate) const PARTS: u8 = 40;
    pub(crate) const INTEREST: u8 = 42;
    pub(crate) const FLUSH: u8 = 43;
    pub(crate) const EVENT: u8 = 61;
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It does not arrive; those after it do.
    Lost,
    /// Its connection ends before it.
    Breaks,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing<'a> {
    /// The number of the member that sends it; 0 while it has none.
    pub(crate) from: u64,
    pub(crate) lane: Lane,
    pub(crate) frame: &'a Frame,
}

impl Passing<'_> {
    /// Whether it comes from a member, on the lane of partitions and events.
    pub(crate) fn is_data_of(&self, member: u64) -> bool {
        self.lane == Lane::Data && self.from == member
    }

    pub(crate) fn is(&self, op: u8) -> bool {
        let kind = self.frame.header.kind;
        matches!(kind, FrameKind::Request | FrameKind::OneWay) && self.frame.header.op == op
    }
}

type Judge = Arc<dyn Fn(&Passing<'_>) -> Fate + Send + Sync>;

/// Stands before a member: what others send to it passes here. Dropping it ends all connections.
pub(crate) struct Gate {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gate {
    #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
    pub(crate) async fn new(judge: impl Fn(&Passing<'_>) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behind = behind(address);
        let judge: Judge = Arc::new(judge);
        let task = tokio::spawn(async move {
            let mut connections = FuturesUnordered::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (dialer, _) = accepted.unwrap();
                        connections.push(pass(dialer, behind, judge.clone()).boxed());
                    }
                    Some(_ended) = connections.next() => {}
                }
            }
        });
        Gate { address, task }
    }

    /// Settings of the member behind it.
    pub(crate) fn settings(&self, join: Option<&Grid>) -> ClusterSettings {
        ClusterSettings {
            listen: behind(self.address),
            advertised: Some(self.address),
            ..settings(join)
        }
    }
}

/// Where the member listens that others reach here: the same port of another address of the machine.
fn behind(address: SocketAddr) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], address.port()))
}

/// One connection, until either side or the judge ends it.
async fn pass(mut dialer: TcpStream, behind: SocketAddr, judge: Judge) -> Option<()> {
    let mut member = TcpStream::connect(behind).await.ok()?;
    let (mut from_dialer, mut to_dialer) = dialer.split();
    let (mut from_member, mut to_member) = member.split();
    let there = async {
        let mut received = BytesMut::new();
        while received.len() < MAGIC.len() {
            if from_dialer.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        }
        to_member.write_all(&received[..MAGIC.len()]).await.ok()?;
        received.advance(MAGIC.len());
        let mut decoder = Decoder::after(received, PAYLOAD_MAX);
        let (mut from, mut lane) = (0, Lane::Control);
        loop {
            while let Some(frame) = decoder.next_frame().ok()? {
                if frame.header.kind == FrameKind::Hello {
                    let hello = Hello::decode(&frame.payload).ok()?;
                    (from, lane) = (hello.member.unwrap_or(0), hello.lane);
                }
                let frame = &frame;
                match judge(&Passing { from, lane, frame }) {
                    Fate::Arrives => {
                        to_member.write_all(&frame.header.encode()).await.ok()?;
                        to_member.write_all(&frame.payload).await.ok()?;
                    }
                    Fate::Lost => {}
                    Fate::Breaks => return None,
                }
            }
            if from_dialer.read_buf(&mut decoder.space()).await.ok()? == 0 {
                return None;
            }
        }
    };
    let back = tokio::io::copy(&mut from_member, &mut to_dialer);
    tokio::select! {
        there = there => there,
        _ended = back => None,
    }
}
