//! What every call of the gRPC edge shares: the grid, the formats, the limits, the counts.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use grid_core::cache::CacheName;
use grid_core::value::json::{self, NullMembers};
use grid_core::value::{Binary, Format, FormatRegistry, Key, Value, WireRules, from_binary};
use grid_member::Grid;
use grid_member::cache::{OpenCache, Reply};
use memchr::memmem::Finder;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::class_names::is_known_class;
use super::decorated_key::undecorated;
use super::{GrpcMetrics, GrpcOptions, Reader, Refusal, RefusalKind, WireValue};

/// Finds the bytes of a null.
static NULL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("null"));

/// Whether there may be a null in a text: most have none, and looking for one costs a fraction of reading the members.
pub(crate) fn has_null(text: &[u8]) -> bool {
    NULL.find(text).is_some()
}

/// Resolves when the server stops.
pub(crate) type Stopped = Pin<Box<WaitForCancellationFutureOwned>>;

/// What a stream ends with when the server stops.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is stopping; what it has not answered on this stream was not applied")
}

/// A request with more bytes than this is read away from the tasks that share its thread.
const INLINE_LEN_MAX: usize = 256 << 10;

/// Does what takes time in proportion to so many bytes. When they are many, the other tasks of this thread go on
/// elsewhere meanwhile.
pub(crate) fn by_size<T>(len: usize, act: impl FnOnce() -> T) -> T {
    let can_move =
        || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if len > INLINE_LEN_MAX && can_move() {
        tokio::task::block_in_place(act)
    } else {
        act()
    }
}

/// Checks the number of keys or entries of a request: read, tiny ones take many times the bytes of the message.
///
/// # Errors
/// When there are too many.
pub(crate) fn check_batch_len(len: usize) -> Result<(), Refusal> {
    let max = grid_proto::limits::BATCH_LEN_MAX;
    if len > max {
        let message = format!(
            "the request has {len} keys or entries, and at most {max} are allowed; split it (not applied)"
        );
        return Err(Refusal::new(RefusalKind::Overloaded, message));
    }
    Ok(())
}

/// Does something long away from the threads that serve connections. When nobody waits any more and it has not
/// begun, it is not done.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = AbortOnDropHandle::new(tokio::task::spawn_blocking(act)).await;
    done.unwrap_or_else(|error| Err(Refusal::new(RefusalKind::Internal, error.to_string())))
}

/// Does something on a cache that is long when it is done at this member, away from the threads that serve
/// connections, and then waits for the others whom it needs.
pub(crate) async fn blocking_reply<T: Send + 'static>(
    act: impl FnOnce() -> Reply<T> + Send + 'static,
) -> Result<T, Refusal> {
    Ok(blocking(move || Ok(act())).await?.await?)
}

/// What clients write is kept whole, null members too: they count when values are compared.
const AS_WRITTEN: WireRules = WireRules::new().with_nulls(NullMembers::Keep);

/// What every call shares.
#[derive(Debug)]
pub struct Edge {
    grid: Grid,
    formats: &'static FormatRegistry,
    options: GrpcOptions,
    metrics: Arc<GrpcMetrics>,
    /// How many answers that come bit by bit were begun, on all streams.
    begun: AtomicU64,
    /// Identifies this start of this server to its clients.
    server_uuid: Bytes,
    /// Cancelled when the server stops: streams end as soon as nothing is under way on them.
    stop: CancellationToken,
}

impl Edge {
    /// An edge of this grid.
    #[must_use]
    pub fn new(grid: Grid, options: GrpcOptions, metrics: Arc<GrpcMetrics>, stop: CancellationToken) -> Self {
        // The reference has uuids of 32 bytes.
        let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let server_uuid = [*a.as_bytes(), *b.as_bytes()].concat().into();
        Edge {
            grid,
            formats: FormatRegistry::shared(),
            options,
            metrics,
            begun: AtomicU64::new(0),
            server_uuid,
            stop,
        }
    }

