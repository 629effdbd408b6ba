//! The entries that have one value.

use crate::store::arena::Handle;
use crate::store::index::sorted_list::SortedList;

/// How many entries lie in the bucket itself.
const FEW: usize = 3;

/// A set of entries, in order of their handles.
#[derive(Debug)]
pub(in crate::store) struct Postings(Repr);

#[derive(Debug)]
enum Repr {
    Few { len: u8, handles: [Handle; FEW] },
    Many(Box<SortedList<Handle>>),
}

const _: () = assert!(size_of::<Postings>() == 16);

impl Default for Postings {
    fn default() -> Self {
        let handles = [Handle::NOWHERE; FEW];
        Postings(Repr::Few { len: 0, handles })
    }
}

impl Postings {
    fn few(&self) -> &[Handle] {
        match &self.0 {
            Repr::Few { len, handles } => handles.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Many(_) => &[],
        }
    }

    /// How many entries there are.
    pub(in crate::store) fn len(&self) -> usize {
        match &self.0 {
            Repr::Few { len, .. } => usize::from(*len),
            Repr::Many(list) => list.len(),
        }
    }

    /// The entries in order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Handle> {
        let many = match &self.0 {
            Repr::Few { .. } => None,
            Repr::Many(list) => Some(list.iter()),
        };
        self.few().iter().chain(many.into_iter().flatten()).copied()
    }

    /// Whether an entry is among them.
    pub(in crate::store) fn contains(&self, handle: Handle) -> bool {
        match &self.0 {
            Repr::Few { .. } => self.few().contains(&handle),
            Repr::Many(list) => list.search(|other| other.cmp(&handle)).is_ok(),
        }
    }

    /// Adds an entry; whether it is new.
    pub(in crate::store) fn insert(&mut self, handle: Handle) -> bool {
        if self.contains(handle) {
            return false;
        }
        match &mut self.0 {
            Repr::Few { len, handles } => {
                let count = usize::from(*len);
                if let Some(room) = handles.get_mut(..=count) {
                    if let Some(last) = room.last_mut() {
                        *last = handle;
                    }
                    room.sort_unstable();
                    *len += 1;
                } else {
                    let mut list = SortedList::default();
                    for handle in handles.iter().copied().chain([handle]) {
                        add(&mut list, handle);
                    }
                    self.0 = Repr::Many(Box::new(list));
                }
            }
            Repr::Many(list) => add(list, handle),
        }
        true
    }

    /// Takes an entry out; whether it was there.
    pub(in crate::store) fn remove(&mut self, handle: Handle) -> bool {
        match &mut self.0 {
            Repr::Few { len, handles } => {
                let used = handles.get_mut(..usize::from(*len)).unwrap_or_default();
                let Some(at) = used.iter().position(|other| *other == handle) else {
                    return false;
                };
                if let Some(tail) = used.get_mut(at..) {
                    tail.rotate_left(1);
                }
                *len -= 1;
                true
            }
            Repr::Many(list) => {
                let Ok(place) = list.search(|other| other.cmp(&handle)) else {
                    return false;
                };
                list.remove(place);
                // Fewer than fit, so that an entry that comes and goes does not change the form each time.
                if list.len() < FEW {
                    let mut few = Postings::default();
                    for handle in list.iter() {
                        few.insert(*handle);
                    }
                    *self = few;
                }
                true
            }
        }
    }

    /// The bytes of memory beside the set itself.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Few { .. } => 0,
            Repr::Many(list) => size_of::<SortedList<Handle>>() + list.heap_bytes(),
        }
    }
}

fn add(list: &mut SortedList<Handle>, handle: Handle) {
    if let Err(place) = list.search(|other| other.cmp(&handle)) {
        list.insert(place, handle);
    }
}
