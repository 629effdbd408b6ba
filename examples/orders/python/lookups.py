"""Looks orders up in the caches of the orders example and prints each with its lines and total.

usage: lookups.py [ORDER_ID...]     (10248 10249 10250 when none is given)

GRID_ADDRESS names the server (127.0.0.1:1408). An order that is not in the caches yet is loaded, with its
customer, lines and products, from ../sample.json; one that is there is used as it is.
"""

import asyncio
import json
import logging
import math
import os
import sys
from pathlib import Path

from coherence import NamedCache, Options, Session

logging.getLogger("coherence").setLevel(logging.ERROR)
SAMPLE = Path(__file__).resolve().parent.parent / "sample.json"
CACHES = ("customers", "orders", "orderlineitems", "products")


def money(amount: float) -> str:
    """Cents are rounded half up, which every language of this example can do alike."""
    cents = math.floor(amount * 100 + 0.5)
    return f"{cents // 100}.{cents % 100:02d}"


def line_key(line: dict) -> str:
    return f"{line['order_id']}:{line['product_id']}"


async def load(caches: dict[str, NamedCache], order_id: int) -> None:
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    order = next((o for o in sample["orders"] if o["order_id"] == order_id), None)
    if order is None:
        sys.exit(f"order {order_id} is neither in the cache nor in {SAMPLE.name}; load it first")
    lines = {line_key(line): line for line in sample["orderlineitems"] if line["order_id"] == order_id}
    wanted = {line["product_id"] for line in lines.values()}
    await caches["products"].put_all({p["product_id"]: p for p in sample["products"] if p["product_id"] in wanted})
    await caches["customers"].put_all(
        {c["customer_id"]: c for c in sample["customers"] if c["customer_id"] == order["customer_id"]}
    )
    await caches["orderlineitems"].put_all(lines)
    # The order goes last: whoever finds it finds what it refers to.
    await caches["orders"].put(order_id, order)


async def by_keys(cache: NamedCache, keys: list) -> dict:
    """One getAll; the keys that the cache does not hold are left out."""
    return {entry.key: entry.value async for entry in await cache.get_all(set(keys))}


async def show(caches: dict[str, NamedCache], order_id: int) -> None:
    order = await caches["orders"].get(order_id)
    if order is None:
        await load(caches, order_id)
        order = await caches["orders"].get(order_id)
    customer = await caches["customers"].get(order["customer_id"])
    lines = await by_keys(caches["orderlineitems"], order["lines"])
    products = await by_keys(caches["products"], [line["product_id"] for line in lines.values()])

    print(f"order {order_id} of {order['order_date']}")
    print(f"customer {order['customer_id']}: {customer['company_name']}, {customer['city']}, {customer['country']}")
    total = 0.0
    for key in order["lines"]:
        line = lines[key]
        amount = line["unit_price"] * line["quantity"] * (1 - line["discount"])
        total += amount
        name = products[line["product_id"]]["product_name"]
        print(f"  {key} {name}: {line['quantity']} x {money(line['unit_price'])} = {money(amount)}")
    print(f"{len(lines)} lines, total {money(total)}")


async def main() -> None:
    orders = [int(argument) for argument in sys.argv[1:]] or [10248, 10249, 10250]
    session = await Session.create(Options(address=os.environ.get("GRID_ADDRESS", "127.0.0.1:1408")))
    try:
        caches = {name: await session.get_cache(name) for name in CACHES}
        for order_id in orders:
            await show(caches, order_id)
    finally:
        await session.close()


asyncio.run(main())
