//! `grid cache load`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use grid_core::cache::CacheBackend;
use grid_core::store::TimeToLive;
use grid_core::value::json::{Limits, scan};
use grid_core::value::{Binary, Format, Key};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::arguments::Output;
use super::super::error::{CliError, Effect};
use super::super::output::print;
use super::entry::ttl_of;
use super::progress::bar;

/// The longest line, in bytes: an entry must fit into a message anyway.
const LINE_LEN_MAX: usize = 64 << 20;

/// A batch is sent when it has this many bytes, whatever its number of entries.
const BATCH_BYTES: usize = 4 << 20;

/// A line of the file. Key and value stay text, so that numbers stay exact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(borrow)]
    value: &'a RawValue,
}

pub(super) async fn run(
    cache: &dyn CacheBackend,
    path: &Path,
    ttl: Option<Duration>,
    batch: u32,
    output: Output,
) -> Result<(), CliError> {
    let shown = path.display().to_string();
    let cannot_read = |error: io::Error| CliError::Data(format!("{shown}: cannot be read: {error}"));
    let count_max = usize::try_from(batch).unwrap_or(usize::MAX);
    let (input, len): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
        (Box::new(io::stdin()), None)
    } else {
        let file = File::open(path).map_err(cannot_read)?;
        let len = file.metadata().map_err(cannot_read)?.len();
        (Box::new(file), Some(len))
    };
    let template = if len.is_some() {
        "{binary_bytes} of {binary_total_bytes} [{wide_bar}] {binary_bytes_per_sec}, {eta} left"
    } else {
        "{spinner} {binary_bytes} {binary_bytes_per_sec}"
    };
    let progress = bar(len, template);
    let mut load = Load {
        cache,
        ttl: ttl_of(ttl),
        count_max,
        shown,
        progress,
        loaded: 0,
        batch: Batch::default(),
    };
    load.all(&mut BufReader::new(input)).await?;
    load.progress.finish_and_clear();
    match output {
        Output::Table => print(&format!("{} entries loaded", load.loaded)),
        Output::Json => print(&json!({ "loaded": load.loaded }).to_string()),
    }
}

#[derive(Default)]
struct Batch {
    entries: Vec<(Key, Binary)>,
    /// The keys of the entries: a key that comes twice must be put twice, in the order of the file.
    keys: HashSet<Vec<u8>>,
    len_bytes: usize,
    first_line: usize,
}

struct Load<'a> {
    cache: &'a dyn CacheBackend,
    ttl: TimeToLive,
    count_max: usize,
    shown: String,
    progress: ProgressBar,
    loaded: usize,
    batch: Batch,
}

impl Load<'_> {
    async fn all(&mut self, input: &mut (dyn BufRead + Send)) -> Result<(), CliError> {
        let mut text = Vec::new();
        let mut number = 0;
        loop {
            number += 1;
            text.clear();
            let read = input.take(LINE_LEN_MAX as u64 + 1).read_until(b'\n', &mut text);
            let len = read.map_err(|error| self.wrong(number, &format!("cannot be read: {error}")))?;
            if len == 0 {
                return self.send(number - 1).await;
            }
            if len > LINE_LEN_MAX {
                return Err(self.wrong(number, &format!("the line is longer than {LINE_LEN_MAX} bytes")));
            }
            if !text.trim_ascii().is_empty() {
                let (key, value) = entry_of(&text).map_err(|problem| self.wrong(number, &problem))?;
                self.add(number, key, value).await?;
            }
            self.progress.inc(len as u64);
        }
    }

    fn wrong(&self, line: usize, problem: &str) -> CliError {
        let Load { shown, loaded, .. } = self;
        CliError::Data(format!(
            "{shown}:{line}: {problem} ({loaded} entries were loaded before)"
        ))
    }

    async fn add(&mut self, line: usize, key: Key, value: Binary) -> Result<(), CliError> {
        let len_bytes = key.spelling().bytes().len() + value.bytes().len();
        let full =
            self.batch.entries.len() >= self.count_max || self.batch.len_bytes + len_bytes > BATCH_BYTES;
        if full || self.batch.keys.contains(key.canonical()) {
            self.send(line - 1).await?;
        }
        if self.batch.entries.is_empty() {
            self.batch.first_line = line;
        }
        self.batch.keys.insert(key.canonical().to_vec());
        self.batch.len_bytes += len_bytes;
        self.batch.entries.push((key, value));
        Ok(())
    }

    async fn send(&mut self, last_line: usize) -> Result<(), CliError> {
        let Batch {
            entries, first_line, ..
        } = std::mem::take(&mut self.batch);
        let count = entries.len();
        if count == 0 {
            return Ok(());
        }
        let put = self.cache.put_all(entries, self.ttl).await;
        put.map_err(|error| {
            let Load { shown, loaded, .. } = self;
            let at = format!("{shown}:{first_line}-{last_line}");
            match CliError::of_cache(&error, Effect::Changes) {
                CliError::OutcomeUnknown(text) => CliError::OutcomeUnknown(format!(
                    "{at}: {text} ({loaded} entries were loaded before; loading the file again is safe)"
                )),
                CliError::Unreachable(text) if *loaded == 0 => CliError::Unreachable(format!("{at}: {text}")),
                CliError::Refused(text) if *loaded == 0 => CliError::Refused(format!("{at}: {text}")),
                other => {
                    CliError::OutcomeUnknown(format!("{at}: {other} ({loaded} entries were loaded before)"))
                }
            }
        })?;
        self.loaded += count;
        Ok(())
    }
}

fn entry_of(text: &[u8]) -> Result<(Key, Binary), String> {
    let expected = "a line is {\"key\":...,\"value\":...}";
    let line: Line<'_> = serde_json::from_slice(text).map_err(|error| format!("{error}; {expected}"))?;
    let binary = |raw: &RawValue| Binary::new(Format::JSON, Bytes::copy_from_slice(raw.get().as_bytes()));
    let key = Key::new(binary(line.key)).map_err(|error| error.to_string())?;
    scan(line.value.get().as_bytes(), Limits::new()).map_err(|error| format!("the value: {error}"))?;
    Ok((key, binary(line.value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_spelling() {
        let (key, value) =
            entry_of(b"{\"value\": {\"n\": 1.50}, \"key\": 12345678901234567890123}\n").unwrap();
        assert_eq!(&key.spelling().bytes()[..], b"12345678901234567890123");
        assert_eq!(&value.bytes()[..], b"{\"n\": 1.50}");
    }

    #[test]
    fn lines_that_are_no_entry_say_what_one_is() {
        for line in [
            "",
            "1",
            "{}",
            "{\"key\":1}",
            "{\"key\":1,\"value\":2,\"ttl\":3}",
            "{\"key\":1,\"value\":",
        ] {
            let problem = entry_of(line.as_bytes()).unwrap_err();
            assert!(
                problem.contains("a line is {\"key\":...,\"value\":...}"),
                "{line:?}: {problem}"
            );
        }
        let deep = format!(
            "{{\"key\":1,\"value\":{}{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert!(entry_of(deep.as_bytes()).is_err());
    }
}
