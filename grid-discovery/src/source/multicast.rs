//! Members that are heard by UDP multicast.
//!
//! Everyone listens at the group. A member announces itself there, a client asks; whoever looks says so, and is
//! answered at once, so that a member is found in one round trip.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use grid_core::membership::ProcessId;

use super::Post;
use super::hearing::Hearing;
use super::packet::{Message, PACKET_LEN_MAX, decode, encode};
use crate::board::Board;
use crate::{Interface, MulticastSettings, Timing, clock};

/// The pause before a socket that failed is opened again.
const REOPEN_PAUSE: Duration = Duration::from_secs(5);
/// The shortest time between two packets that answer: however many ask, one packet answers all.
const ANSWER_GAP: Duration = Duration::from_millis(200);

/// Announces and listens until the token says to stop.
pub(super) async fn run(
    settings: MulticastSettings,
    timing: Timing,
    cluster: String,
    post: Post,
    token: CancellationToken,
) {
    let process = ProcessId::new(clock::random());
    let mut complained = None;
    while !token.is_cancelled() {
        let error = match open(&settings) {
            Ok(socket) => {
                let mut station = Station {
                    socket,
                    group: settings.group,
                    cluster: &cluster,
                    process,
                    post: &post,
                    timing,
                    hearing: Hearing::default(),
                    last_sent: None,
                    send_failed: false,
                };
                match station.run(&token).await {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        let words = error.to_string();
        if complained.as_ref() != Some(&words) {
            tracing::warn!(
                source = post.name(),
                reason = words,
                "no multicast now; trying on. Is there a network? Another interface can be named with ?interface=ADDRESS"
            );
            complained = Some(words);
        }
        tokio::select! {
            biased;
            () = token.cancelled() => return,
            () = sleep(REOPEN_PAUSE) => {}
        }
    }
}

/// One socket at the group, and what it heard.
struct Station<'a> {
    socket: UdpSocket,
    group: SocketAddr,
    cluster: &'a str,
    /// Who a client is; a member goes by its own process.
    process: ProcessId,
    post: &'a Post,
    timing: Timing,
    hearing: Hearing,
    last_sent: Option<Instant>,
    send_failed: bool,
}

impl Station<'_> {
    /// Goes on until it is told to stop, or the socket fails.
    async fn run(&mut self, token: &CancellationToken) -> io::Result<()> {
        let mut own = self.post.board.watch_own();
        let mut buffer = [0; PACKET_LEN_MAX + 1];
        let mut next = clock::now();
        loop {
            // The network comes last: however much it sends, this member is heard too.
            tokio::select! {
                biased;
                () = token.cancelled() => {
                    self.say_goodbye().await;
                    return Ok(());
                }
                () = Board::own_changed(&mut own) => next = clock::now(),
                () = sleep_until(next) => {
                    if self.hearing.forget(clock::now(), self.timing.multicast_lifetime) {
                        self.post();
                    }
                    let looking = self.post.board.is_looking();
                    self.speak(looking).await;
                    next = clock::now() + if looking { self.timing.looking } else { self.timing.steady };
                }
                received = self.socket.recv_from(&mut buffer) => {
                    let (len, sender) = received?;
                    if self.hear(&buffer[..len], sender.ip()) {
                        let soonest = self.last_sent.map_or_else(clock::now, |sent| sent + ANSWER_GAP);
                        if soonest <= clock::now() {
                            self.speak(false).await;
                        } else {
                            next = next.min(soonest);
                        }
                    }
                }
            }
        }
    }

    /// Takes a packet in. Whether its sender wants to hear from this member now.
    fn hear(&mut self, packet: &[u8], sender: IpAddr) -> bool {
        let Some(message) = decode(packet) else {
            tracing::trace!(source = self.post.name(), %sender, "a foreign packet");
            return false;
        };
        let own = self.post.board.own();
        let own_process = own.as_ref().map_or(self.process, |own| own.process);
        if message.cluster() != self.cluster || message.process() == own_process {
            return false;
        }
        let wants_answer = message.wants_answer();
        let changed = match message {
            Message::Announce { announcement, .. } => {
                let heard = announcement.resolved(Some(sender));
                heard.is_some_and(|heard| self.hearing.heard(heard, clock::now(), clock::unix_ms()))
            }
            Message::Goodbye { process, .. } => self.hearing.gone(process),
            Message::Query { .. } => false,
        };
        if changed {
            self.post();
        }
        wants_answer && own.is_some()
    }

    fn post(&self) {
        let heard = self.hearing.members();
        let peers = heard.map(|(announcement, seen_ms)| {
            let announced = Some(announcement.clone());
            self.post.peer(announcement.member_address, announced, seen_ms)
        });
        self.post.put(peers.collect());
    }

    async fn speak(&mut self, looking: bool) {
        let message = match self.post.board.own() {
            Some(announcement) => Message::Announce {
                announcement,
                looking,
            },
            None => Message::Query {
                cluster: self.cluster.to_owned(),
                process: self.process,
            },
        };
        self.send(&message).await;
    }

    async fn say_goodbye(&mut self) {
        if let Some(own) = self.post.board.own() {
            let (cluster, process) = (own.cluster, own.process);
            self.send(&Message::Goodbye { cluster, process }).await;
        }
    }

    async fn send(&mut self, message: &Message) {
        self.last_sent = Some(clock::now());
        let Some(packet) = encode(message) else {
            return;
        };
        // A packet that cannot be sent now is lost like any other; the next one follows soon.
        match self.socket.send_to(&packet, self.group).await {
            Ok(_) => self.send_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.send_failed, true) {
                    tracing::warn!(source = self.post.name(), %error, "multicast cannot be sent now; trying on");
                }
            }
        }
    }
}

/// A socket at the group, which others on this machine may have too.
fn open(settings: &MulticastSettings) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(settings.group);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // At the group's own address no other traffic to the port comes in; not every system can do that.
    let at = if cfg!(unix) {
        settings.group
    } else {
        let any = match settings.group {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        SocketAddr::new(any, settings.group.port())
    };
    socket.bind(&SockAddr::from(at))?;
    join(&socket, settings)?;
    UdpSocket::from_std(socket.into())
}

fn join(socket: &Socket, settings: &MulticastSettings) -> io::Result<()> {
    match settings.group.ip() {
        IpAddr::V4(group) => {
            socket.set_multicast_loop_v4(true)?;
            socket.set_multicast_ttl_v4(u32::from(settings.ttl))?;
            let join_at = |interface| {
                socket.join_multicast_v4(&group, &interface)?;
                if interface.is_unspecified() {
                    return Ok(());
                }
                socket.set_multicast_if_v4(&interface)
            };
            match settings.interface {
                Some(Interface::Address(interface)) => join_at(interface),
                // A machine without any network still has members of its own.
                _ => join_at(Ipv4Addr::UNSPECIFIED).or_else(|_no_route| join_at(Ipv4Addr::LOCALHOST)),
            }
        }
        IpAddr::V6(group) => {
            socket.set_multicast_loop_v6(true)?;
            socket.set_multicast_hops_v6(u32::from(settings.ttl))?;
            let number = match settings.interface {
                Some(Interface::Number(number)) => number,
                _ => 0,
            };
            socket.join_multicast_v6(&group, number)?;
            socket.set_multicast_if_v6(number)
        }
    }
}
