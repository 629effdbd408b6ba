//! The formats that values can be in, and their spelling on the wire.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use bytes::{Buf, BufMut, Bytes};

use super::json::{self, Limits, NullMembers};
use super::{Binary, Format, ValueError};

/// A name that cannot be registered as a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The name is empty.
    #[error("the name of a format is empty; say for example json")]
    EmptyName,
    /// The name is too long.
    #[error("the name of a format has {len} bytes; the limit is {max}")]
    NameTooLong {
        /// The length in bytes.
        len: usize,
        /// The longest accepted, in bytes.
        max: usize,
    },
    /// No more names fit.
    #[error("no more than {max} formats can be named; use one of those named already")]
    TooManyNames {
        /// The most names.
        max: usize,
    },
    /// The name has been taken by another codec.
    #[error("format {name} is registered already; register codecs before names are used")]
    NameTaken {
        /// The name.
        name: String,
    },
}

/// What a value must fulfil to be taken off the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WireRules {
    /// What happens to members of objects that are null.
    pub nulls: NullMembers,
    /// Limits on the text.
    pub limits: Limits,
}

impl WireRules {
    /// Null members are left out; the usual limits.
    #[must_use]
    pub const fn new() -> Self {
        WireRules {
            nulls: NullMembers::Drop,
            limits: Limits::new(),
        }
    }

    /// With another treatment of null members.
    #[must_use]
    pub const fn with_nulls(mut self, nulls: NullMembers) -> Self {
        self.nulls = nulls;
        self
    }

    /// With other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What the grid must know of a format.
pub trait FormatCodec: Send + Sync + fmt::Debug {
    /// The name by which requests choose the format.
    fn name(&self) -> &str;

    /// The byte that stands before each value on the wire and is not kept with it, if there is one.
    fn wire_prefix(&self) -> Option<u8> {
        None
    }

    /// The bytes that mean null, without the prefix, if the format is known to have them.
    fn null(&self) -> Option<&[u8]>;

    /// Whether values can be read inside.
    fn is_readable(&self) -> bool {
        false
    }

    /// Checks the bytes of a value, without the prefix, and gives what is to be kept of them.
    ///
    /// # Errors
    /// When the bytes are not of the format, or break the rules.
    fn check(&self, bytes: Bytes, rules: &WireRules) -> Result<Bytes, ValueError>;
}

/// The byte that means "an external serializer wrote this": it stands before JSON on the wire.
const EXTERNAL: u8 = 0x15;

#[derive(Debug)]
struct JsonFormat;

impl FormatCodec for JsonFormat {
    fn name(&self) -> &'static str {
        "json"
    }

    fn wire_prefix(&self) -> Option<u8> {
        Some(EXTERNAL)
    }

    fn null(&self) -> Option<&[u8]> {
        Some(b"null")
    }

    fn is_readable(&self) -> bool {
        true
    }

    fn check(&self, text: Bytes, rules: &WireRules) -> Result<Bytes, ValueError> {
        let found = json::scan(&text, rules.limits)?;
        if found.null_members && rules.nulls == NullMembers::Drop {
            return Ok(json::drop_null_members(&text));
        }
        Ok(text)
    }
}

/// A format whose values are kept and given back as they are.
#[derive(Debug)]
struct OpaqueFormat {
    name: String,
    null: Option<&'static [u8]>,
}

impl FormatCodec for OpaqueFormat {
    fn name(&self) -> &str {
        &self.name
    }

    fn null(&self) -> Option<&[u8]> {
        self.null
    }

    fn check(&self, bytes: Bytes, rules: &WireRules) -> Result<Bytes, ValueError> {
        let (len, max) = (bytes.len(), rules.limits.len_max());
        if len > max {
            return Err(ValueError::json(max, json::JsonErrorKind::TooLong { len, max }));
        }
        Ok(bytes)
    }
}

