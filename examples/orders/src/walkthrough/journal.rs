//! A listener that writes down what changed.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::StreamExt;
use grid_core::cache::Events;
use grid_core::event::{CacheEvent, EntryEvent, EntryEventKind};
use grid_core::repository::Entity;
use serde::Serialize;
use serde_json::Value;

use crate::model::{LineItem, LineKey, Order, OrderId};
use crate::screen::Screen;
use crate::shop::Shop;

/// How long an event may take; one takes a millisecond, or a round trip over a network.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hears of every change of orders and order lines, and shows those of one order.
#[derive(Debug)]
pub struct Journal {
    order_id: OrderId,
    orders: Events<OrderId, Order>,
    lines: Events<LineKey, LineItem>,
    shown: usize,
}

impl Journal {
    /// Starts to listen.
    ///
    /// # Errors
    /// When a cache fails.
    pub async fn start(shop: &Shop, order_id: OrderId) -> anyhow::Result<Self> {
        let (orders, lines) = (shop.orders.listen().await?, shop.lines.listen().await?);
        Ok(Journal {
            order_id,
            orders,
            lines,
            shown: 0,
        })
    }

    /// Waits for changes, of the order first and then of its lines, and shows each.
    ///
    /// # Errors
    /// When they do not come within ten seconds, or the listening ends.
    pub async fn show<W: Write>(
        &mut self,
        orders: usize,
        lines: usize,
        screen: &mut Screen<W>,
    ) -> anyhow::Result<()> {
        for _ in 0..orders {
            let event = next(&mut self.orders, |key| *key == self.order_id).await?;
            screen.line(format_args!("  event   {}", described("order", &event)?))?;
        }
        for _ in 0..lines {
            let event = next(&mut self.lines, |key| key.order_id == self.order_id).await?;
            screen.line(format_args!("  event   {}", described("line", &event)?))?;
        }
        self.shown += orders + lines;
        Ok(())
    }

    /// How many changes were shown.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.shown
    }
}

/// The next change of an entry that is wanted; on a server, others may change theirs meanwhile.
async fn next<V: Entity>(
    events: &mut Events<V::Key, V>,
    wanted: impl Fn(&V::Key) -> bool,
) -> anyhow::Result<EntryEvent<V::Key, V>> {
    let event = async {
        loop {
            match events.next().await.context("the cache ended the listening")?? {
                CacheEvent::Entry(event) if wanted(&event.key) => return Ok(event),
                CacheEvent::Entry(_) => {}
                _ => bail!(
                    "someone else emptied or destroyed the cache meanwhile, or events were lost; run again"
                ),
            }
        }
    };
    let late = || format!("no event came within {PATIENCE:?}; is the server overloaded?");
    tokio::time::timeout(PATIENCE, event).await.with_context(late)?
}

fn described<K: Display, V: Serialize>(thing: &str, event: &EntryEvent<K, V>) -> anyhow::Result<String> {
    let key = &event.key;
    Ok(match event.kind {
        EntryEventKind::Insert => format!("+ {thing} {key} inserted"),
        EntryEventKind::Delete => format!("- {thing} {key} deleted"),
        EntryEventKind::Update => format!("~ {thing} {key} updated: {}", difference(&event.old, &event.new)?),
    })
}

/// The fields that differ: `quantity 10 → 25`.
fn difference<V: Serialize>(old: &Option<V>, new: &Option<V>) -> anyhow::Result<String> {
    let (old, new) = (serde_json::to_value(old)?, serde_json::to_value(new)?);
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Ok("without values".to_owned());
    };
    let changed = new
        .iter()
        .filter(|(field, value)| old.get(*field) != Some(*value));
    let fields: Vec<String> = changed
        .map(|(field, value)| format!("{field} {} → {value}", old.get(field).unwrap_or(&Value::Null)))
        .collect();
    Ok(if fields.is_empty() {
        "the same again".to_owned()
    } else {
        fields.join(", ")
    })
}
