//! Runs the orders application: see `orders --help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use grid_client::Session;
use orders::caches::Caches;
use orders::database::Database;
use orders::members::Members;
use orders::model::OrderId;
use orders::report::{self, Figures};
use orders::screen::Screen;
use orders::shop::Shop;
use orders::walkthrough::{browse, load, look_up, show_changes, show_leaving, show_members};

/// The orders application on real data: an SQLite database with the grid's caches in front.
///
/// Loads the Northwind data (830 orders of 1996 to 1998) into a database and four caches, looks an order up with
/// everything it refers to, places, changes and cancels one while a listener tells what happens, empties two caches
/// and lets them warm up again, and reports revenue, best customers and hit ratios, here and as a page.
#[derive(Debug, Parser)]
#[command(name = "orders", version)]
struct Arguments {
    /// How many orders: the data's first, then generated ones of the same shape [default: the data's 830]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    orders: Option<u32>,

    /// The SQLite file, created if there is none and kept; one that has orders is used as it is [default: a
    /// temporary one]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,

    /// Where to write the report as a page
    #[arg(long, value_name = "FILE", default_value = "orders-report.html")]
    html: PathBuf,

    /// The order to look up first
    #[arg(long, value_name = "NUMBER", default_value_t = 10_248)]
    order: OrderId,

    /// How many members of the grid run in this process
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16),
          conflicts_with_all = ["join", "address"])]
    members: u8,

    /// Join the cluster of these members (their --listen addresses) as a member that keeps no entries; the caches
    /// customers, orders, orderlineitems and products there are emptied first [default: a cluster in this process]
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_delimiter = ',',
        conflicts_with = "address"
    )]
    join: Option<Vec<String>>,

    /// The name of the cluster to join
    #[arg(long, value_name = "NAME", default_value = "girih", requires = "join")]
    cluster: String,

    /// Use the caches of this server as its client (its --grpc address); they are emptied first, as with --join
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit code says it too.
            let _ = writeln!(io::stderr(), "error: {}", described(&error));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An error and its causes, but for causes that it has told already.
fn described(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(address) = &arguments.address {
        let unreachable = || format!("no grid answers at {address}; start one, or leave --address out");
        let session = Session::connect(address).await.with_context(unreachable)?;
        let caches = Caches::of_session(&session).await?;
        caches.truncate().await?;
        let shown = show(arguments, caches, None).await;
        session.close().await;
        return shown;
    }
    let mut members = match &arguments.join {
        Some(addresses) => Members::join(&arguments.cluster, addresses.clone()).await?,
        None => Members::start(usize::from(arguments.members)).await?,
    };
    let caches = Caches::of_grid(members.first()).await?;
    if arguments.join.is_some() {
        caches.truncate().await?;
    }
    let shown = show(arguments, caches, Some(&mut members)).await;
    members.shutdown().await;
    shown
}

async fn show(arguments: &Arguments, caches: Caches, members: Option<&mut Members>) -> anyhow::Result<()> {
    let shop = Shop::new(caches, Database::open(arguments.database.as_deref())?);
    let mut screen = Screen::new(io::stdout(), true);

    screen.section("Load")?;
    let orders = arguments.orders.map(usize::try_from).transpose()?;
    load(&shop, orders, &mut screen).await?;

    screen.section("Look an order up, with everything it refers to")?;
    look_up(&shop, arguments.order, &mut screen)
        .await
        .context("give --order the number of an order")?;

    screen.section("Place, change and cancel an order")?;
    show_changes(&shop, &mut screen).await?;

    if let Some(members) = &members {
        screen.section("Members")?;
        show_members(members, &mut screen)?;
    }

    screen.section("Cold caches")?;
    let first = shop
        .database
        .contents()
        .await?
        .order_ids
        .map_or(arguments.order, |(first, _)| first);
    browse(&shop, first, BROWSED, &mut screen).await?;

    if let Some(members) = members.filter(|members| members.count() > 1) {
        screen.section("A member leaves")?;
        let leaving = show_leaving(&shop, members, &mut screen).await;
        leaving.context("a member could not leave")?;
    }

    screen.section("Report")?;
    let figures = Figures::read(&shop).await?;
    screen.line(report::totals(&figures))?;
    screen.line(format_args!(
        "\nrevenue by month and country, in dollars\n{}",
        report::revenue_by_month(&figures)
    ))?;
    screen.line(format_args!(
        "\nbest customers\n{}",
        report::best_customers(&figures, BEST)
    ))?;
    screen.line(format_args!(
        "\nbest products\n{}",
        report::best_products(&figures, BEST)
    ))?;
    screen.line(format_args!("\ncaches\n{}", report::hit_ratios(&figures)))?;
    write_page(&arguments.html, &report::page(&figures)?)?;
    screen.line(format_args!("\nthe same as a page: {}", arguments.html.display()))?;
    Ok(())
}

/// How many orders are looked up with cold caches.
const BROWSED: u32 = 200;
/// How many customers and products are listed.
const BEST: usize = 10;

fn write_page(path: &Path, page: &str) -> anyhow::Result<()> {
    let write = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, page)
    };
    write().with_context(|| {
        format!(
            "cannot write the page {}; give --html another path",
            path.display()
        )
    })
}