/// The formats known to a process: names and what stands behind them.
///
/// `json`, `pof` and `java` are always there. Any other name that a client uses becomes an opaque format. Reading
/// takes no lock.
pub struct FormatRegistry {
    /// Filled from the front, in the order of the numbers.
    slots: Box<[OnceLock<Arc<dyn FormatCodec>>]>,
    /// Held while a slot is filled.
    filling: Mutex<()>,
}

impl FormatRegistry {
    /// The most names.
    pub const NAMES_MAX: usize = 64;

    /// The longest name, in bytes.
    pub const NAME_LEN_MAX: usize = 64;

    /// The name of [`Format::JSON`].
    pub const JSON: &'static str = "json";

    /// The name of [`Format::POF`].
    pub const POF: &'static str = "pof";

    /// The name of [`Format::JAVA`].
    pub const JAVA: &'static str = "java";

    /// The registry of this process, whose numbers stand in the keys and values that it holds. What leaves the process names
    /// its formats.
    #[must_use]
    pub fn shared() -> &'static FormatRegistry {
        static SHARED: LazyLock<FormatRegistry> = LazyLock::new(FormatRegistry::new);
        &SHARED
    }

    /// A registry of the formats that are always known.
    #[must_use]
    pub fn new() -> Self {
        let known: [Arc<dyn FormatCodec>; 3] = [
            Arc::new(JsonFormat),
            Arc::new(OpaqueFormat {
                name: Self::POF.to_owned(),
                null: Some(&[EXTERNAL, 0x64]),
            }),
            Arc::new(OpaqueFormat {
                name: Self::JAVA.to_owned(),
                null: Some(&[0]),
            }),
        ];
        let mut slots: Vec<_> = known.into_iter().map(OnceLock::from).collect();
        slots.resize_with(Self::NAMES_MAX, OnceLock::new);
        FormatRegistry {
            slots: slots.into_boxed_slice(),
            filling: Mutex::new(()),
        }
    }

    /// The format of this name, if it has been named before.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Format> {
        let mut known = self.slots.iter().map_while(OnceLock::get);
        let index = known.position(|codec| codec.name() == name)?;
        u8::try_from(index).ok().map(Format::from_id)
    }

    /// The format of this name; a name not met before becomes an opaque format.
    ///
    /// # Errors
    /// When the name is empty or too long, or too many have been named.
    pub fn intern(&self, name: &str) -> Result<Format, FormatError> {
        if let Some(format) = self.find(name) {
            return Ok(format);
        }
        check_name(name)?;
        let opaque = OpaqueFormat {
            name: name.to_owned(),
            null: None,
        };
        match self.add(Arc::new(opaque)) {
            // Another thread was first.
            Err(FormatError::NameTaken { name }) => self.find(&name).ok_or(FormatError::NameTaken { name }),
            other => other,
        }
    }

    /// Registers what knows a format of a new name.
    ///
    /// # Errors
    /// When the name is known already, empty or too long, or too many have been named.
    pub fn register(&self, codec: Arc<dyn FormatCodec>) -> Result<Format, FormatError> {
        check_name(codec.name())?;
        self.add(codec)
    }

    fn add(&self, codec: Arc<dyn FormatCodec>) -> Result<Format, FormatError> {
        // The guarded value is empty, so a panic under the lock left nothing half done.
        let _filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        if self.find(codec.name()).is_some() {
            return Err(FormatError::NameTaken {
                name: codec.name().to_owned(),
            });
        }
        let full = FormatError::TooManyNames { max: Self::NAMES_MAX };
        let index = self
            .slots
            .iter()
            .position(|slot| slot.get().is_none())
            .ok_or_else(|| full.clone())?;
        let id = u8::try_from(index).map_err(|_out_of_range| full.clone())?;
        match self.slots.get(index).map(|slot| slot.set(codec)) {
            Some(Ok(())) => Ok(Format::from_id(id)),
            _ => Err(full),
        }
    }

    fn codec(&self, format: Format) -> Option<&dyn FormatCodec> {
        self.slots
            .get(usize::from(format.id()))
            .and_then(OnceLock::get)
            .map(AsRef::as_ref)
    }

    /// The name of a format, if it is known.
    #[must_use]
    pub fn name(&self, format: Format) -> Option<&str> {
        self.codec(format).map(FormatCodec::name)
    }

    /// Whether values of a format can be read inside.
    #[must_use]
    pub fn is_readable(&self, format: Format) -> bool {
        self.codec(format).is_some_and(FormatCodec::is_readable)
    }

    /// The value that means null in a format, if the format is known to have one.
    #[must_use]
    pub fn null(&self, format: Format) -> Option<Binary> {
        if format == Format::JSON {
            return Some(Binary::new(format, Bytes::from_static(b"null")));
        }
        self.codec(format)?
            .null()
            .map(|null| Binary::new(format, Bytes::copy_from_slice(null)))
    }

    /// Whether a value means null in its format.
    #[must_use]
    pub fn is_null(&self, value: &Binary) -> bool {
        if value.format() == Format::JSON {
            return value.bytes().trim_ascii() == b"null";
        }
        self.codec(value.format())
            .and_then(FormatCodec::null)
            .is_some_and(|null| value.bytes() == null)
    }

    /// Takes a key or value off the wire: checks and strips what the wire puts before it, checks what is left, and
    /// keeps a slice of the same bytes wherever that is possible.
    ///
    /// # Errors
    /// When there are no bytes, the format byte is missing, or the rest is not of the format or breaks the rules.
    pub fn from_wire(
        &self,
        format: Format,
        mut wire: Bytes,
        rules: &WireRules,
    ) -> Result<Binary, ValueError> {
        let codec = self.codec(format).ok_or(ValueError::UnknownFormat { format })?;
        let first = wire.first().copied();
        if first.is_none() {
            return Err(ValueError::Empty);
        }
        if let Some(expected) = codec.wire_prefix() {
            if first != Some(expected) {
                return Err(ValueError::MissingFormatByte {
                    format,
                    expected,
                    found: first,
                });
            }
            wire.advance(1);
        }
        if wire.is_empty() {
            return Err(ValueError::Empty);
        }
        Ok(Binary::new(format, codec.check(wire, rules)?))
    }

    /// Writes a value as the wire has it, straight into a buffer with room for [`FormatRegistry::wire_len`] bytes.
    ///
    /// # Panics
    /// When the buffer has less room; a `Vec` or `BytesMut` grows instead.
    pub fn to_wire(&self, value: &Binary, out: &mut impl BufMut) {
        if let Some(prefix) = self.wire_prefix(value.format()) {
            out.put_u8(prefix);
        }
        out.put_slice(value.bytes());
    }

    /// How many bytes a value takes on the wire.
    #[must_use]
    pub fn wire_len(&self, value: &Binary) -> usize {
        value.bytes().len() + usize::from(self.wire_prefix(value.format()).is_some())
    }

    /// The byte that stands before each value of a format on the wire, if there is one.
    #[must_use]
    pub fn wire_prefix(&self, format: Format) -> Option<u8> {
        if format == Format::JSON {
            return Some(EXTERNAL);
        }
        self.codec(format).and_then(FormatCodec::wire_prefix)
    }
}

impl Default for FormatRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FormatRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .slots
            .iter()
            .map_while(OnceLock::get)
            .map(|codec| codec.name());
        f.debug_list().entries(names).finish()
    }
}

fn check_name(name: &str) -> Result<(), FormatError> {
    if name.is_empty() {
        return Err(FormatError::EmptyName);
    }
    if name.len() > FormatRegistry::NAME_LEN_MAX {
        return Err(FormatError::NameTooLong {
            len: name.len(),
            max: FormatRegistry::NAME_LEN_MAX,
        });
    }
    Ok(())
}
