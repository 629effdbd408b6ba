// Command lookups looks orders up in the caches of the orders example and prints each with its lines and total.
//
// usage: lookups [ORDER_ID...]     (10248 10249 10250 when none is given)
//
// GRID_ADDRESS names the server (127.0.0.1:1408). An order that is not in the caches yet is loaded, with its
// customer, lines and products, from sample.json in the folder ORDERS_EXAMPLE (..); one that is there is used as it is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/oracle/coherence-go-client/v2/coherence"
)

type customer struct {
	CustomerID   string  `json:"customer_id"`
	CompanyName  string  `json:"company_name"`
	ContactName  *string `json:"contact_name"`
	ContactTitle *string `json:"contact_title"`
	Address      *string `json:"address"`
	City         string  `json:"city"`
	Region       *string `json:"region"`
	PostalCode   *string `json:"postal_code"`
	Country      string  `json:"country"`
	Phone        *string `json:"phone"`
	Fax          *string `json:"fax"`
}

type order struct {
	OrderID        int      `json:"order_id"`
	CustomerID     string   `json:"customer_id"`
	EmployeeID     int      `json:"employee_id"`
	OrderDate      string   `json:"order_date"`
	RequiredDate   *string  `json:"required_date"`
	ShippedDate    *string  `json:"shipped_date"`
	ShipVia        *int     `json:"ship_via"`
	Freight        float64  `json:"freight"`
	ShipName       *string  `json:"ship_name"`
	ShipAddress    *string  `json:"ship_address"`
	ShipCity       *string  `json:"ship_city"`
	ShipRegion     *string  `json:"ship_region"`
	ShipPostalCode *string  `json:"ship_postal_code"`
	ShipCountry    *string  `json:"ship_country"`
	Lines          []string `json:"lines"`
}

type line struct {
	OrderID   int     `json:"order_id"`
	ProductID int     `json:"product_id"`
	UnitPrice float64 `json:"unit_price"`
	Quantity  int     `json:"quantity"`
	Discount  float64 `json:"discount"`
}

// product keeps what this program does not read as it is, so that loading writes all of it.
type product map[string]any

type caches struct {
	customers coherence.NamedCache[string, customer]
	orders    coherence.NamedCache[int, order]
	lines     coherence.NamedCache[string, line]
	products  coherence.NamedCache[int, product]
}

func openCaches(session *coherence.Session) (*caches, error) {
	var (
		c   caches
		all [4]error
	)
	c.customers, all[0] = coherence.GetNamedCache[string, customer](session, "customers")
	c.orders, all[1] = coherence.GetNamedCache[int, order](session, "orders")
	c.lines, all[2] = coherence.GetNamedCache[string, line](session, "orderlineitems")
	c.products, all[3] = coherence.GetNamedCache[int, product](session, "products")
	return &c, errors.Join(all[:]...)
}

// money rounds cents half up, which every language of this example can do alike.
func money(amount float64) string {
	cents := int64(math.Floor(amount*100 + 0.5))
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}

func load(ctx context.Context, c *caches, orderID int) error {
	folder := os.Getenv("ORDERS_EXAMPLE")
	if folder == "" {
		folder = ".."
	}
	text, err := os.ReadFile(filepath.Join(folder, "sample.json"))
	if err != nil {
		return fmt.Errorf("order %d is not in the cache and cannot be loaded: %w", orderID, err)
	}
	var sample struct {
		Customers      []customer `json:"customers"`
		Orders         []order    `json:"orders"`
		OrderLineItems []line     `json:"orderlineitems"`
		Products       []product  `json:"products"`
	}
	if err = json.Unmarshal(text, &sample); err != nil {
		return fmt.Errorf("sample.json: %w", err)
	}
	for _, o := range sample.Orders {
		if o.OrderID != orderID {
			continue
		}
		lines, products, customers := map[string]line{}, map[int]product{}, map[string]customer{}
		for _, l := range sample.OrderLineItems {
			if l.OrderID == orderID {
				lines[fmt.Sprintf("%d:%d", l.OrderID, l.ProductID)] = l
				for _, p := range sample.Products {
					if int(p["product_id"].(float64)) == l.ProductID {
						products[l.ProductID] = p
					}
				}
			}
		}
		for _, one := range sample.Customers {
			if one.CustomerID == o.CustomerID {
				customers[one.CustomerID] = one
			}
		}
		err = errors.Join(c.products.PutAll(ctx, products), c.customers.PutAll(ctx, customers), c.lines.PutAll(ctx, lines))
		if err != nil {
			return err
		}
		// The order goes last: whoever finds it finds what it refers to.
		_, err = c.orders.Put(ctx, orderID, o)
		return err
	}
	return fmt.Errorf("order %d is neither in the cache nor in sample.json; load it first", orderID)
}

// byKeys is one getAll; the keys that the cache does not hold are left out.
func byKeys[K comparable, V any](ctx context.Context, cache coherence.NamedCache[K, V], keys []K) (map[K]V, error) {
	found := map[K]V{}
	for entry := range cache.GetAll(ctx, keys) {
		if entry.Err != nil {
			return nil, entry.Err
		}
		found[entry.Key] = entry.Value
	}
	return found, nil
}

func show(ctx context.Context, c *caches, orderID int) error {
	o, err := c.orders.Get(ctx, orderID)
	if err == nil && o == nil {
		if err = load(ctx, c, orderID); err == nil {
			o, err = c.orders.Get(ctx, orderID)
		}
	}
	if err != nil {
		return err
	}
	who, err := c.customers.Get(ctx, o.CustomerID)
	if err != nil {
		return err
	}
	lines, err := byKeys(ctx, c.lines, o.Lines)
	if err != nil {
		return err
	}
	var ids []int
	for _, l := range lines {
		ids = append(ids, l.ProductID)
	}
	products, err := byKeys(ctx, c.products, ids)
	if err != nil {
		return err
	}

	fmt.Printf("order %d of %s\n", orderID, o.OrderDate)
	fmt.Printf("customer %s: %s, %s, %s\n", o.CustomerID, who.CompanyName, who.City, who.Country)
	total := 0.0
	for _, key := range o.Lines {
		l := lines[key]
		// The conversions keep the compiler from fusing the steps, which would round otherwise than other languages.
		amount := float64(float64(l.UnitPrice*float64(l.Quantity)) * (1 - l.Discount))
		total += amount
		name := products[l.ProductID]["product_name"]
		fmt.Printf("  %s %s: %d x %s = %s\n", key, name, l.Quantity, money(l.UnitPrice), money(amount))
	}
	fmt.Printf("%d lines, total %s\n", len(lines), money(total))
	return nil
}

func run(ctx context.Context) error {
	address := os.Getenv("GRID_ADDRESS")
	if address == "" {
		address = "127.0.0.1:1408"
	}
	ids := []int{}
	for _, argument := range os.Args[1:] {
		id, err := strconv.Atoi(argument)
		if err != nil {
			return fmt.Errorf("%q is no order number", argument)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		ids = []int{10248, 10249, 10250}
	}
	session, err := coherence.NewSession(ctx, coherence.WithAddress(address), coherence.WithPlainText())
	if err != nil {
		return err
	}
	defer session.Close()
	c, err := openCaches(session)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err = show(ctx, c, id); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	// The client logs to the standard error at level INFO unless told otherwise.
	if os.Getenv("COHERENCE_LOG_LEVEL") == "" {
		_ = os.Setenv("COHERENCE_LOG_LEVEL", "ERROR")
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
