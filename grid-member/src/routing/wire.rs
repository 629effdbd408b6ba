//! Requests about partitions as the bodies of frames.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::partition::table::{Epoch, ServiceId};
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::query::Extractor;
use grid_core::replication::{Failure, Outcome};
use grid_core::store::{
    CacheId, IndexDefinition, Page, PageContent, PageCursor, PageEntry, PageLimits, Sequence,
};
use grid_core::value::Key;

use crate::cache::{PartFailure, PartRequest, PartResult};
use crate::wire::{Reader, WireError, Writer};

use super::agents::Agents;

/// What is asked of some partitions of one cache.
#[derive(Debug)]
pub struct PartsRequest {
    /// The service of the cache.
    pub service: ServiceId,
    /// The cache.
    pub cache: CacheId,
    /// What is asked of each partition, and the epoch that the one who asks knows.
    pub parts: Vec<(PartitionId, Epoch, PartRequest)>,
}

impl PartsRequest {
    /// Writes the request.
    #[must_use]
    pub fn encode<'a>(
        service: ServiceId,
        cache: CacheId,
        parts: impl ExactSizeIterator<Item = (PartitionId, Epoch, &'a PartRequest)> + Clone,
    ) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(128);
        out.u8(service.get());
        out.cache(cache);
        let agents = Agents::of(parts.clone().map(|(_, _, request)| request));
        agents.write(&mut out);
        out.len(parts.len());
        for (partition, epoch, request) in parts {
            out.len(partition.index());
            out.varint(epoch.get());
            write_request(&mut out, request, &agents);
        }
        out.finish()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When it is damaged, or about a partition that there is not.
    pub fn decode(body: Bytes, count: PartitionCount) -> Result<Self, WireError> {
        let mut body = Reader::new(body);
        let service = ServiceId::new(body.u8()?);
        let cache = body.cache()?;
        let agents = Agents::read(&mut body)?;
        let len = body.count(3)?;
        let mut parts = Vec::with_capacity(len);
        for _ in 0..len {
            let partition = body.partition(count)?;
            let epoch = Epoch::new(body.varint()?);
            parts.push((partition, epoch, read_request(&mut body, &agents)?));
        }
        body.end()?;
        Ok(PartsRequest {
            service,
            cache,
            parts,
        })
    }
}

/// The answers of some partitions, in the order of the request.
#[derive(Debug)]
pub struct PartsAnswer {
    /// What came of each.
    pub results: Vec<Result<PartResult, PartFailure>>,
    /// The number of the last event that the one who answers has for the one who asked; 0 if none waits.
    pub heard: u64,
}

impl PartsAnswer {
    /// Writes the answer.
    #[must_use]
    pub fn encode(results: &[Result<PartResult, PartFailure>], heard: u64) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(64);
        out.varint(heard);
        out.len(results.len());
        for result in results {
            match result {
                Ok(result) => write_result(&mut out, result),
                Err(failure) => write_failure(&mut out, failure),
            }
        }
        out.finish()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Reader::new(body);
        let heard = body.varint()?;
        let len = body.count(1)?;
        let mut results = Vec::with_capacity(len);
        for _ in 0..len {
            results.push(read_answer(&mut body)?);
        }
        body.end()?;
        Ok(PartsAnswer { results, heard })
    }
}

