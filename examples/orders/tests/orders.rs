//! The application end to end, on the real data, against figures that are counted from the files themselves.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use grid_core::cache::NamedCache;
use grid_core::repository::{Entity, EntityStore};
use grid_member::Grid;
use orders::caches::Caches;
use orders::database::Database;
use orders::members::Members;
use orders::model::{Amount, LineItem, LineKey, Order};
use orders::report::{self, Figures};
use orders::screen::Screen;
use orders::shop::{Shop, ShopError};
use orders::walkthrough::{CHANGE_EVENTS, browse, load, look_up, show_changes, show_leaving};
use quick_xml::Reader;
use quick_xml::events::Event;

type Rows = Vec<HashMap<String, String>>;

fn rows(file: &str) -> Rows {
    let path = format!("{}/data/northwind/{file}.csv", env!("CARGO_MANIFEST_DIR"));
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

/// Revenue in hundredths of a cent, from the text of the file by floats alone: 9.80000019 is 980 cents.
fn amount(line: &HashMap<String, String>) -> i64 {
    let hundredths = |field: &str| (line[field].parse::<f64>().unwrap() * 100.0).round();
    let exact = hundredths("unit_price")
        * line["quantity"].parse::<f64>().unwrap()
        * (100.0 - hundredths("discount"));
    format!("{exact:.0}").parse().unwrap()
}

/// Revenue of the file by some property of its orders.
fn revenue_by(property: impl Fn(&HashMap<String, String>) -> String) -> BTreeMap<String, i64> {
    let orders: HashMap<String, String> = rows("orders")
        .iter()
        .map(|order| (order["order_id"].clone(), property(order)))
        .collect();
    let mut sums = BTreeMap::new();
    for line in rows("order_details") {
        *sums.entry(orders[&line["order_id"]].clone()).or_default() += amount(&line);
    }
    sums
}

struct Run {
    grid: Grid,
    shop: Shop,
    screen: Screen<Vec<u8>>,
}

impl Run {
    async fn start(database: Database) -> Run {
        let grid = Grid::builder().build().await.unwrap();
        let shop = Shop::new(Caches::of_grid(&grid).await.unwrap(), database);
        Run {
            grid,
            shop,
            screen: Screen::new(Vec::new(), false),
        }
    }

    async fn loaded(orders: Option<usize>) -> Run {
        let mut run = Run::start(Database::open(None).unwrap()).await;
        load(&run.shop, orders, &mut run.screen).await.unwrap();
        run
    }

    async fn end(self) -> String {
        self.grid.shutdown().await;
        String::from_utf8(self.screen.into_inner()).unwrap()
    }
}

#[tokio::test]
async fn the_report_has_the_figures_of_the_files() {
    let run = Run::loaded(None).await;
    let figures = Figures::read(&run.shop).await.unwrap();
    let total: i64 = rows("order_details").iter().map(amount).sum();
    assert_eq!(
        total, 12_657_930_395,
        "sum(unit_price * quantity * (1 - discount))"
    );
    assert_eq!(figures.revenue, Amount::from_ten_thousandths(total));
    assert_eq!((figures.orders, figures.lines), (830, 2_155));

    let months = revenue_by(|order| order["order_date"][..7].to_owned());
    assert_eq!(months.len(), 23);
    let by_month = figures.months.iter().zip(figures.revenue_by_month());
    let reported: BTreeMap<String, i64> = by_month
        .map(|(month, amount)| (month.to_string(), amount.ten_thousandths()))
        .collect();
    assert_eq!(reported, months);

    let country_of: HashMap<String, String> = rows("customers")
        .iter()
        .map(|row| (row["customer_id"].clone(), row["country"].clone()))
        .collect();
    let countries = revenue_by(|order| country_of[&order["customer_id"]].clone());
    let reported: BTreeMap<String, i64> = figures
        .countries
        .iter()
        .map(|it| (it.country.clone(), it.revenue.ten_thousandths()))
        .collect();
    assert_eq!(reported, countries);
    assert!(figures.countries.is_sorted_by(|a, b| a.revenue >= b.revenue));
    let by_country_and_month = revenue_by(|order| {
        format!(
            "{} {}",
            country_of[&order["customer_id"]],
            &order["order_date"][..7]
        )
    });
    for country in &figures.countries {
        for (month, amount) in figures.months.iter().zip(&country.by_month) {
            let expected = by_country_and_month
                .get(&format!("{} {month}", country.country))
                .copied();
            assert_eq!(
                amount.ten_thousandths(),
                expected.unwrap_or(0),
                "{} {month}",
                country.country
            );
        }
    }

    let customers = revenue_by(|order| order["customer_id"].clone());
    assert_eq!(figures.customers.len(), customers.len());
    for customer in &figures.customers {
        assert_eq!(
            customer.revenue.ten_thousandths(),
            customers[&customer.customer_id]
        );
    }
    assert_eq!(figures.customers[0].company_name, "QUICK-Stop");
    assert_eq!(figures.products[0].product_name, "Côte de Blaye");
    let top: Amount = figures.top_countries(5).iter().map(|it| it.revenue).sum();
    assert_eq!(
        top, figures.revenue,
        "the countries with a column and the others are all"
    );
    run.end().await;
}

#[tokio::test]
async fn caches_and_database_have_the_same_entities() {
    let run = Run::loaded(Some(2_345)).await;
    let orders: Vec<Order> = run.shop.orders.stream().try_collect().await.unwrap();
    assert_eq!(orders.len(), 2_345);
    for order in &orders {
        let stored = run.shop.orders.store().load(&order.order_id).await.unwrap();
        assert_eq!(stored.as_ref(), Some(order));
    }
    let lines: Vec<LineItem> = run.shop.lines.stream().try_collect().await.unwrap();
    assert_eq!(
        lines.len(),
        orders.iter().map(|order| order.lines.len()).sum::<usize>()
    );
    let keys: Vec<LineKey> = lines.iter().map(Entity::key).collect();
    let mut stored = run.shop.lines.store().load_all(&keys).await.unwrap();
    stored.sort_by_key(Entity::key);
    let mut lines = lines;
    lines.sort_by_key(Entity::key);
    assert_eq!(stored, lines);
    run.end().await;
}

#[tokio::test]
async fn a_lookup_takes_four_operations_and_no_database() {
    let mut run = Run::loaded(None).await;
    let view = look_up(&run.shop, 10_248, &mut run.screen).await.unwrap();
    assert_eq!(view.customer.company_name, "Vins et alcools Chevalier");
    assert_eq!(view.total(), Amount::from_ten_thousandths(4_400_000));
    assert_eq!(view.products[&72].product_name, "Mozzarella di Giovanni");
    let error = run.shop.view(1).await.unwrap_err();
    assert!(matches!(error, ShopError::NoOrder(1)), "{error}");
    let text = run.end().await;
    assert!(
        text.contains("4 cache operations, 0 rows read from the database"),
        "{text}"
    );
}

#[tokio::test]
async fn changes_are_written_through_and_heard_of() {
    let mut run = Run::loaded(None).await;
    let before = run.shop.database.contents().await.unwrap();
    let journal = show_changes(&run.shop, &mut run.screen).await.unwrap();
    assert_eq!(journal.shown(), CHANGE_EVENTS);
    assert_eq!(
        run.shop.database.contents().await.unwrap(),
        before,
        "the order that was placed is cancelled"
    );
    assert!(!run.shop.orders.exists(&11_078).await.unwrap());
    assert_eq!(run.shop.orders.cache().size().await.unwrap(), 830);
    assert_eq!(run.shop.lines.cache().size().await.unwrap(), 2_155);
    let text = run.end().await;
    let mut rest = text.as_str();
    for expected in [
        "event   + order 11078 inserted",
        "event   + line 11078:11 inserted",
        "SQLite  order 11078, ship_via 1: 10 × product 11, 5 × product 42, 8 × product 72; total 551.40",
        "event   ~ order 11078 updated: ship_via 1 → 2",
        "event   ~ line 11078:11 updated: quantity 10 → 25",
        "SQLite  order 11078, ship_via 2: 25 × product 11, 5 × product 42, 8 × product 72; total 866.40",
        "CHECK constraint failed: quantity > 0",
        "cache and database both have 25 still",
        "event   - order 11078 deleted",
        "SQLite  no order 11078, 0 lines of it",
    ] {
        let at = rest
            .find(expected)
            .unwrap_or_else(|| panic!("{expected:?} is not in, or before:\n{text}"));
        rest = &rest[at..];
    }
}

#[tokio::test]
async fn an_order_whose_lines_are_refused_is_not_placed() {
    let run = Run::loaded(None).await;
    let view = run.shop.view(10_248).await.unwrap();
    let mut order = view.order.clone();
    order.order_id = 20_000;
    let mut lines = view.lines.clone();
    lines.iter_mut().for_each(|line| line.order_id = 20_000);
    lines[2].quantity = 0;
    let placed = orders::data::PlacedOrder {
        order: order.clone(),
        lines,
    };
    let error = run.shop.place(placed).await.unwrap_err();
    assert!(error.to_string().contains("quantity > 0"), "{error}");
    assert!(!run.shop.orders.exists(&20_000).await.unwrap());
    assert_eq!(run.shop.lines.count().await.unwrap(), 2_155);
    order.customer_id = grid_core::repository::Ref::to("NOONE".to_owned());
    let error = run.shop.orders.save(&order).await.unwrap_err();
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
    assert!(run.shop.orders.cache().get(&20_000).await.unwrap().is_none());
    run.end().await;
}

#[tokio::test]
async fn cold_caches_read_each_row_once() {
    let mut run = Run::loaded(None).await;
    browse(&run.shop, 10_248, 830, &mut run.screen).await.unwrap();
    assert_eq!(
        run.shop.customers.statistics().loads,
        89,
        "two customers never ordered"
    );
    assert_eq!(run.shop.products.statistics().loads, 77);
    assert_eq!(run.shop.customers.count().await.unwrap(), 91);
    let statistics = run.shop.customers.statistics();
    assert_eq!((statistics.hits, statistics.misses), (830 - 89, 89));
    let text = run.end().await;
    assert!(text.contains("830 orders looked up"), "{text}");
}

#[tokio::test]
async fn a_database_is_kept_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.db");
    let mut run = Run::start(Database::open(Some(&path)).unwrap()).await;
    let filled = load(&run.shop, Some(1_500), &mut run.screen).await.unwrap();
    let figures = Figures::read(&run.shop).await.unwrap();
    run.end().await;

    let mut run = Run::start(Database::open(Some(&path)).unwrap()).await;
    let error = load(&run.shop, Some(10), &mut run.screen).await.unwrap_err();
    assert!(error.to_string().contains("has 1500 orders already"), "{error}");
    assert_eq!(load(&run.shop, None, &mut run.screen).await.unwrap(), filled);
    let again = Figures::read(&run.shop).await.unwrap();
    assert_eq!(again.countries, figures.countries);
    assert_eq!(again.revenue, figures.revenue);
    run.end().await;

    std::fs::write(&path, "this is no database at all, but a text of some length").unwrap();
    let error = Database::open(Some(&path)).unwrap_err();
    assert!(error.to_string().contains("--database"), "{error}");
}

