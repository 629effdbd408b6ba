//! Memory for the entries of one partition: slots of fixed size classes, cut from small chunks.

use bytes::Bytes;

/// The largest blob that lies in a slot; larger ones are allocations of their own.
pub(super) const SLOT_BYTES_MAX: usize = 8192;
/// The size of a chunk, as far as slots fill it and a bitmap of 64 slots covers it.
const CHUNK_BYTES: usize = 8192;
const CHUNK_SLOTS_MAX: usize = 64;
/// The first chunk of a class is small, so that a partition with a few entries of each size costs little.
const CHUNK_SLOTS_MIN: usize = 4;

/// Classes 0 to 6 are 16 to 64 bytes in steps of 8; then come eight steps a doubling up to 8192 bytes.
const CLASSES: u32 = 63;
/// The class number of blobs that are allocations of their own.
const OWN: u32 = CLASSES;
const PLACE_BITS: u32 = 26;
const PLACE_MASK: u32 = (1 << PLACE_BITS) - 1;

/// Where a blob lies: the number of its size class in the upper 6 bits, its place in the class in the lower 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Handle(u32);

impl Handle {
    /// No place at all, until the right one is known.
    pub(super) const NOWHERE: Handle = Handle(u32::MAX);

    fn new(class: u32, place: u32) -> Self {
        debug_assert!(class <= OWN && place <= PLACE_MASK);
        Handle((class << PLACE_BITS) | place)
    }

    /// The place as a number of its own.
    pub(super) fn bits(self) -> u32 {
        self.0
    }

    fn class(self) -> u32 {
        self.0 >> PLACE_BITS
    }

    fn place(self) -> u32 {
        self.0 & PLACE_MASK
    }
}

/// A line of the processor's cache: what it reads of memory at a time.
const LINE_BYTES: usize = 64;

/// A blob as it lies in the arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blob<'a> {
    /// The slot (which may be longer than what was written into it), or the head of an own allocation.
    pub(super) head: &'a [u8],
    /// The tail of a blob that is an own allocation.
    pub(super) tail: Option<&'a Bytes>,
}

/// An own allocation.
#[derive(Debug)]
struct Own {
    head: Box<[u8]>,
    tail: Bytes,
}

impl Own {
    fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

#[derive(Debug)]
struct Chunk {
    /// Empty when the chunk is vacant.
    bytes: Box<[u8]>,
    /// One bit for each free slot.
    free: u64,
    /// Where the chunk stands in its class's list of partial chunks; `u32::MAX` when it is full or vacant.
    partial_at: u32,
}

const NOT_PARTIAL: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Class {
    chunks: Vec<Chunk>,
    /// Chunks with both free and used slots (or freshly made).
    partial: Vec<u32>,
    /// Numbers of chunks without memory, to be used again.
    vacant: Vec<u32>,
    used_slots: usize,
}

/// Memory for the blobs of one partition.
///
/// A blob up to 8 KiB lies in a slot of the smallest class that holds it (at most an eighth is wasted above 64
/// bytes). Slots are cut from chunks of at most 8 KiB; a chunk whose last slot is freed gives its bytes back.
/// Blobs do not move, so a class that shrank from many entries to few, at random, may hold chunks that are
/// sparsely used until their entries go or new ones fill them: at most one chunk for each entry that remains.
#[derive(Debug, Default)]
pub(super) struct Arena {
    classes: Vec<Class>,
    own: Vec<Option<Own>>,
    own_vacant: Vec<u32>,
    reserved_bytes: usize,
    used_bytes: usize,
}

impl Arena {
    /// Whether a blob of this length finds room. Only a class with tens of millions of slots is ever full.
    pub(super) fn has_room(&self, len: usize) -> bool {
        let Some(class) = class_of(len) else {
            return !self.own_vacant.is_empty() || self.own.len() <= PLACE_MASK as usize;
        };
        self.classes.get(class as usize).is_none_or(|slots| {
            !slots.partial.is_empty() || !slots.vacant.is_empty() || slots.chunks.len() < chunks_max(class)
        })
    }

    /// As [`has_room`](Self::has_room), for so many blobs of about this length. It may say no where just so many would fit
    /// into the last free slots of all.
    pub(super) fn has_room_for(&self, len: usize, count: usize) -> bool {
        if count <= 1 {
            return self.has_room(len);
        }
        let Some(class) = class_of(len) else {
            return self.own.len() + count <= PLACE_MASK as usize;
        };
        let chunks = self
            .classes
            .get(class as usize)
            .map_or(0, |slots| slots.chunks.len());
        chunks + count <= chunks_max(class)
    }

    /// Whether a blob of this length may overwrite the one at `handle` in place.
    pub(super) fn fits(&self, handle: Handle, len: usize) -> bool {
        class_of(len) == Some(handle.class())
    }