fn write_request(out: &mut Writer, request: &PartRequest, agents: &Agents) {
    match request {
        PartRequest::Get(key) => {
            out.u8(0);
            out.key(key);
        }
        PartRequest::Contains(key) => {
            out.u8(1);
            out.key(key);
        }
        PartRequest::Update {
            key,
            command,
            previous,
            tag,
        } => {
            out.u8(2);
            out.key(key);
            out.bool(*previous);
            out.tag(tag.as_ref());
            out.command(command);
        }
        PartRequest::GetAll(keys) => {
            out.u8(3);
            write_keys(out, keys);
        }
        PartRequest::PutAll { entries, ttl, tag } => {
            out.u8(4);
            out.ttl(*ttl);
            out.tag(tag.as_ref());
            out.len(entries.len());
            for (key, value) in entries {
                out.key(key);
                out.binary(value);
            }
        }
        PartRequest::Len => out.u8(5),
        PartRequest::ContainsValue(value) => {
            out.u8(6);
            out.binary(value);
        }
        PartRequest::Clear => out.u8(7),
        PartRequest::Truncate(by) => {
            out.u8(8);
            out.truncation(*by);
        }
        PartRequest::Page {
            after,
            limits,
            content,
        } => {
            out.u8(9);
            write_place(out, *after, *limits, *content);
        }
        PartRequest::Figures => out.u8(10),
        PartRequest::Query {
            question,
            after,
            limits,
            content,
        } => {
            out.u8(11);
            agents.write_question(out, question);
            write_place(out, *after, *limits, *content);
        }
        PartRequest::Aggregate { question, keys } => {
            out.u8(12);
            agents.write_question(out, question);
            out.bool(keys.is_some());
            keys.iter().for_each(|keys| write_keys(out, keys));
        }
        PartRequest::Work { keys, work, tag } => {
            out.u8(13);
            agents.write_work(out, work);
            out.tag(tag.as_ref());
            write_keys(out, keys);
        }
        PartRequest::AddIndex(definition) => write_index(out, 14, definition.to_json()),
        PartRequest::RemoveIndex(extractor) => write_index(out, 15, extractor.to_json()),
        PartRequest::Mark => out.u8(16),
    }
}

fn write_index<E>(out: &mut Writer, code: u8, index: Result<Vec<u8>, E>) {
    out.u8(code);
    // What cannot be said was refused when the index was asked for.
    out.slice(&index.unwrap_or_default());
}

const NO_INDEX: WireError = WireError {
    what: "the definition of an index is none; run the same version on every member",
};

fn write_keys(out: &mut Writer, keys: &[Key]) {
    out.len(keys.len());
    keys.iter().for_each(|key| out.key(key));
}

fn write_place(out: &mut Writer, after: Option<PageCursor>, limits: PageLimits, content: PageContent) {
    out.bool(after.is_some());
    if let Some(after) = after {
        out.varint(after.hash());
    }
    out.len(limits.entries_max.get());
    out.len(limits.bytes_max.get());
    out.u8(match content {
        PageContent::Keys => 0,
        PageContent::Values => 1,
        PageContent::Entries => 2,
    });
}

fn read_request(body: &mut Reader, agents: &Agents) -> Result<PartRequest, WireError> {
    Ok(match body.u8()? {
        0 => PartRequest::Get(body.key()?),
        1 => PartRequest::Contains(body.key()?),
        2 => PartRequest::Update {
            key: body.key()?,
            previous: body.bool()?,
            tag: body.tag()?,
            command: body.command()?,
        },
        3 => PartRequest::GetAll(read_keys(body)?),
        4 => {
            let ttl = body.ttl()?;
            let tag = body.tag()?;
            let count = body.count(4)?;
            let entries: Result<Vec<_>, _> = (0..count).map(|_| Ok((body.key()?, body.binary()?))).collect();
            PartRequest::PutAll {
                entries: entries?,
                ttl,
                tag,
            }
        }
        5 => PartRequest::Len,
        6 => PartRequest::ContainsValue(body.binary()?),
        7 => PartRequest::Clear,
        8 => PartRequest::Truncate(body.truncation()?),
        9 => {
            let (after, limits, content) = read_place(body)?;
            PartRequest::Page {
                after,
                limits,
                content,
            }
        }
        10 => PartRequest::Figures,
        11 => {
            let question = agents.read_question(body)?;
            let (after, limits, content) = read_place(body)?;
            PartRequest::Query {
                question,
                after,
                limits,
                content,
            }
        }
        12 => PartRequest::Aggregate {
            question: agents.read_question(body)?,
            keys: if body.bool()? {
                Some(read_keys(body)?)
            } else {
                None
            },
        },
        13 => {
            let work = agents.read_work(body)?;
            let tag = body.tag()?;
            PartRequest::Work {
                keys: read_keys(body)?,
                work,
                tag,
            }
        }
        14 => PartRequest::AddIndex(Arc::new(
            IndexDefinition::from_json(&body.bytes()?).map_err(|_error| NO_INDEX)?,
        )),
        15 => PartRequest::RemoveIndex(Arc::new(
            Extractor::from_json(&body.bytes()?).map_err(|_error| NO_INDEX)?,
        )),
        16 => PartRequest::Mark,
        _ => {
            return Err(WireError {
                what: "a request is none",
            });
        }
    })
}