#[tokio::test]
async fn the_page_is_well_formed_and_has_the_figures() {
    let mut run = Run::loaded(None).await;
    browse(&run.shop, 10_248, 100, &mut run.screen).await.unwrap();
    let figures = Figures::read(&run.shop).await.unwrap();
    let page = report::page(&figures).unwrap();
    run.end().await;

    let (mut text, mut bars, mut open) = (String::new(), 0, 0_i32);
    let mut reader = Reader::from_str(&page);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                open += 1;
                bars += i32::from(tag.name().as_ref() == "rect");
                assert!(tag.attributes().all(|attribute| attribute.is_ok()));
            }
            Event::End(_) => open -= 1,
            Event::Text(piece) => text.push_str(&piece),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0);
    assert_eq!(bars, 23 * 7, "a bar for each month and series");
    for expected in [
        "$1,265,793.04",
        "$1,525.05",
        "QUICK-Stop",
        "$110,277.31",
        "Côte de Blaye",
        "1998-04 USA: $30,175.59",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing");
    }
    for elsewhere in ["http:", "https:", "src=", "url("] {
        assert!(
            !page.contains(elsewhere),
            "the page needs something beside itself: {elsewhere}"
        );
    }
    let tables = [
        report::revenue_by_month(&figures),
        report::best_customers(&figures, 10),
    ];
    assert!(tables[0].to_string().contains("1,265,793") && tables[1].to_string().contains("110,277.31"));
    assert!(
        report::hit_ratios(&figures)
            .to_string()
            .contains("orderlineitems")
    );
}

