//! How long an input takes, and how much memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::processor_time::{now, processor_time};

/// The longest that an input may take in a search. Tests without optimization are given more.
const TIME_MAX: Duration = Duration::from_secs(1);

/// What takes longer will not end.
const HANG: Duration = Duration::from_secs(60);

/// What takes less has not taken much memory either.
const SHORT: Duration = Duration::from_millis(5);

/// By how much an input may raise the most memory that the process ever had, in KiB.
const MEMORY_MAX_KIB: u64 = 256 << 10;

/// How much of an input is shown that fails.
const SHOWN: usize = 8_000;

/// What is running, and since when.
type Running = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Watches inputs one after the other, from a thread of its own.
#[derive(Debug)]
pub(crate) struct Watch {
    running: Running,
    time_max: Duration,
    /// The most memory that the process had when it was last looked at; 0 before.
    peak_kib: AtomicU64,
    /// The thread ends with it.
    _end: Sender<()>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let (end, ended) = mpsc::channel();
        let running = Running::default();
        let watched = running.clone();
        thread::spawn(move || {
            while ended.recv_timeout(TIME_MAX) == Err(RecvTimeoutError::Timeout) {
                if let Some((since, text)) = &*watched.lock().unwrap_or_else(PoisonError::into_inner)
                    && since.elapsed() > HANG
                {
                    show(text);
                    // Nothing else ends a thread that goes on for ever.
                    std::process::abort();
                }
            }
        });
        let is_search = std::env::var_os("BOLERO_RANDOM_ITERATIONS").is_some();
        Watch {
            running,
            time_max: if is_search { TIME_MAX } else { HANG },
            peak_kib: AtomicU64::new(peak_kib()),
            _end: end,
        }
    }

    /// Runs an input, and says which it was when it fails.
    pub(crate) fn run(&self, text: &[u8], run: impl Fn()) {
        let shown = ShownOnPanic(text);
        let since = now();
        self.set(Some((since, text.to_vec())));
        run();
        let taken = since.elapsed();
        self.set(None);
        if taken > SHORT {
            if taken > self.time_max {
                // Other processes may have had the processor.
                let before = processor_time();
                run();
                let taken = processor_time() - before;
                assert!(taken < self.time_max, "{taken:?} is too long");
            }
            let peak = peak_kib();
            let before = self.peak_kib.swap(peak, Ordering::Relaxed);
            let grown = if before == 0 {
                0
            } else {
                peak.saturating_sub(before)
            };
            assert!(grown < MEMORY_MAX_KIB, "{grown} KiB is too much");
        }
        drop(shown);
    }

    fn set(&self, running: Option<(Instant, Vec<u8>)>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

/// Shows a text when it is dropped by a panic.
struct ShownOnPanic<'t>(&'t [u8]);

impl Drop for ShownOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            show(self.0);
        }
    }
}

fn show(text: &[u8]) {
    let cut = text.get(..SHOWN).unwrap_or(text);
    eprintln!("of {} bytes: {}", text.len(), String::from_utf8_lossy(cut));
}

/// The most memory that the process ever had; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.unwrap_or_default()
}