fn read_keys(body: &mut Reader) -> Result<Vec<Key>, WireError> {
    let count = body.count(2)?;
    (0..count).map(|_| body.key()).collect()
}

fn read_place(body: &mut Reader) -> Result<(Option<PageCursor>, PageLimits, PageContent), WireError> {
    let after = if body.bool()? {
        Some(PageCursor::from_hash(body.varint()?))
    } else {
        None
    };
    let limits = PageLimits {
        entries_max: limit(body)?,
        bytes_max: limit(body)?,
    };
    let content = match body.u8()? {
        0 => PageContent::Keys,
        1 => PageContent::Values,
        2 => PageContent::Entries,
        _ => {
            return Err(WireError {
                what: "the content of a page is none",
            });
        }
    };
    Ok((after, limits, content))
}

fn limit(body: &mut Reader) -> Result<std::num::NonZeroUsize, WireError> {
    let limit = usize::try_from(body.varint()?).unwrap_or(usize::MAX);
    std::num::NonZeroUsize::new(limit).ok_or(WireError {
        what: "a limit is zero",
    })
}

fn write_result(out: &mut Writer, result: &PartResult) {
    match result {
        PartResult::Value(value) => {
            out.u8(0);
            out.maybe_binary(value.as_ref());
        }
        PartResult::Flag(flag) => {
            out.u8(1);
            out.bool(*flag);
        }
        PartResult::Outcome(outcome) => {
            out.u8(2);
            out.outcome(outcome);
        }
        PartResult::Entries(entries) => {
            out.u8(3);
            out.len(entries.len());
            for (key, value) in entries {
                out.binary(key);
                out.binary(value);
            }
        }
        PartResult::Done(count) => {
            out.u8(4);
            out.varint(*count);
        }
        PartResult::Len(len) => {
            out.u8(5);
            out.varint(*len);
        }
        PartResult::Page(page) => {
            out.u8(6);
            out.bool(page.next.is_some());
            if let Some(next) = page.next {
                out.varint(next.hash());
            }
            out.len(page.entries.len());
            for entry in &page.entries {
                out.varint(entry.version.get());
                out.maybe_binary(entry.key.as_ref());
                out.maybe_binary(entry.value.as_ref());
            }
        }
        PartResult::Figures { entries, bytes } => {
            out.u8(7);
            out.varint(*entries);
            out.varint(*bytes);
        }
        PartResult::Partial(partial) => {
            out.u8(8);
            out.bytes(partial);
        }
        PartResult::Merged => out.u8(11),
        PartResult::Later => out.u8(12),
        PartResult::Worked(outcomes) => {
            out.u8(9);
            out.len(outcomes.len());
            for outcome in outcomes {
                match outcome {
                    Ok(outcome) => {
                        out.u8(2);
                        out.outcome(outcome);
                    }
                    Err(failure) => write_failure(out, failure),
                }
            }
        }
        PartResult::Mark(placed, sequence) => {
            out.u8(10);
            out.varint(placed.get());
            out.varint(sequence.get());
        }
    }
}

