//! How many gets a second so many callers make over one session: `callers [address] [callers] [seconds] [connections]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use grid_client::Session;
use grid_core::cache::NamedCache;

const KEYS: u64 = 10_000;

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own, not the library"
)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse::<u64>());
    let address = arguments.first().map_or("127.0.0.1:1408", String::as_str);
    let (callers, seconds) = (number(1, 32)?, number(2, 5)?);
    let connections = usize::try_from(number(3, 1)?)?;
    let session = Session::builder()
        .address(address)
        .connections(connections)
        .connect()
        .await?;
    let cache = session.cache::<String, String>("callers").await?;
    let entries: Vec<_> = (0..KEYS)
        .map(|n| (format!("key-{n}"), "x".repeat(1_000)))
        .collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await?;
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (cache, stop, count) = (cache.clone(), stop.clone(), count.clone());
            tokio::spawn(async move {
                let mut at = caller * 7_919;
                while !stop.load(Ordering::Relaxed) {
                    at = (at + 1) % KEYS;
                    cache.get(&format!("key-{at}")).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, grid_core::cache::CacheError>(())
            })
        })
        .collect();
    for _ in 0..seconds {
        let before = count.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("{} gets a second", count.load(Ordering::Relaxed) - before);
    }
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    cache.destroy().await?;
    session.close().await;
    Ok(())
}
