//! Putting a page together from several partitions.

use std::num::NonZeroUsize;

use bytes::Bytes;
use grid_core::cache::BinaryPage;
use grid_core::partition::PartitionCount;
use grid_core::store::{Cookie, Page, PageLimits};
use grid_core::value::Binary;

/// The limits of one page.
const PAGE_LIMITS: PageLimits = PageLimits {
    entries_max: NonZeroUsize::new(1_000).expect("1,000 is not zero"),
    bytes_max: NonZeroUsize::new(1 << 20).expect("1 MiB is not zero"),
};

/// A page that is being put together.
#[derive(Debug)]
pub(super) struct Paging {
    /// Where to go on.
    pub(super) place: Cookie,
    /// How much is left of the page.
    pub(super) room: PageLimits,
    page: BinaryPage,
}

impl Paging {
    pub(super) fn new(place: Cookie) -> Self {
        Paging {
            place,
            room: PAGE_LIMITS,
            page: BinaryPage::default(),
        }
    }

    /// Takes what a partition gave for the present place and room. Gives the page when it is full, or everything was
    /// read.
    pub(super) fn take(&mut self, part: Page, count: PartitionCount) -> Option<BinaryPage> {
        let bytes: usize = part
            .entries
            .iter()
            .map(|entry| len_of(entry.key.as_ref()) + len_of(entry.value.as_ref()))
            .sum();
        let entries = part.entries.len();
        self.page.entries.extend(
            part.entries
                .into_iter()
                .filter_map(|entry| Some((entry.key?, entry.value))),
        );
        let next_partition = u16::try_from(self.place.partition.index() + 1)
            .ok()
            .and_then(|number| count.nth(number));
        self.place = match (part.next, next_partition) {
            (Some(after), _) => Cookie {
                partition: self.place.partition,
                after: Some(after),
            },
            (None, Some(partition)) => Cookie::start_of(partition),
            (None, None) => return Some(std::mem::take(&mut self.page)),
        };
        let left = |room: NonZeroUsize, used: usize| room.get().checked_sub(used).and_then(NonZeroUsize::new);
        let room = left(self.room.entries_max, entries).zip(left(self.room.bytes_max, bytes));
        match room.filter(|_room| part.next.is_none()) {
            Some((entries_max, bytes_max)) => {
                self.room = PageLimits {
                    entries_max,
                    bytes_max,
                };
                None
            }
            None => {
                self.page.next = Some(Bytes::copy_from_slice(&self.place.to_bytes()));
                Some(std::mem::take(&mut self.page))
            }
        }
    }
}

fn len_of(binary: Option<&Binary>) -> usize {
    binary.map_or(0, |binary| binary.bytes().len())
}
