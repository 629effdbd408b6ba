//! What the report says, as numbers.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::TryStreamExt;
use grid_core::repository::RepositoryStatistics;

use crate::model::{Amount, Customer, LineItem, Month, OrderId, Product, ProductId};
use crate::shop::{Shop, ShopError};

/// What came from one country.
#[derive(Clone, Debug, PartialEq)]
pub struct CountryRevenue {
    /// The country of the customers.
    pub country: String,
    /// All months together.
    pub revenue: Amount,
    /// Each of [`Figures::months`].
    pub by_month: Vec<Amount>,
}

/// What came from one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerRevenue {
    /// The customer's key.
    pub customer_id: String,
    /// The name.
    pub company_name: String,
    /// The country.
    pub country: String,
    /// How many orders.
    pub orders: usize,
    /// All orders together.
    pub revenue: Amount,
}

/// What came from one product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductRevenue {
    /// The product's number.
    pub product_id: ProductId,
    /// The name.
    pub product_name: String,
    /// How many were sold.
    pub units: u64,
    /// All lines together.
    pub revenue: Amount,
}

/// How a cache served.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheFigures {
    /// The cache's name.
    pub cache: &'static str,
    /// How many entries it has.
    pub entries: usize,
    /// What its repository did.
    pub statistics: RepositoryStatistics,
}

/// The whole report. Lists go from the highest revenue to the lowest, and by name where that is equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The sum of all lines.
    pub revenue: Amount,
    /// How many orders.
    pub orders: usize,
    /// How many lines.
    pub lines: usize,
    /// Every month from the first order to the last.
    pub months: Vec<Month>,
    /// Every country that ordered.
    pub countries: Vec<CountryRevenue>,
    /// Every customer who ordered.
    pub customers: Vec<CustomerRevenue>,
    /// Every product that was ordered.
    pub products: Vec<ProductRevenue>,
    /// The four caches.
    pub caches: Vec<CacheFigures>,
}

/// Of an order, what its lines are counted under. Kept for each order while the lines go by: 8 bytes, and the key.
#[derive(Clone, Copy, Debug)]
struct Slot {
    customer: u32,
    month: u32,
}

#[derive(Debug, Default)]
struct Orders {
    slots: HashMap<OrderId, Slot>,
    customers: Vec<(String, usize)>,
    months: Vec<Month>,
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Every month from the first to the last of these.
fn span(months: impl Iterator<Item = Month> + Clone) -> Vec<Month> {
    let ends = months.clone().min().zip(months.max());
    ends.map_or(Vec::new(), |(first, last)| {
        std::iter::successors(Some(first), |month| {
            Some(month.next()).filter(|next| *next <= last)
        })
        .collect()
    })
}

impl Orders {
    /// Goes through the orders once, page by page.
    async fn read(shop: &Shop) -> Result<Self, ShopError> {
        let mut customers: Vec<(String, usize)> = Vec::new();
        let mut customer_numbers: HashMap<String, u32> = HashMap::new();
        let mut months: Vec<Month> = Vec::new();
        let mut slots = HashMap::new();
        let mut orders = shop.orders.stream();
        while let Some(order) = orders.try_next().await? {
            let count = u32::try_from(customers.len()).unwrap_or(u32::MAX);
            let customer = *customer_numbers
                .entry(order.customer_id.key().clone())
                .or_insert_with(|| {
                    customers.push((order.customer_id.key().clone(), 0));
                    count
                });
            customers[index(customer)].1 += 1;
            let month = order.order_date.month();
            let at = months
                .iter()
                .position(|known| *known == month)
                .unwrap_or_else(|| {
                    months.push(month);
                    months.len() - 1
                });
            slots.insert(
                order.order_id,
                Slot {
                    customer,
                    month: u32::try_from(at).unwrap_or(u32::MAX),
                },
            );
        }
        // Months were numbered as they came; from here on they are in their order.
        let sorted = span(months.iter().copied());
        let place = |month: &Month| sorted.iter().position(|known| known == month).unwrap_or(0);
        let places: Vec<u32> = months
            .iter()
            .map(|month| u32::try_from(place(month)).unwrap_or(u32::MAX))
            .collect();
        slots
            .values_mut()
            .for_each(|slot| slot.month = places[index(slot.month)]);
        Ok(Orders {
            slots,
            customers,
            months: sorted,
        })
    }
}

#[derive(Debug, Default)]
struct Sums {
    lines: usize,
    by_customer: Vec<Vec<Amount>>,
    by_product: BTreeMap<ProductId, (u64, Amount)>,
}

impl Sums {
    fn add(&mut self, slot: Slot, line: &LineItem) {
        self.lines += 1;
        self.by_customer[index(slot.customer)][index(slot.month)] += line.amount();
        let (units, revenue) = self.by_product.entry(*line.product_id.key()).or_default();
        *units += u64::from(line.quantity);
        *revenue += line.amount();
    }
}

impl Figures {
    /// Reads the caches once, page by page, and counts. Takes 30 bytes or so an order, and no more for lines.
    ///
    /// # Errors
    /// When a cache or the database fails.
    pub async fn read(shop: &Shop) -> Result<Self, ShopError> {
        let orders = Orders::read(shop).await?;
        let none = vec![Amount::ZERO; orders.months.len()];
        let mut sums = Sums {
            by_customer: vec![none; orders.customers.len()],
            ..Sums::default()
        };
        let mut lines = shop.lines.stream();
        while let Some(line) = lines.try_next().await? {
            // On a server, a line may come whose order was placed after the orders were read.
            if let Some(slot) = orders.slots.get(&line.order_id) {
                sums.add(*slot, &line);
            }
        }
        let ids: Vec<String> = orders.customers.iter().map(|(id, _)| id.clone()).collect();
        let known_customers = shop.customers.find_all(&ids).await?;
        let product_ids: Vec<ProductId> = sums.by_product.keys().copied().collect();
        let known_products = shop.products.find_all(&product_ids).await?;
        let customers = customers(&orders, &sums, &known_customers);
        Ok(Figures {
            revenue: customers.iter().map(|customer| customer.revenue).sum(),
            orders: orders.slots.len(),
            lines: sums.lines,
            countries: countries(&orders, &sums, &known_customers),
            customers,
            products: products(sums.by_product, &known_products),
            caches: caches(shop).await?,
            months: orders.months,
        })
    }

