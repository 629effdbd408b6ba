//! Planning a query of several partitions at once.
//!
//! Most queries that an index answers ask for a few values, and most partitions have none of them. So what is the same in
//! all partitions is done once for such a filter (the hash of a value, finding the index among others), and where the
//! values are not there that is all that is done.

use std::sync::Arc;

use crate::query::{Extractor, Filter};
use crate::store::arena::Handle;
use crate::store::index::{Ask, Asked, IndexDefinition, PartitionIndex};
use crate::store::plan::prepared::Ready;
use crate::store::plan::{Plan, PreparedFilter, count_max};
use crate::store::{CacheId, Partition, PlannedQuery};

/// A filter that asks for more values than these is planned in each partition for itself.
const VALUES_MAX: usize = 4;

/// A few values that a filter asks for, and nothing else.
struct Points<'r> {
    extractor: &'r Extractor,
    ask: &'r Ask,
    values: Vec<(Asked, &'r [u8])>,
}

impl PreparedFilter<'_> {
    /// The plans of a query of a cache in these partitions, each as by [`Partition::plan_query`].
    #[must_use]
    pub fn plan_all<'p, 'q>(
        &'q self,
        cache: CacheId,
        partitions: &[&'p Partition],
    ) -> Vec<PlannedQuery<'p, 'q>> {
        let plans: Vec<Plan> = match self.points(cache, partitions) {
            Some(points) => self.plan_points(&points, cache, partitions),
            None => partitions
                .iter()
                .map(|partition| partition.plan(cache, self))
                .collect(),
        };
        let planned = |(partition, plan): (&&'p Partition, Plan)| PlannedQuery {
            partition,
            cache,
            filter: self,
            plan,
        };
        partitions.iter().zip(plans).map(planned).collect()
    }

    /// The values that are asked for, if they are all and one of these partitions has an index of them.
    fn points(&self, cache: CacheId, partitions: &[&Partition]) -> Option<Points<'_>> {
        let (Filter::Compare { extractor, .. } | Filter::In(extractor, _)) = self.filter else {
            return None;
        };
        // What is asked of keys is found without an index.
        if matches!(extractor, Extractor::Key(_)) {
            return None;
        }
        let has_index = |partition: &&Partition| {
            let indexes = partition.indexes.get(cache);
            indexes.is_some_and(|indexes| indexes.of(extractor).is_some())
        };
        // What is asked of an index is found out when there is one.
        if !partitions.iter().any(has_index) {
            return None;
        }
        let Ready::Asks(Some(ask)) = self.ask(self.filter, true) else {
            return None;
        };
        let is_few = ask.ranges.len() <= VALUES_MAX && ask.points().count() == ask.ranges.len();
        let values = || ask.points().map(|key| (Asked::new(key), key)).collect();
        is_few.then(|| Points {
            extractor,
            ask,
            values: values(),
        })
    }

    /// Each step is done in all partitions before the next one: what it reads of one does not depend on what it reads of
    /// another, so that the processor waits for several at a time.
    fn plan_points(&self, points: &Points<'_>, cache: CacheId, partitions: &[&Partition]) -> Vec<Plan> {
        let mut definition = None;
        let indexes: Vec<Option<&PartitionIndex>> = partitions
            .iter()
            .map(|partition| points.index_in(partition, cache, &mut definition))
            .collect();
        let may_be_in = |index: &Option<&PartitionIndex>| index.is_some_and(|index| points.may_be_in(index));
        let may_be_in: Vec<bool> = indexes.iter().map(may_be_in).collect();
        let touched = indexes.iter().zip(&may_be_in).filter(|(_, may_be)| **may_be);
        let touched = touched.filter_map(|(index, _)| index.map(|index| points.touch(index)));
        // What is read is of no use but for having been read.
        std::hint::black_box(touched.sum::<usize>());
        let plan = |(partition, (index, may_be)): (&&Partition, (&Option<&PartitionIndex>, bool))| match index
        {
            Some(index) if may_be => points.plan(partition, cache, index),
            Some(_) => points.plan_of(Vec::new()),
            None => partition.plan(cache, self),
        };
        partitions
            .iter()
            .zip(indexes.iter().zip(may_be_in))
            .map(plan)
            .collect()
    }
}

impl Points<'_> {
    /// The index that is asked in a partition, unless what it has of the cache depends on a condition. `definition` is that
    /// of the partition before: theirs are mostly one.
    fn index_in<'p>(
        &self,
        partition: &'p Partition,
        cache: CacheId,
        definition: &mut Option<&'p Arc<IndexDefinition>>,
    ) -> Option<&'p PartitionIndex> {
        let indexes = partition.indexes.get(cache)?;
        let is_known =
            |index: &&PartitionIndex| definition.is_some_and(|known| Arc::ptr_eq(known, index.definition()));
        let index = match indexes.as_slice().iter().find(is_known) {
            Some(index) => index,
            None => indexes.of(self.extractor)?.1,
        };
        *definition = Some(index.definition());
        index.definition().filter.is_none().then_some(index)
    }

    /// Whether an index may have one of the values, or entries of which it knows none.
    fn may_be_in(&self, index: &PartitionIndex) -> bool {
        let buckets = index.buckets();
        // Not the first that says yes: a branch would wait for what it reads.
        let any = |any, (asked, _): &(Asked, _)| any | buckets.may_have(*asked);
        self.values.iter().fold(false, any) | (index.without_value().len() > 0)
    }

    /// Reads what [`plan`](Self::plan) will.
    fn touch(&self, index: &PartitionIndex) -> usize {
        let buckets = index.buckets();
        self.values.iter().map(|(asked, _)| buckets.touch(*asked)).sum()
    }

    /// As the planner plans it.
    fn plan(&self, partition: &Partition, cache: CacheId, index: &PartitionIndex) -> Plan {
        let without_value = index.without_value();
        let postings =
            |(asked, key): &(Asked, &[u8])| Some(&index.buckets().get_asked(*asked, key)?.postings);
        let found = self.values.iter().filter_map(postings);
        let sets = std::iter::once(without_value).chain(found);
        let mut handles = Vec::new();
        let mut is_in_order = true;
        for set in sets.filter(|set| set.len() > 0) {
            // The entries of one set are in order, and no two have one in common.
            is_in_order = handles.is_empty();
            handles.reserve_exact(set.len());
            handles.extend(set.iter());
        }
        if handles.len() > partition.map(cache).map_or(0, count_max) {
            return Plan::Scan;
        }
        if !is_in_order {
            handles.sort_unstable();
        }
        if without_value.len() == 0 {
            self.plan_of(handles)
        } else {
            Plan::Look(handles)
        }
    }

    /// What looks at these, all of which an index knows the value of.
    fn plan_of(&self, handles: Vec<Handle>) -> Plan {
        if self.ask.is_exact {
            Plan::Exact(handles)
        } else {
            Plan::Look(handles)
        }
    }
}
