//! `grid cache dump`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use grid_core::cache::{CacheBackend, PageContents};
use grid_core::value::Binary;

use super::super::error::{CliError, Effect};
use super::super::json_text::on_one_line;
use super::super::output::write_error;
use super::progress::bar;

pub(super) async fn run(cache: &dyn CacheBackend, path: &Path) -> Result<(), CliError> {
    if path == Path::new("-") {
        return dump(cache, &mut BufWriter::new(io::stdout()), &"standard output").await;
    }
    // The file gets its name when it is complete, so that half a dump is never taken for a whole one.
    let partial = partial_path(path);
    let shown = path.display();
    let failed = |error: io::Error| write_error(&shown, &error);
    let mut file = BufWriter::new(File::create(&partial).map_err(failed)?);
    let done = async {
        dump(cache, &mut file, &shown).await?;
        file.get_ref().sync_all().map_err(failed)?;
        std::fs::rename(&partial, path).map_err(failed)
    };
    let done = done.await;
    if done.is_err()
        && let Err(error) = std::fs::remove_file(&partial)
    {
        super::super::output::complain(&format!("{}: could not be removed: {error}", partial.display()));
    }
    done
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".partial");
    name.into()
}

async fn dump(
    cache: &dyn CacheBackend,
    out: &mut impl Write,
    shown: &dyn std::fmt::Display,
) -> Result<(), CliError> {
    let read_error = |error: grid_core::cache::CacheError| CliError::of_cache(&error, Effect::Reads);
    let size = cache.size().await.map_err(read_error)?;
    let bar = bar(
        Some(size as u64),
        "{human_pos} of {human_len} entries [{wide_bar}] {per_sec}, {eta} left",
    );
    let mut cookie = None;
    loop {
        let page = cache
            .page(cookie, PageContents::Entries)
            .await
            .map_err(read_error)?;
        for (key, value) in &page.entries {
            let line = line_of(key, value.as_ref())?;
            writeln!(out, "{line}").map_err(|error| write_error(shown, &error))?;
        }
        bar.inc(page.entries.len() as u64);
        cookie = page.next;
        if cookie.is_none() {
            break;
        }
    }
    out.flush().map_err(|error| write_error(shown, &error))?;
    bar.finish_and_clear();
    Ok(())
}

fn line_of(key: &Binary, value: Option<&Binary>) -> Result<String, CliError> {
    let key =
        on_one_line(key).map_err(|reason| CliError::Data(format!("a key cannot be dumped: {reason}")))?;
    let value = value
        .ok_or_else(|| "the server sent none".to_owned())
        .and_then(on_one_line);
    let value = value
        .map_err(|reason| CliError::Data(format!("the value of key {key} cannot be dumped: {reason}")))?;
    Ok(format!("{{\"key\":{key},\"value\":{value}}}"))
}