#[tokio::test]
async fn three_members_hold_all_of_it_and_one_may_leave() {
    let mut members = Members::start(3).await.unwrap();
    let holdings = members.holdings();
    let primaries: Vec<_> = holdings.iter().map(|holding| holding.primaries).collect();
    assert_eq!(primaries.iter().sum::<usize>(), 257);
    assert!(
        primaries.iter().all(|count| (85..=86).contains(count)),
        "{holdings:?}"
    );
    let caches = Caches::of_grid(members.first()).await.unwrap();
    let shop = Shop::new(caches, Database::open(None).unwrap());
    let mut screen = Screen::new(Vec::new(), false);
    load(&shop, None, &mut screen).await.unwrap();
    show_changes(&shop, &mut screen).await.unwrap();
    show_leaving(&shop, &mut members, &mut screen).await.unwrap();
    assert_eq!(members.count(), 2);
    let figures = Figures::read(&shop).await.unwrap();
    members.shutdown().await;
    let text = String::from_utf8(screen.into_inner()).unwrap();
    assert!(
        text.contains("member-3 hands its partitions over and leaves"),
        "{text}"
    );
    assert!(text.contains("830 orders, 2155 order lines"), "{text}");
    let events = text.matches("  event ").count();
    assert_eq!(events, CHANGE_EVENTS, "{text}");
    assert!(report::totals(&figures).contains("830 orders"));
}

#[tokio::test]
async fn it_joins_a_cluster_as_a_member_without_entries() {
    let there = Members::start(2).await.unwrap();
    let address = there.first().cluster().unwrap().local_addr().to_string();
    let here = Members::join("orders", vec![address]).await.unwrap();
    let caches = Caches::of_grid(here.first()).await.unwrap();
    let shop = Shop::new(caches, Database::open(None).unwrap());
    let mut screen = Screen::new(Vec::new(), false);
    load(&shop, Some(100), &mut screen).await.unwrap();
    show_changes(&shop, &mut screen).await.unwrap();
    let of_them = Caches::of_grid(there.first()).await.unwrap();
    assert_eq!(of_them.orders.size().await.unwrap(), 100);
    assert_eq!(here.holdings().len(), 2, "the one that joined holds nothing");
    here.shutdown().await;
    assert_eq!(of_them.orders.size().await.unwrap(), 100);
    there.shutdown().await;
}
