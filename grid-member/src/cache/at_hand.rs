//! What a query selects in partitions that this member serves, read at once.

use grid_core::partition::PartitionId;
use grid_core::query::QueryError;
use grid_core::replication::Replica;
use grid_core::store::{
    Page, PageContent, PageCursor, PageLimits, Partition, PickedPage, PlannedQuery, PreparedFilter, Room,
    RowSink, Timestamp,
};

use super::allowance::Allowance;
use super::{OpenCache, Question};

/// So many partitions are read side by side: those who change one of them wait for all, some microseconds.
const TOGETHER: usize = 32;

/// A partition, and the place after which it is read.
type Place = (PartitionId, Option<PageCursor>);

/// A page that was read, unless there was no room for it.
type Read = Result<Option<Page>, QueryError>;

/// Reads what is asked of partitions at once.
struct AtHand<'q, 'r> {
    cache: &'q OpenCache,
    question: &'q Question,
    prepared: PreparedFilter<'q>,
    limits: PageLimits,
    content: PageContent,
    room: &'q Room,
    rows: Option<&'q mut (dyn RowSink + 'r)>,
    allowance: Allowance,
}

impl OpenCache {
    /// The pages of a query in those of these partitions that this member serves and has at hand, as far as all together look
    /// at little and there is room; `None` for the others. Nothing is waited for, and nobody is asked. Once the first of them
    /// are there and have `enough` bytes, the others are left out. If there are `rows`, the entries go there, and their pages
    /// have none.
    pub(super) fn pages_at_hand(
        &self,
        question: &Question,
        asked: &[Place],
        (limits, content): (PageLimits, PageContent),
        (room, enough): (&Room, usize),
        rows: Option<&mut (dyn RowSink + '_)>,
    ) -> Vec<Option<Result<Page, QueryError>>> {
        let mut pages = Vec::with_capacity(asked.len());
        let allowance = Allowance::at_once();
        if !allowance.allows_planning(question) {
            pages.resize_with(asked.len(), || None);
            return pages;
        }
        let mut at_hand = AtHand {
            cache: self,
            question,
            prepared: PreparedFilter::new(question.filter()),
            limits,
            content,
            room,
            rows,
            allowance,
        };
        // The first alone tells whether the others are worth planning.
        let mut together = 1;
        while at_hand.allowance.allows_planning(question)
            && let Some(asked) = asked.get(pages.len()..).filter(|asked| !asked.is_empty())
        {
            let read = at_hand.read(asked, together);
            if read.is_empty() {
                break;
            }
            pages.extend(read.into_iter().map(|read| read?.transpose()));
            let is_enough = room.used().is_some_and(|used| used >= enough);
            if is_enough && pages.iter().all(Option::is_some) {
                return pages;
            }
            together = TOGETHER;
        }
        pages.resize_with(asked.len(), || None);
        pages
    }
}

impl AtHand<'_, '_> {
    /// Reads the first of these partitions side by side, as many as are allowed and not being changed.
    fn read(&mut self, asked: &[Place], together: usize) -> Vec<Option<Read>> {
        let ids: Vec<_> = asked.iter().take(together).map(|(id, _)| *id).collect();
        let replicas = self.cache.replicas();
        let before = self.rows.as_ref().map(|rows| rows.mark());
        let read = replicas.try_read_together(&ids, Replica::gate_all, |stores, now| {
            self.pages(asked, stores, now)
        });
        // What was read and is not given is not to be told.
        if read.iter().all(Option::is_none)
            && let (Some(rows), Some(before)) = (&mut self.rows, before)
        {
            rows.cut(before);
        }
        read
    }

    /// The pages of these partitions, each with its place in what is asked; of the first of them, when all would be too much.
    fn pages(&mut self, asked: &[Place], stores: &[(usize, &Partition)], now: Timestamp) -> Vec<Read> {
        let (cache, prepared) = (self.cache.id(), &self.prepared);
        let partitions: Vec<_> = stores.iter().map(|(_, store)| *store).collect();
        let planned = prepared.plan_all(cache, &partitions);
        PlannedQuery::touch(&planned, self.content != PageContent::Keys);
        let mut pages = Vec::with_capacity(planned.len());
        let mut picked = Vec::with_capacity(planned.len());
        for ((place, _), planned) in stores.iter().zip(planned) {
            let alike = asked.len() - place;
            let passes = self.question.passes();
            if !self.allowance.take(planned.looks_at(), passes, alike) {
                break;
            }
            let after = asked.get(*place).and_then(|(_, after)| *after);
            let page = planned.pick_within(now, (after, self.limits, self.content), self.room);
            pages.push(page.map(|page| {
                picked.push(page?);
                Some(Page::default())
            }));
        }
        let read = match &mut self.rows {
            Some(rows) => PickedPage::write_all(picked, self.content, *rows),
            None => PickedPage::copy_all(picked, self.content),
        };
        let mut read = read.into_iter();
        for page in pages.iter_mut().flatten().flatten() {
            *page = read.next().unwrap_or_default();
        }
        pages
    }
}
