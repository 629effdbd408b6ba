//! A peer that speaks the protocol by hand, and so can break it.

use std::net::SocketAddr;

use bytes::{Buf, BytesMut};
use grid_proto::member::{
    Decoder, Frame, FrameKind, Header, Hello, Lane, MAGIC, PAYLOAD_MAX, VERSIONS, VersionRange,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::{now, within};

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    decoder: Decoder,
}

pub(crate) fn hello() -> Hello {
    Hello {
        versions: VERSIONS,
        lane: Lane::Data,
        cluster_name: "test".to_owned(),
        cluster: Some(9),
        generation: 0,
        process: 77,
        host: 5,
        member: Some(1),
        program_version: "1.2.3".to_owned(),
        wall_ms: now().as_unix_ms(),
        listen: "127.0.0.1:1".parse().unwrap(),
        partition_count: 257,
    }
}

/// The hello of a program that speaks other versions.
pub(crate) fn hello_of_versions(min: u16, max: u16) -> Hello {
    Hello {
        versions: VersionRange { min, max },
        ..hello()
    }
}

pub(crate) fn frame(kind: FrameKind, op: u8, number: u64, payload: &[u8]) -> Vec<u8> {
    let payload_len = u32::try_from(payload.len()).unwrap();
    [&Header::new(kind, op, number, payload_len).encode()[..], payload].concat()
}

pub(crate) fn opening(hello: &Hello) -> Vec<u8> {
    [&MAGIC[..], &frame(FrameKind::Hello, 0, 0, &hello.encode())].concat()
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await.unwrap();
        Raw {
            stream,
            decoder: Decoder::new(PAYLOAD_MAX),
        }
    }

    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = within(listener.accept()).await.unwrap();
        Raw {
            stream,
            decoder: Decoder::new(PAYLOAD_MAX),
        }
    }

    /// A connection that is through the handshake.
    pub(crate) async fn agreed(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(&opening(&hello())).await;
        assert_eq!(raw.opening().await.header.kind, FrameKind::Hello);
        raw.send(&frame(FrameKind::Accept, 0, 0, b"")).await;
        raw
    }

    /// The same on the side that accepts.
    pub(crate) async fn agrees(listener: &TcpListener) -> Self {
        let mut raw = Self::accept(listener).await;
        assert_eq!(raw.opening().await.header.kind, FrameKind::Hello);
        raw.send(&opening(&hello())).await;
        assert_eq!(raw.frame().await.unwrap().header.kind, FrameKind::Accept);
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The first frame, behind the magic.
    pub(crate) async fn opening(&mut self) -> Frame {
        let mut received = BytesMut::new();
        while received.len() < MAGIC.len() {
            let len = within(self.stream.read_buf(&mut received)).await.unwrap();
            assert!(len > 0, "closed after {received:?}");
        }
        assert_eq!(received[..MAGIC.len()], MAGIC);
        received.advance(MAGIC.len());
        self.decoder = Decoder::after(received, PAYLOAD_MAX);
        self.frame().await.expect("a frame behind the magic")
    }

    /// The next frame, or `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            let read = within(self.stream.read_buf(&mut self.decoder.space())).await;
            if !read.is_ok_and(|len| len > 0) {
                return None;
            }
        }
    }

    /// Everything until the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within(self.stream.read_to_end(&mut rest)).await;
        rest
    }
}