    /// The grid.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The limits.
    #[must_use]
    pub fn options(&self) -> &GrpcOptions {
        &self.options
    }

    /// The counts.
    #[must_use]
    pub fn metrics(&self) -> &Arc<GrpcMetrics> {
        &self.metrics
    }

    /// The uuid of this start of the server.
    #[must_use]
    pub fn server_uuid(&self) -> Bytes {
        self.server_uuid.clone()
    }

    /// Resolves when the server stops.
    pub(crate) fn stopped(&self) -> Stopped {
        Box::pin(self.stop.clone().cancelled_owned())
    }

    /// What a stream ends with when its events are not read in time. It is counted.
    pub(crate) fn too_slow(&self) -> Status {
        self.metrics.stream_too_slow();
        Status::resource_exhausted(
            "events of this stream are missing: they were not read in time, and more came than wait for one stream \
             (limits.event-queue-len-max, limits.event-queue-bytes-max), or did not come from another member; \
             connect again and read what you need anew",
        )
    }

    /// The format of a name. The empty name is what Java clients send for Java's own serialization.
    ///
    /// # Errors
    /// When the name is too long, or too many names were used.
    pub fn format(&self, name: &str) -> Result<Format, Refusal> {
        let name = if name.is_empty() {
            FormatRegistry::JAVA
        } else {
            name
        };
        Ok(self.formats.intern(name)?)
    }

    /// The cache of a name, made if there is none.
    ///
    /// # Errors
    /// When the name or the scope is none, or there are too many caches.
    pub fn open(&self, scope: &str, name: &str) -> Result<Reply<Arc<OpenCache>>, Refusal> {
        check_scope(scope)?;
        if name.is_empty() {
            return Err(Refusal::invalid("CacheName cannot be empty"));
        }
        Ok(self.grid.open(scope, &CacheName::new(name)?))
    }

    /// The cache of a name, as [`open`](Edge::open) gives it, when it is there.
    ///
    /// # Errors
    /// When the name or the scope is none, there are too many caches, or the cluster does not agree on a new one.
    pub async fn cache(&self, scope: &str, name: &str) -> Result<Arc<OpenCache>, Refusal> {
        Ok(self.open(scope, name)?.await?)
    }

    /// A key off the wire.
    ///
    /// # Errors
    /// When it is empty, lacks the format byte, or is not of its format.
    pub fn key(&self, format: Format, wire: Bytes) -> Result<Key, Refusal> {
        Ok(Key::new(self.formats.from_wire(
            format,
            undecorated(wire)?,
            &AS_WRITTEN,
        )?)?)
    }

