// Looks orders up in the caches of the orders example and prints each with its lines and total.
//
// usage: node lookups.js [ORDER_ID...]     (10248 10249 10250 when none is given)
//
// GRID_ADDRESS names the server (127.0.0.1:1408). An order that is not in the caches yet is loaded, with its
// customer, lines and products, from sample.json; one that is there is used as it is.
'use strict'

const { readFileSync } = require('node:fs')
const path = require('node:path')
const { Session } = require('@oracle/coherence')

// The folder of sample.json: set where this program runs from a copy.
const SAMPLE = path.join(process.env.ORDERS_EXAMPLE || path.join(__dirname, '..'), 'sample.json')

// Cents are rounded half up, which every language of this example can do alike.
function money (amount) {
  const cents = Math.floor(amount * 100 + 0.5)
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
}

async function load (caches, orderId) {
  const sample = JSON.parse(readFileSync(SAMPLE, 'utf8'))
  const order = sample.orders.find(o => o.order_id === orderId)
  if (!order) {
    throw new Error(`order ${orderId} is neither in the cache nor in ${path.basename(SAMPLE)}; load it first`)
  }
  const lines = sample.orderlineitems.filter(line => line.order_id === orderId)
  const wanted = new Set(lines.map(line => line.product_id))
  const products = sample.products.filter(p => wanted.has(p.product_id))
  const customers = sample.customers.filter(c => c.customer_id === order.customer_id)
  await caches.products.setAll(new Map(products.map(p => [p.product_id, p])))
  await caches.customers.setAll(new Map(customers.map(c => [c.customer_id, c])))
  await caches.orderlineitems.setAll(new Map(lines.map(l => [`${l.order_id}:${l.product_id}`, l])))
  // The order goes last: whoever finds it finds what it refers to.
  await caches.orders.set(orderId, order)
}

async function show (caches, orderId) {
  let order = await caches.orders.get(orderId)
  if (order === null) {
    await load(caches, orderId)
    order = await caches.orders.get(orderId)
  }
  const customer = await caches.customers.get(order.customer_id)
  const lines = await caches.orderlineitems.getAll(order.lines)
  const products = await caches.products.getAll(new Set([...lines.values()].map(line => line.product_id)))

  console.log(`order ${orderId} of ${order.order_date}`)
  console.log(`customer ${order.customer_id}: ${customer.company_name}, ${customer.city}, ${customer.country}`)
  let total = 0
  for (const key of order.lines) {
    const line = lines.get(key)
    const amount = line.unit_price * line.quantity * (1 - line.discount)
    total += amount
    const name = products.get(line.product_id).product_name
    console.log(`  ${key} ${name}: ${line.quantity} x ${money(line.unit_price)} = ${money(amount)}`)
  }
  console.log(`${lines.size} lines, total ${money(total)}`)
}

async function main () {
  const given = process.argv.slice(2).map(Number)
  const session = new Session({ address: process.env.GRID_ADDRESS || '127.0.0.1:1408' })
  try {
    const caches = {}
    for (const name of ['customers', 'orders', 'orderlineitems', 'products']) {
      caches[name] = session.getCache(name)
    }
    for (const orderId of given.length > 0 ? given : [10248, 10249, 10250]) {
      await show(caches, orderId)
    }
  } finally {
    await session.close()
  }
}

main().catch(error => {
  console.error(error.message)
  process.exit(1)
})