fn write_failure(out: &mut Writer, failure: &PartFailure) {
    match failure {
        PartFailure::Elsewhere(epoch) => {
            out.u8(128);
            out.varint(epoch.get());
        }
        PartFailure::Destroyed => out.u8(129),
        PartFailure::UnknownCache => out.u8(130),
        PartFailure::Failed(Failure::NotPrimary) => {
            out.u8(128);
            out.varint(0);
        }
        PartFailure::Failed(Failure::Deposed) => out.u8(131),
        PartFailure::NotBegun => out.u8(134),
        PartFailure::InPart(failure) => {
            out.u8(135);
            write_failure(out, failure);
        }
        PartFailure::Failed(failure @ Failure::TooLarge { .. }) => {
            out.u8(133);
            out.slice(failure.to_string().as_bytes());
        }
        PartFailure::Failed(failure) => {
            out.u8(132);
            out.slice(failure.to_string().as_bytes());
        }
        PartFailure::Refused(words) => {
            out.u8(132);
            out.slice(words.as_bytes());
        }
        PartFailure::Invalid(words) => {
            out.u8(133);
            out.slice(words.as_bytes());
        }
    }
}

fn read_answer(body: &mut Reader) -> Result<Result<PartResult, PartFailure>, WireError> {
    Ok(match body.u8()? {
        code @ 128.. => Err(read_failure(body, code)?),
        0 => Ok(PartResult::Value(body.maybe_binary()?)),
        1 => Ok(PartResult::Flag(body.bool()?)),
        2 => Ok(PartResult::Outcome(body.outcome()?)),
        3 => {
            let count = body.count(4)?;
            let entries: Result<Vec<_>, WireError> =
                (0..count).map(|_| Ok((body.binary()?, body.binary()?))).collect();
            Ok(PartResult::Entries(entries?))
        }
        4 => Ok(PartResult::Done(body.varint()?)),
        5 => Ok(PartResult::Len(body.varint()?)),
        6 => Ok(PartResult::Page(read_page(body)?)),
        7 => Ok(PartResult::Figures {
            entries: body.varint()?,
            bytes: body.varint()?,
        }),
        8 => Ok(PartResult::Partial(body.bytes()?)),
        9 => {
            let count = body.count(1)?;
            let worked: Result<Vec<_>, WireError> = (0..count).map(|_| read_worked(body)).collect();
            Ok(PartResult::Worked(worked?))
        }
        10 => {
            let placed = Epoch::new(body.varint()?);
            Ok(PartResult::Mark(placed, Sequence::new(body.varint()?)))
        }
        11 => Ok(PartResult::Merged),
        12 => Ok(PartResult::Later),
        _ => {
            return Err(WireError {
                what: "an answer is none",
            });
        }
    })
}

fn read_worked(body: &mut Reader) -> Result<Result<Outcome, PartFailure>, WireError> {
    match body.u8()? {
        2 => Ok(Ok(body.outcome()?)),
        code => Ok(Err(read_failure(body, code)?)),
    }
}

fn read_failure(body: &mut Reader, code: u8) -> Result<PartFailure, WireError> {
    let none = WireError {
        what: "a failure is none",
    };
    let words = |body: &mut Reader| Ok(String::from_utf8_lossy(&body.bytes()?).into_owned());
    Ok(match code {
        128 => PartFailure::Elsewhere(Epoch::new(body.varint()?)),
        129 => PartFailure::Destroyed,
        130 => PartFailure::UnknownCache,
        131 => PartFailure::Failed(Failure::Deposed),
        132 => PartFailure::Refused(words(body)?),
        133 => PartFailure::Invalid(words(body)?),
        134 => PartFailure::NotBegun,
        135 => match body.u8()? {
            // It is told of once.
            135 => return Err(none),
            code => PartFailure::InPart(Box::new(read_failure(body, code)?)),
        },
        _ => return Err(none),
    })
}

fn read_page(body: &mut Reader) -> Result<Page, WireError> {
    let next = if body.bool()? {
        Some(PageCursor::from_hash(body.varint()?))
    } else {
        None
    };
    let count = body.count(3)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        entries.push(PageEntry {
            version: Sequence::new(body.varint()?),
            key: body.maybe_binary()?,
            value: body.maybe_binary()?,
        });
    }
    Ok(Page { entries, next })
}

#[cfg(test)]
#[path = "wire_test.rs"]
mod tests;