    /// A slot for `len` bytes, at most [`SLOT_BYTES_MAX`]. What is in it is not defined. `None` when there is no
    /// [room](Self::has_room).
    pub(super) fn allocate(&mut self, len: usize) -> Option<Handle> {
        let class = class_of(len)?;
        let index = class as usize;
        if self.classes.len() <= index {
            self.classes.reserve_exact(index + 1 - self.classes.len());
            self.classes.resize_with(index + 1, Class::default);
        }
        let slots = &mut self.classes[index];
        let number = match slots.partial.last() {
            Some(&number) => number,
            None => {
                let (number, bytes) = slots.add_chunk(class)?;
                self.reserved_bytes += bytes;
                number
            }
        };
        let chunk = &mut slots.chunks[number as usize];
        let slot = chunk.free.trailing_zeros();
        chunk.free &= chunk.free - 1;
        if chunk.free == 0 {
            chunk.partial_at = NOT_PARTIAL;
            slots.partial.pop();
        }
        slots.used_slots += 1;
        self.used_bytes += slot_bytes(class);
        Some(Handle::new(class, (number << stride_bits(class)) | slot))
    }

    /// Keeps a blob as an allocation of its own. `None` when there is no [room](Self::has_room).
    pub(super) fn adopt(&mut self, head: Box<[u8]>, tail: Bytes) -> Option<Handle> {
        let own = Own { head, tail };
        let len = own.len();
        let place = if let Some(place) = self.own_vacant.pop() {
            self.own[place as usize] = Some(own);
            place
        } else {
            let place = u32::try_from(self.own.len())
                .ok()
                .filter(|place| *place <= PLACE_MASK)?;
            self.own.push(Some(own));
            place
        };
        self.used_bytes += len;
        self.reserved_bytes += len;
        Some(Handle::new(OWN, place))
    }

    /// The slot at `handle`, to write into. Empty for an own allocation, which is never written again.
    pub(super) fn slot_mut(&mut self, handle: Handle) -> &mut [u8] {
        let (class, place) = (handle.class(), handle.place());
        if class == OWN {
            return &mut [];
        }
        let size = slot_bytes(class);
        let (number, slot) = split_place(class, place);
        &mut self.classes[class as usize].chunks[number].bytes[slot * size..][..size]
    }

    /// The blob at `handle`.
    pub(super) fn blob(&self, handle: Handle) -> Blob<'_> {
        let (class, place) = (handle.class(), handle.place());
        if class == OWN {
            let own = self.own[place as usize]
                .as_ref()
                .expect("a handle in use has its blob");
            return Blob {
                head: &own.head,
                tail: Some(&own.tail),
            };
        }
        let size = slot_bytes(class);
        let (number, slot) = split_place(class, place);
        let head = &self.classes[class as usize].chunks[number].bytes[slot * size..][..size];
        Blob { head, tail: None }
    }

    /// Reads where the blob at `handle` lies.
    pub(super) fn touch_place(&self, handle: Handle) -> usize {
        let (class, place) = (handle.class(), handle.place());
        if class == OWN {
            return self
                .own
                .get(place as usize)
                .map_or(0, |own| usize::from(own.is_some()));
        }
        let (number, _) = split_place(class, place);
        let chunk = self
            .classes
            .get(class as usize)
            .and_then(|class| class.chunks.get(number));
        chunk.map_or(0, |chunk| chunk.bytes.len())
    }

    /// Reads the first byte of the blob at `handle`, and one of each of the next lines of the processor's cache, in so many
    /// bytes. Gives how many that were.
    pub(super) fn touch(&self, handle: Handle, bytes_max: usize) -> usize {
        let head = self.blob(handle).head;
        let touched = head.get(..bytes_max.max(1)).unwrap_or(head);
        let lines = touched.iter().step_by(LINE_BYTES);
        // What is read is of no use but for having been read.
        std::hint::black_box(lines.fold(0, |all, byte| all ^ byte));
        touched.len()
    }

    /// How many bytes the blob at `handle` takes: its slot, or its own allocation.
    pub(super) fn footprint(&self, handle: Handle) -> usize {
        match handle.class() {
            OWN => self.own[handle.place() as usize].as_ref().map_or(0, Own::len) + size_of::<Option<Own>>(),
            class => slot_bytes(class),
        }
    }

    /// Gives the memory of a blob back.
    pub(super) fn free(&mut self, handle: Handle) {
        let (class, place) = (handle.class(), handle.place());
        if class == OWN {
            let own = self.own[place as usize].take().expect("a blob is freed once");
            self.used_bytes -= own.len();
            self.reserved_bytes -= own.len();
            self.own_vacant.push(place);
            if self.own_vacant.len() == self.own.len() {
                self.own = Vec::new();
                self.own_vacant = Vec::new();
            }
        } else {
            let (number, slot) = split_place(class, place);
            let freed = self.classes[class as usize].free_slot(class, number, slot);
            self.reserved_bytes -= freed;
            self.used_bytes -= slot_bytes(class);
        }
        if self.used_bytes == 0 {
            self.classes = Vec::new();
        }
    }

    /// Bytes of the slots in use and of own allocations.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Bytes of all chunks and of own allocations.
    pub(super) fn reserved_bytes(&self) -> usize {
        self.reserved_bytes
    }