    /// The first `count` countries, and the rest together under the name `others` if there is any.
    #[must_use]
    pub fn top_countries(&self, count: usize) -> Vec<CountryRevenue> {
        let (top, rest) = self.countries.split_at(count.min(self.countries.len()));
        let mut series = top.to_vec();
        if !rest.is_empty() {
            let by_month = (0..self.months.len())
                .map(|at| rest.iter().map(|it| it.by_month[at]).sum())
                .collect();
            let revenue = rest.iter().map(|it| it.revenue).sum();
            series.push(CountryRevenue {
                country: "others".to_owned(),
                revenue,
                by_month,
            });
        }
        series
    }

    /// The revenue of each of [`Figures::months`].
    #[must_use]
    pub fn revenue_by_month(&self) -> Vec<Amount> {
        let of_month = |at: usize| self.countries.iter().map(|country| country.by_month[at]).sum();
        (0..self.months.len()).map(of_month).collect()
    }

    /// How many countries customers ordered from.
    #[must_use]
    pub fn country_count(&self) -> usize {
        self.countries
            .iter()
            .map(|country| &country.country)
            .collect::<HashSet<_>>()
            .len()
    }
}

fn country_of<'a>(id: &str, customers: &'a HashMap<String, Customer>) -> &'a str {
    customers.get(id).map_or("unknown", |customer| &customer.country)
}

fn customers(orders: &Orders, sums: &Sums, known: &HashMap<String, Customer>) -> Vec<CustomerRevenue> {
    let mut list: Vec<CustomerRevenue> = orders
        .customers
        .iter()
        .zip(&sums.by_customer)
        .map(|((id, orders), by_month)| CustomerRevenue {
            customer_id: id.clone(),
            company_name: known
                .get(id)
                .map_or_else(|| id.clone(), |customer| customer.company_name.clone()),
            country: country_of(id, known).to_owned(),
            orders: *orders,
            revenue: by_month.iter().copied().sum(),
        })
        .collect();
    list.sort_by(|a, b| {
        b.revenue
            .cmp(&a.revenue)
            .then_with(|| a.customer_id.cmp(&b.customer_id))
    });
    list
}

fn countries(orders: &Orders, sums: &Sums, known: &HashMap<String, Customer>) -> Vec<CountryRevenue> {
    let mut by_country: BTreeMap<&str, Vec<Amount>> = BTreeMap::new();
    for ((id, _), by_month) in orders.customers.iter().zip(&sums.by_customer) {
        let sums = by_country
            .entry(country_of(id, known))
            .or_insert_with(|| vec![Amount::ZERO; by_month.len()]);
        for (sum, amount) in sums.iter_mut().zip(by_month) {
            *sum += *amount;
        }
    }
    let revenue = |(country, by_month): (&str, Vec<Amount>)| CountryRevenue {
        country: country.to_owned(),
        revenue: by_month.iter().copied().sum(),
        by_month,
    };
    let mut list: Vec<CountryRevenue> = by_country.into_iter().map(revenue).collect();
    list.sort_by(|a, b| b.revenue.cmp(&a.revenue).then_with(|| a.country.cmp(&b.country)));
    list
}

fn products(
    sums: BTreeMap<ProductId, (u64, Amount)>,
    known: &HashMap<ProductId, Product>,
) -> Vec<ProductRevenue> {
    let name = |id: &ProductId| {
        known
            .get(id)
            .map_or_else(|| format!("product {id}"), |product| product.product_name.clone())
    };
    let mut list: Vec<ProductRevenue> = sums
        .into_iter()
        .map(|(product_id, (units, revenue))| ProductRevenue {
            product_id,
            product_name: name(&product_id),
            units,
            revenue,
        })
        .collect();
    list.sort_by(|a, b| {
        b.revenue
            .cmp(&a.revenue)
            .then_with(|| a.product_id.cmp(&b.product_id))
    });
    list
}

async fn caches(shop: &Shop) -> Result<Vec<CacheFigures>, ShopError> {
    let entries = [
        shop.customers.count().await?,
        shop.orders.count().await?,
        shop.lines.count().await?,
        shop.products.count().await?,
    ];
    let figures = |((cache, statistics), entries)| CacheFigures {
        cache,
        entries,
        statistics,
    };
    Ok(shop.statistics().into_iter().zip(entries).map(figures).collect())
}
