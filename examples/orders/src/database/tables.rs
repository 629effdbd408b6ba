//! The four tables, and how their columns become fields.

use grid_core::repository::{Entity, Ref};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, params};

use crate::model::{Customer, Date, Discount, LineItem, LineKey, Money, Order, OrderId, Product, ProductId};

use super::Table;

impl ToSql for Money {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.cents().into())
    }
}

impl FromSql for Money {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Money::from_cents)
    }
}

impl ToSql for Discount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.percent().into())
    }
}

impl FromSql for Discount {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let percent = u8::column_result(value)?;
        Discount::from_percent(percent).ok_or(FromSqlError::OutOfRange(percent.into()))
    }
}

impl ToSql for Date {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Date {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value
            .as_str()?
            .parse()
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl Table for Customer {
    const NAME: &'static str = "customers";
    const SELECT: &'static str = "SELECT customer_id, company_name, contact_name, contact_title, address, city, \
        region, postal_code, country, phone, fax FROM customers";
    const WHERE_KEY: &'static str = "WHERE customer_id = ?1";
    const WHERE_AFTER: &'static str = "WHERE customer_id > ?1";
    const ORDER_BY_KEY: &'static str = "customer_id";
    const UPSERT: &'static str = "INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
        ON CONFLICT DO UPDATE SET company_name = ?2, contact_name = ?3, contact_title = ?4, address = ?5, \
        city = ?6, region = ?7, postal_code = ?8, country = ?9, phone = ?10, fax = ?11";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Customer {
            customer_id: row.get(0)?,
            company_name: row.get(1)?,
            contact_name: row.get(2)?,
            contact_title: row.get(3)?,
            address: row.get(4)?,
            city: row.get(5)?,
            region: row.get(6)?,
            postal_code: row.get(7)?,
            country: row.get(8)?,
            phone: row.get(9)?,
            fax: row.get(10)?,
        })
    }

    fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            self.customer_id,
            self.company_name,
            self.contact_name,
            self.contact_title,
            self.address,
            self.city,
            self.region,
            self.postal_code,
            self.country,
            self.phone,
            self.fax,
        ])
    }

    fn with_key<T>(key: &String, run: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        run(&[key])
    }
}

impl Table for Product {
    const NAME: &'static str = "products";
    const SELECT: &'static str = "SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, \
        unit_price_cents, units_in_stock, units_on_order, reorder_level, discontinued FROM products";
    const WHERE_KEY: &'static str = "WHERE product_id = ?1";
    const WHERE_AFTER: &'static str = "WHERE product_id > ?1";
    const ORDER_BY_KEY: &'static str = "product_id";
    const UPSERT: &'static str = "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
        ON CONFLICT DO UPDATE SET product_name = ?2, supplier_id = ?3, category_id = ?4, quantity_per_unit = ?5, \
        unit_price_cents = ?6, units_in_stock = ?7, units_on_order = ?8, reorder_level = ?9, discontinued = ?10";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Product {
            product_id: row.get(0)?,
            product_name: row.get(1)?,
            supplier_id: row.get(2)?,
            category_id: row.get(3)?,
            quantity_per_unit: row.get(4)?,
            unit_price: row.get(5)?,
            units_in_stock: row.get(6)?,
            units_on_order: row.get(7)?,
            reorder_level: row.get(8)?,
            discontinued: row.get(9)?,
        })
    }

    fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            self.product_id,
            self.product_name,
            self.supplier_id,
            self.category_id,
            self.quantity_per_unit,
            self.unit_price,
            self.units_in_stock,
            self.units_on_order,
            self.reorder_level,
            self.discontinued,
        ])
    }

    fn with_key<T>(key: &ProductId, run: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        run(&[key])
    }
}

/// The references in a list of product numbers: `11,42,72`.
fn line_references(order_id: OrderId, products: Option<&str>) -> Result<Vec<Ref<LineItem>>, FromSqlError> {
    let reference = |product: &str| {
        let product_id = product
            .parse()
            .map_err(|error| FromSqlError::Other(Box::new(error)))?;
        Ok(Ref::to(LineKey { order_id, product_id }))
    };
    products
        .unwrap_or("")
        .split(',')
        .filter(|product| !product.is_empty())
        .map(reference)
        .collect()
}

impl Table for Order {
    const NAME: &'static str = "orders";
    const SELECT: &'static str = "SELECT order_id, customer_id, employee_id, order_date, required_date, \
        shipped_date, ship_via, freight_cents, ship_name, ship_address, ship_city, ship_region, \
        ship_postal_code, ship_country, (SELECT group_concat(product_id, ',' ORDER BY product_id) \
        FROM order_lines WHERE order_lines.order_id = orders.order_id) FROM orders";
    const WHERE_KEY: &'static str = "WHERE order_id = ?1";
    const WHERE_AFTER: &'static str = "WHERE order_id > ?1";
    const ORDER_BY_KEY: &'static str = "order_id";
    const UPSERT: &'static str = "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
        ?13, ?14) ON CONFLICT DO UPDATE SET customer_id = ?2, employee_id = ?3, order_date = ?4, \
        required_date = ?5, shipped_date = ?6, ship_via = ?7, freight_cents = ?8, ship_name = ?9, \
        ship_address = ?10, ship_city = ?11, ship_region = ?12, ship_postal_code = ?13, ship_country = ?14";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let order_id = row.get(0)?;
        let lines = row.get_ref(14)?.as_str_or_null()?;
        Ok(Order {
            order_id,
            customer_id: Ref::to(row.get(1)?),
            employee_id: row.get(2)?,
            order_date: row.get(3)?,
            required_date: row.get(4)?,
            shipped_date: row.get(5)?,
            ship_via: row.get(6)?,
            freight: row.get(7)?,
            ship_name: row.get(8)?,
            ship_address: row.get(9)?,
            ship_city: row.get(10)?,
            ship_region: row.get(11)?,
            ship_postal_code: row.get(12)?,
            ship_country: row.get(13)?,
            lines: line_references(order_id, lines)?,
        })
    }

    fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            self.order_id,
            self.customer_id.key(),
            self.employee_id,
            self.order_date,
            self.required_date,
            self.shipped_date,
            self.ship_via,
            self.freight,
            self.ship_name,
            self.ship_address,
            self.ship_city,
            self.ship_region,
            self.ship_postal_code,
            self.ship_country,
        ])
    }

    fn with_key<T>(key: &OrderId, run: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        run(&[key])
    }
}

impl Table for LineItem {
    const NAME: &'static str = "order_lines";
    const SELECT: &'static str =
        "SELECT order_id, product_id, unit_price_cents, quantity, discount_percent FROM order_lines";
    const WHERE_KEY: &'static str = "WHERE order_id = ?1 AND product_id = ?2";
    const WHERE_AFTER: &'static str = "WHERE (order_id, product_id) > (?1, ?2)";
    const ORDER_BY_KEY: &'static str = "order_id, product_id";
    const UPSERT: &'static str = "INSERT INTO order_lines VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT DO UPDATE SET unit_price_cents = ?3, quantity = ?4, discount_percent = ?5";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(LineItem {
            order_id: row.get(0)?,
            product_id: Ref::to(row.get(1)?),
            unit_price: row.get(2)?,
            quantity: row.get(3)?,
            discount: row.get(4)?,
        })
    }

    fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        let LineKey { order_id, product_id } = self.key();
        statement.execute(params![
            order_id,
            product_id,
            self.unit_price,
            self.quantity,
            self.discount
        ])
    }

    fn with_key<T>(key: &LineKey, run: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
        run(&[&key.order_id, &key.product_id])
    }
}