    /// Bytes of the lists that lead to chunks and own allocations.
    pub(super) fn directory_bytes(&self) -> usize {
        let lists = self.classes.iter().map(|class| {
            class.chunks.capacity() * size_of::<Chunk>()
                + (class.partial.capacity() + class.vacant.capacity()) * size_of::<u32>()
        });
        lists.sum::<usize>()
            + self.classes.capacity() * size_of::<Class>()
            + self.own.capacity() * size_of::<Option<Own>>()
            + self.own_vacant.capacity() * size_of::<u32>()
    }
}

impl Class {
    /// Makes a chunk and returns its number and its bytes.
    fn add_chunk(&mut self, class: u32) -> Option<(u32, usize)> {
        let slots = (self.used_slots / 2)
            .clamp(CHUNK_SLOTS_MIN, CHUNK_SLOTS_MAX)
            .min(chunk_slots_max(slot_bytes(class)));
        let bytes = slots * slot_bytes(class);
        let chunk = Chunk {
            bytes: vec![0; bytes].into_boxed_slice(),
            free: u64::MAX >> (CHUNK_SLOTS_MAX - slots),
            partial_at: u32::try_from(self.partial.len()).ok()?,
        };
        let number = if let Some(number) = self.vacant.pop() {
            self.chunks[number as usize] = chunk;
            number
        } else {
            if self.chunks.len() >= chunks_max(class) {
                return None;
            }
            self.chunks.push(chunk);
            u32::try_from(self.chunks.len() - 1).ok()?
        };
        self.partial.push(number);
        Some((number, bytes))
    }

    /// Frees a slot; returns the bytes given back when its chunk became empty.
    fn free_slot(&mut self, class: u32, number: usize, slot: usize) -> usize {
        let chunk = &mut self.chunks[number];
        debug_assert_eq!(chunk.free & (1 << slot), 0, "a slot is freed once");
        chunk.free |= 1 << slot;
        self.used_slots -= 1;
        let short = u32::try_from(number).expect("a chunk's number comes from a handle");
        if chunk.partial_at == NOT_PARTIAL {
            chunk.partial_at = u32::try_from(self.partial.len()).expect("at most one place a chunk");
            self.partial.push(short);
        }
        let bytes = chunk.bytes.len();
        if chunk.free.count_ones() as usize * slot_bytes(class) < bytes {
            return 0;
        }
        let at = std::mem::replace(&mut chunk.partial_at, NOT_PARTIAL) as usize;
        chunk.bytes = Box::default();
        chunk.free = 0;
        self.partial.swap_remove(at);
        if let Some(&moved) = self.partial.get(at) {
            self.chunks[moved as usize].partial_at =
                u32::try_from(at).expect("a place that was stored as u32");
        }
        if self.used_slots == 0 {
            *self = Class::default();
        } else {
            self.vacant.push(short);
        }
        bytes
    }
}

/// The smallest class whose slots hold `len` bytes; `None` when only an own allocation does.
fn class_of(len: usize) -> Option<u32> {
    if len <= 64 {
        return u32::try_from(len.saturating_sub(9) / 8).ok();
    }
    if len > SLOT_BYTES_MAX {
        return None;
    }
    let last = len - 1;
    let doubling = last.ilog2() - 6;
    let step = u32::try_from((last >> (doubling + 3)) & 7).ok()?;
    Some(7 + doubling * 8 + step)
}

/// The bytes of a slot of each class.
const SLOT_BYTES: [usize; CLASSES as usize] = {
    let mut table = [0; CLASSES as usize];
    let mut class = 0;
    while class < table.len() {
        table[class] = if class < 7 {
            16 + 8 * class
        } else {
            (8 << ((class - 7) / 8)) * (9 + (class - 7) % 8)
        };
        class += 1;
    }
    table
};

/// How many bits of a place tell the slot within its chunk, for each class.
const STRIDE_BITS: [u32; CLASSES as usize] = {
    let mut table = [0; CLASSES as usize];
    let mut class = 0;
    while class < table.len() {
        table[class] = chunk_slots_max(SLOT_BYTES[class])
            .next_power_of_two()
            .trailing_zeros();
        class += 1;
    }
    table
};

/// The largest number of slots in a chunk.
const fn chunk_slots_max(slot_bytes: usize) -> usize {
    let fit = CHUNK_BYTES / slot_bytes;
    if fit > CHUNK_SLOTS_MAX {
        CHUNK_SLOTS_MAX
    } else {
        fit
    }
}

fn slot_bytes(class: u32) -> usize {
    SLOT_BYTES[class as usize]
}

fn stride_bits(class: u32) -> u32 {
    STRIDE_BITS[class as usize]
}

fn chunks_max(class: u32) -> usize {
    1 << (PLACE_BITS - stride_bits(class))
}

fn split_place(class: u32, place: u32) -> (usize, usize) {
    let bits = stride_bits(class);
    ((place >> bits) as usize, (place & ((1 << bits) - 1)) as usize)
}

#[cfg(test)]
#[path = "arena_test.rs"]
mod tests;