    /// A filter or another agent in JSON off the wire, with all its members.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn agent(&self, wire: Bytes) -> Result<Binary, Refusal> {
        Ok(self.formats.from_wire(Format::JSON, wire, &AS_WRITTEN)?)
    }

    /// A value off the wire.
    ///
    /// # Errors
    /// When it is empty, lacks the format byte, is not of its format, or is of a class that strict mode refuses.
    pub fn value(&self, format: Format, wire: Bytes) -> Result<Binary, Refusal> {
        let value = self.formats.from_wire(format, wire, &AS_WRITTEN)?;
        if self.options.strict && format == Format::JSON {
            check_classes(&value)?;
        }
        Ok(value)
    }

    /// Another answer that comes bit by bit is begun: how many were before it.
    pub(crate) fn begin_answer(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a client is sent the bytes that are kept, and no others.
    pub(crate) fn is_verbatim(&self, reader: Reader) -> bool {
        reader.format != Format::JSON || reader.faithful || self.options.null_members != NullMembers::Drop
    }

    /// The byte that stands before what a client reads, if there is one.
    pub(crate) fn wire_prefix(&self, reader: Reader) -> Option<u8> {
        self.formats.wire_prefix(reader.format)
    }

    /// Checks that a client can read what is stored.
    ///
    /// # Errors
    /// When it reads another format.
    pub(crate) fn check_format(&self, reader: Reader, stored: Format) -> Result<(), Refusal> {
        if stored == reader.format {
            return Ok(());
        }
        let name = |format| self.formats.name(format).unwrap_or("unknown").to_owned();
        Err(Refusal::new(
            RefusalKind::Malformed,
            format!(
                "Could not deserialize: the entry is stored as {:?}, and this client reads {:?}; use one serializer for all \
                 clients of a cache",
                name(stored),
                name(reader.format)
            ),
        ))
    }

    /// A key or value for a client that reads this format.
    ///
    /// # Errors
    /// When the value is of another format.
    pub fn to_wire(&self, reader: impl Into<Reader>, value: Binary) -> Result<WireValue, Refusal> {
        let reader = reader.into();
        self.check_format(reader, value.format())?;
        let mut bytes = value.into_bytes();
        if !self.is_verbatim(reader) && has_null(&bytes) {
            bytes = json::drop_null_members(&bytes);
        }
        Ok(WireValue::new(self.wire_prefix(reader), bytes))
    }

    /// What stands for null in an answer or event of version 1 to a client that reads this format: JSON's null, and
    /// no bytes at all in the others.
    #[must_use]
    pub fn null(&self, format: Format) -> WireValue {
        match format {
            Format::JSON => WireValue::new(self.formats.wire_prefix(format), Bytes::from_static(b"null")),
            _ => WireValue::nothing(),
        }
    }

    /// What stands for null as the result of an invocation: null in the spelling of the format, but no bytes at all
    /// in JSON.
    #[must_use]
    pub fn null_result(&self, format: Format) -> WireValue {
        match self.formats.null(format) {
            Some(null) if format != Format::JSON => {
                WireValue::new(self.formats.wire_prefix(format), null.into_bytes())
            }
            _ => WireValue::nothing(),
        }
    }

    /// Whether a value is null in the spelling of its format.
    #[must_use]
    pub fn means_null(&self, value: &Binary) -> bool {
        let null = self.formats.null(value.format());
        null.is_some_and(|null| null.bytes() == value.bytes())
    }

    /// Whether these bytes are null in the spelling of a format.
    #[must_use]
    pub fn is_null(&self, format: Format, wire: &[u8]) -> bool {
        let bare = match self.formats.wire_prefix(format) {
            Some(prefix) => wire.strip_prefix(&[prefix]),
            None => Some(wire),
        };
        self.formats
            .null(format)
            .is_some_and(|null| bare == Some(null.bytes()))
    }
}

/// Whether a scope can be one.
pub(crate) fn check_scope(scope: &str) -> Result<(), Refusal> {
    let len = scope.len();
    let max = grid_proto::limits::SCOPE_LEN_MAX;
    if len > max {
        return Err(Refusal::invalid(format!(
            "the scope name has {len} bytes; at most {max} are allowed"
        )));
    }
    Ok(())
}

/// Refuses a value that names a class unknown to the reference grid, at any depth.
fn check_classes(value: &Binary) -> Result<(), Refusal> {
    // Most values have no object in them, or none with a class.
    if !contains(value.bytes(), b"@class") {
        return Ok(());
    }
    if let Some(class) = json::class_of(value.bytes())
        && !is_known_class(&class)
    {
        return Err(unknown_class(&class));
    }
    check_classes_within(&from_binary::<Value>(value)?)
}

fn check_classes_within(value: &Value) -> Result<(), Refusal> {
    // A list instead of recursion: the depth of a value must not become that of the stack.
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(object) => {
                for (name, member) in object.iter() {
                    match member {
                        Value::String(class) if name == "@class" && !is_known_class(class) => {
                            return Err(unknown_class(class));
                        }
                        other => open.push(other),
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown_class(class: &str) -> Refusal {
    let class: String = class.chars().take(100).collect();
    Refusal::new(
        RefusalKind::Malformed,
        format!(
            "Could not deserialize to type class java.lang.Object: the class {class:?} is not known here"
        ),
    )
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
