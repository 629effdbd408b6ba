-- Money is in cents and a discount in percent, both integers, so that the database adds up exactly too.
-- Dates are ISO 8601 texts, which sort as dates do.

CREATE TABLE IF NOT EXISTS customers (
    customer_id   TEXT PRIMARY KEY NOT NULL CHECK (length(customer_id) > 0),
    company_name  TEXT NOT NULL,
    contact_name  TEXT NOT NULL,
    contact_title TEXT NOT NULL,
    address       TEXT NOT NULL,
    city          TEXT NOT NULL,
    region        TEXT,
    postal_code   TEXT,
    country       TEXT NOT NULL,
    phone         TEXT NOT NULL,
    fax           TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS products (
    product_id        INTEGER PRIMARY KEY NOT NULL,
    product_name      TEXT NOT NULL,
    supplier_id       INTEGER NOT NULL,
    category_id       INTEGER NOT NULL,
    quantity_per_unit TEXT NOT NULL,
    unit_price_cents  INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    units_in_stock    INTEGER NOT NULL CHECK (units_in_stock >= 0),
    units_on_order    INTEGER NOT NULL CHECK (units_on_order >= 0),
    reorder_level     INTEGER NOT NULL CHECK (reorder_level >= 0),
    discontinued      INTEGER NOT NULL CHECK (discontinued IN (0, 1))
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    order_id         INTEGER PRIMARY KEY NOT NULL,
    customer_id      TEXT NOT NULL REFERENCES customers,
    employee_id      INTEGER NOT NULL,
    order_date       TEXT NOT NULL CHECK (order_date LIKE '____-__-__'),
    required_date    TEXT NOT NULL CHECK (required_date LIKE '____-__-__'),
    shipped_date     TEXT CHECK (shipped_date LIKE '____-__-__'),
    ship_via         INTEGER NOT NULL,
    freight_cents    INTEGER NOT NULL CHECK (freight_cents >= 0),
    ship_name        TEXT NOT NULL,
    ship_address     TEXT NOT NULL,
    ship_city        TEXT NOT NULL,
    ship_region      TEXT,
    ship_postal_code TEXT,
    ship_country     TEXT NOT NULL
) STRICT;

-- The lines of an order go with it.
CREATE TABLE IF NOT EXISTS order_lines (
    order_id         INTEGER NOT NULL REFERENCES orders ON DELETE CASCADE,
    product_id       INTEGER NOT NULL REFERENCES products,
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    discount_percent INTEGER NOT NULL CHECK (discount_percent BETWEEN 0 AND 100),
    PRIMARY KEY (order_id, product_id)
) STRICT, WITHOUT ROWID;
