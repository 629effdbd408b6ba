#!/usr/bin/env python3
"""Compares a server with Coherence CE: both get the same seeded random operations through the official Python client,
and every operation whose outcome differs is printed.  Differences that were chosen (`chosen_difference`, and
ARCHITECTURE.md with the reasons) are counted on their own.

  parity.py --reference 127.0.0.1:1640 --subject 127.0.0.1:1408 --seed 1 --steps 300
  parity.py --record case.json --reference 127.0.0.1:1640 --seed 1 --steps 300
  parity.py --replay case.json --subject 127.0.0.1:1408

A step that the reference itself refuses is not compared, but the subject must still answer it, with a result or an
error, in time.  Top N is left out: on some inputs, whether or not values are equal, it sends the reference into an endless loop.

Of the events, those are left out that the reference does not tell as it should (`told_less_after`), and updates to an equal
value that it alone tells of (`same_events`).

Exit status: 0 when every outcome agrees or differs as chosen, 1 when one differs, 2 on a usage or connection error.
"""
from __future__ import annotations

import argparse
import asyncio
import decimal
import json
import os
import random
import sys

os.environ.setdefault("COHERENCE_LOG_LEVEL", "CRITICAL")

from coherence import (Aggregators, Comparator, Extractors, Filters, Options,  # noqa: E402
                       Processors, Session)
from coherence.cache_service_messages_v1_pb2 import QueryRequest  # noqa: E402
from coherence.comparator import ExtractorComparator  # noqa: E402
import coherence.serialization as serialization  # noqa: E402
from coherence.event import MapListener  # noqa: E402
from coherence.extractor import ValueExtractor  # noqa: E402
from coherence.filter import Filter  # noqa: E402
from coherence.util import RequestFactoryV1  # noqa: E402


class Entries(dict):
    """A map that came as a list of entries: it has no properties to the servers."""


def read_maps_with_nulls() -> None:
    """The client gives up its stream over a map that has null as a key or a value: both servers leave these out."""
    restore = serialization.JavaProxyUnpickler._restore

    def restore_all(self, value):
        has_entries = isinstance(value, dict) and isinstance(value.get("entries"), list)
        if has_entries:
            for entry in value["entries"]:
                if isinstance(entry, dict):
                    entry.setdefault("key", None)
                    entry.setdefault("value", None)
        restored = restore(self, value)
        return Entries(restored) if has_entries and type(restored) is dict else restored

    serialization.JavaProxyUnpickler._restore = restore_all
    # Nor can it name the place of what lies under a key that is null.
    serialization.JavaProxyUnpickler._refname = lambda self: "/" + "/".join(map(str, self._namestack))


def send_comparators() -> None:
    """Over version 1 the client leaves out the comparator of a query that has a filter."""
    create = RequestFactoryV1._create_named_cache_request

    def with_order(self, message, kind):
        order = getattr(self, "_order", None)
        if order is not None and isinstance(message, QueryRequest):
            message.comparator = self._serializer.serialize(order)
        return create(self, message, kind)

    def in_order_of(request):
        def ordered(self, filter=None, comparator=None):
            self._order = comparator
            try:
                return request(self, filter)
            finally:
                self._order = None

        return ordered

    RequestFactoryV1._create_named_cache_request = with_order
    for name in ("values_request", "entries_request"):
        setattr(RequestFactoryV1, name, in_order_of(getattr(RequestFactoryV1, name)))


# What both servers read, and this client has no class for.

@serialization.proxy("comparator.ChainedComparator")
class ChainedComparator:
    def __init__(self, comparators):
        self.comparators = comparators


@serialization.proxy("comparator.InverseComparator")
class Inverse:
    def __init__(self, comparator):
        self.comparator = comparator


@serialization.proxy("comparator.SafeComparator")
class Safe:
    def __init__(self, comparator):
        self.comparator = comparator


@serialization.proxy("filter.LimitFilter")
class LimitFilter(Filter):
    def __init__(self, filter, page_size, page):
        super().__init__()
        self.filter, self.pageSize, self.page = filter, page_size, page


@serialization.proxy("extractor.KeyExtractor")
class KeyExtractor(ValueExtractor):
    def __init__(self):
        super().__init__()
        self.extractor = Extractors.identity()


CITIES = ["Oslo", "Rome", "Lima", "Cairo", "Pune", "", "São Paulo"]
TAGS = ["red", "green", "blue", "x", "y"]


def record(r: random.Random, n: int) -> dict:
    return {
        "id": n,
        "name": r.choice(["Ann", "Bob", "Cy", "Dee", "Éva", "o'Neil"]) + str(r.randrange(5)),
        "age": r.choice([r.randrange(100), r.randrange(10), -3, 0]),
        "score": r.choice([r.randrange(1000) / 4, 0.5, -1.25, float(r.randrange(9))]),
        "active": r.random() < 0.5,
        "tags": r.sample(TAGS, r.randrange(4)),
        "address": {"city": r.choice(CITIES), "zip": r.randrange(3)},
        "note": r.choice([None, "a%b", "under_score", "line\nbreak", "AbC"]),
        "big": r.choice([2**31, 2**53 - 1, 5, -(2**40)]),
        # As good as unique.
        "rank": r.randrange(2**31),
    }


def scalar(r: random.Random):
    return r.choice([r.randrange(50), "v%d" % r.randrange(9), True, False, 1.5, ["a", 1], {"k": r.randrange(3)}])


def key(r: random.Random, kind: str):
    n = r.randrange(30)
    return {"int": n, "str": "k%d" % n, "mixed": n if n % 2 else "k%d" % n}[kind]


PROPS = ["id", "name", "age", "score", "active", "address.city", "address.zip", "note", "big"]
NUMS = ["id", "age", "score", "address.zip", "big"]


def value_for(r: random.Random, prop: str):
    rec = record(r, r.randrange(30))
    for part in prop.split("."):
        rec = rec[part]
    return rec


def gen_filter(r: random.Random, depth: int = 0):
    """A filter as a plain nested list, so that a case can be stored as JSON."""
    kinds = ["equals", "not_equals", "greater", "less", "greater_equals", "less_equals", "between",
             "in", "like", "ilike", "regex", "is_none", "is_not_none", "always", "never", "present",
             "contains", "contains_any", "contains_all", "method", "null", "unlike"]
    if depth == 0:
        kinds.append("key")
    if depth < 2:
        kinds += ["all", "any", "not", "and", "or", "xor"] * 2
    k = r.choice(kinds)
    if k in ("equals", "not_equals"):
        p = r.choice(PROPS)
        return [k, p, value_for(r, p)]
    if k in ("greater", "less", "greater_equals", "less_equals"):
        p = r.choice(NUMS + ["name"])
        return [k, p, value_for(r, p)]
    if k == "between":
        p = r.choice(["id", "age", "address.zip", "name", "score"])
        a, b = sorted(value_for(r, p) for _ in range(2)) if p in ("name", "score") else sorted(
            [r.randrange(30), r.randrange(60)])
        return [k, p, a, b, r.random() < 0.5, r.random() < 0.5]
    if k == "in":
        p = r.choice(["id", "age", "name"])
        return [k, p, sorted({value_for(r, p) for _ in range(4)}, key=str)]
    if k == "method":
        return [k, r.choice(["greater", "equals", "less_equals"]), r.choice(["name.length()", "tags.size()", "note.length()"]),
                r.randrange(7)]
    if k == "null":
        return [r.choice(["equals", "not_equals"]), r.choice(["note", "name", "missing"]), None]
    if k == "key":
        return [k, r.choice(["equals", "not_equals", "in"]), [r.choice([r.randrange(30), "k%d" % r.randrange(30)])]]
    if k == "unlike":
        return [r.choice(["equals", "not_equals", "greater"]), r.choice(["age", "name", "active"]), r.choice(["1", 1, True, 1.0])]
    if k == "like" and r.random() < 0.3:
        return ["like_escape", r.choice(["note", "name"]), r.choice(["a!%b", "%!_%", "!%%", "%!'%", "a!%%"])]
    if k in ("like", "ilike"):
        return [k, r.choice(["name", "address.city"]), r.choice(["A%", "%n%", "B_b%", "%1", "", "%", "b%", "_y3"])]
    if k == "regex":
        return [k, r.choice(["name", "address.city"]), r.choice(["A.*", ".*[0-2]", "(Bob|Cy).", "[A-Z].*", ""])]
    if k in ("is_none", "is_not_none"):
        return [k, r.choice(["note", "name", "missing"])]
    if k == "contains":
        return [k, "tags", r.choice(TAGS)]
    if k in ("contains_any", "contains_all"):
        return [k, "tags", r.sample(TAGS, 2)]
    if k in ("all", "any", "and", "or", "xor"):
        n = 2 if k in ("and", "or", "xor") else r.randrange(1, 4)
        return [k, [gen_filter(r, depth + 1) for _ in range(n)]]
    if k == "not":
        return [k, gen_filter(r, depth + 1)]
    return [k]


def to_filter(f):
    k = f[0]
    simple = {"equals": Filters.equals, "not_equals": Filters.not_equals, "greater": Filters.greater,
              "less": Filters.less, "greater_equals": Filters.greater_equals, "less_equals": Filters.less_equals,
              "regex": Filters.regex, "contains": Filters.array_contains}
    if k == "method":
        return simple[f[1]](f[2], f[3])
    if k == "key":
        return Filters.is_in(KeyExtractor(), set(f[2])) if f[1] == "in" else simple[f[1]](KeyExtractor(), f[2][0])
    if k == "like_escape":
        return Filters.like(f[1], f[2], escape="!")
    if k in simple:
        return simple[k](f[1], f[2])
    if k == "between":
        return Filters.between(f[1], f[2], f[3], f[4], f[5])
    if k == "in":
        return Filters.is_in(f[1], set(f[2]))
    if k == "like":
        return Filters.like(f[1], f[2])
    if k == "ilike":
        return Filters.like(f[1], f[2], ignore_case=True)
    if k == "is_none":
        return Filters.is_none(f[1])
    if k == "is_not_none":
        return Filters.is_not_none(f[1])
    if k == "contains_any":
        return Filters.array_contains_any(f[1], set(f[2]))
    if k == "contains_all":
        return Filters.array_contains_all(f[1], set(f[2]))
    if k == "all":
        return Filters.all([to_filter(x) for x in f[1]])
    if k == "any":
        return Filters.any([to_filter(x) for x in f[1]])
    if k == "and":
        return to_filter(f[1][0]).And(to_filter(f[1][1]))
    if k == "or":
        return to_filter(f[1][0]).Or(to_filter(f[1][1]))
    if k == "xor":
        return to_filter(f[1][0]).Xor(to_filter(f[1][1]))
    if k == "not":
        return Filters.negate(to_filter(f[1]))
    return {"always": Filters.always, "never": Filters.never, "present": Filters.present}[k]()


def gen_agg(r: random.Random, depth: int = 0):
    k = r.choice(["count", "sum", "average", "min", "max", "distinct", "reduce", "group"])
    if k == "count":
        return [k]
    if k in ("sum", "average"):
        return [k, r.choice(NUMS)]
    if k in ("min", "max"):
        return [k, r.choice(NUMS + ["name"])]
    if k == "distinct":
        return [k, r.choice(["age", "name", "address.city", "active"])]
    if k == "reduce":
        return [k, r.choice(["name", "age"])]
    if depth:
        return ["count"]
    return ["group", r.choice(["active", "address.city", "address.zip"]), gen_agg(r, 1),
            gen_filter(r, 1) if r.random() < 0.3 else None]


def to_agg(a):
    k = a[0]
    if k == "count":
        return Aggregators.count()
    if k == "group":
        return Aggregators.group_by(a[1], to_agg(a[2]), to_filter(a[3]) if a[3] else None)
    return {"sum": Aggregators.sum, "average": Aggregators.average, "min": Aggregators.min,
            "max": Aggregators.max, "distinct": Aggregators.distinct, "reduce": Aggregators.reduce}[k](a[1])


ORDERED = ["id", "age", "name", "note", "address.city", "score"]


def gen_order(r: random.Random) -> list:
    """Columns, each with whether it ascends; those that may be null are compared safely."""
    return [[p, r.random() < 0.5] for p in r.sample(ORDERED, r.choice([1, 1, 2]))]


def to_order(order):
    def column(name, ascends):
        comparator = ExtractorComparator(name)
        comparator.extractor = Extractors.extract(name)
        return Safe(comparator) if ascends else Inverse(Safe(comparator))

    columns = [column(*c) for c in order]
    return columns[0] if len(columns) == 1 else ChainedComparator(columns)


def columns_of(value, order) -> list:
    """What a value has in the columns, which is all that shows of the order of equal ones."""
    out = []
    for name, _ in order:
        part = value
        for step in name.split("."):
            part = part.get(step) if type(part) is dict else None
        out.append(norm(part))
    return out


def gen_proc(r: random.Random):
    k = r.choice(["cput", "cput_ret", "cremove", "cremove_ret", "extract", "incr", "incr_post", "mult",
                  "nop", "touch", "update", "update_new", "then", "when", "preload"])
    if k.startswith("cput"):
        return [k, gen_filter(r, 1), record(r, r.randrange(30))]
    if k.startswith("cremove"):
        return [k, gen_filter(r, 1)]
    if k == "extract":
        return [k, r.choice(PROPS + ["missing"])]
    if k in ("incr", "incr_post", "mult"):
        return [k, r.choice(["age", "score", "address.zip"]), r.choice([1, 5, -2])]
    if k == "update":
        p = r.choice(["name", "age", "address.city"])
        return [k, p, value_for(r, p)]
    if k == "update_new":
        return [k, "extra", r.randrange(5)]
    if k == "then":
        return [k, ["extract", "age"], ["incr", "age", 1]]
    if k == "when":
        return [k, gen_filter(r, 1), ["incr", "age", 2]]
    return [k]


def to_proc(p):
    k = p[0]
    if k == "cput":
        return Processors.conditional_put(to_filter(p[1]), p[2])
    if k == "cput_ret":
        return Processors.conditional_put(to_filter(p[1]), p[2], True)
    if k == "cremove":
        return Processors.conditional_remove(to_filter(p[1]))
    if k == "cremove_ret":
        return Processors.conditional_remove(to_filter(p[1]), True)
    if k == "extract":
        return Processors.extract(p[1])
    if k == "incr":
        return Processors.increment(p[1], p[2])
    if k == "incr_post":
        return Processors.increment(p[1], p[2], True)
    if k == "mult":
        return Processors.multiply(p[1], p[2])
    if k in ("update", "update_new"):
        return Processors.update(p[1], p[2])
    if k == "then":
        return to_proc(p[1]).and_then(to_proc(p[2]))
    if k == "when":
        return to_proc(p[2]).when(to_filter(p[1]))
    return {"nop": Processors.nop, "touch": Processors.touch, "preload": Processors.preload}[k]()


WEIGHTS = [("put", 14), ("put_scalar", 3), ("put_all", 3), ("get", 8), ("get_all", 4), ("get_or_default", 3),
           ("put_if_absent", 4), ("remove", 5), ("remove_mapping", 3), ("replace", 3), ("replace_mapping", 3),
           ("contains_key", 3), ("contains_value", 2), ("size", 2), ("is_empty", 1), ("invoke", 10),
           ("invoke_all_keys", 3), ("invoke_all_filter", 4), ("aggregate", 8), ("aggregate_filter", 5),
           ("aggregate_keys", 2), ("keys", 4), ("values", 4), ("entries", 4), ("values_sorted", 3), ("entries_sorted", 2), ("pages", 2),
           ("keys_paged", 1), ("entries_paged", 1), ("add_index", 2), ("remove_index", 1), ("clear", 1),
           ("truncate", 1), ("listen_filter", 2), ("listen_key", 2), ("unlisten", 1)]


PLAIN = {"put", "put_scalar", "put_all", "get", "get_all", "get_or_default", "put_if_absent", "remove",
         "remove_mapping", "replace", "replace_mapping", "contains_key", "contains_value", "size", "is_empty",
         "keys_paged", "entries_paged", "clear", "truncate", "listen_key", "unlisten"}


def gen_case(seed: int, steps: int, kind: str, which: str = "all") -> dict:
    r = random.Random(seed)
    ops = []
    names = [n for n, w in WEIGHTS for _ in range(w) if which == "all" or n in PLAIN]
    for i in range(steps):
        n = "put" if i < 15 else r.choice(names)
        k = key(r, kind)
        if n in ("put", "put_if_absent", "replace"):
            ops.append([n, k, record(r, r.randrange(30))])
        elif n == "put_scalar":
            ops.append(["put", "s%d" % r.randrange(5) if kind != "int" else 1000 + r.randrange(5), record(r, 1)])
        elif n == "put_all":
            ops.append([n, [[key(r, kind), record(r, j)] for j in range(r.randrange(1, 6))]])
        elif n in ("get", "remove", "contains_key", "listen_key"):
            ops.append([n, k])
        elif n == "get_or_default":
            ops.append([n, k, "dflt"])
        elif n in ("remove_mapping", "contains_value", "replace_mapping"):
            ops.append([n, k, r.random() < 0.6, record(r, 3), record(r, 4)])
        elif n in ("get_all", "aggregate_keys", "invoke_all_keys"):
            ks = list(dict.fromkeys(key(r, kind) for _ in range(r.randrange(1, 8))))
            ops.append([n, ks, gen_agg(r) if n == "aggregate_keys" else gen_proc(r)])
        elif n == "invoke":
            ops.append([n, k, gen_proc(r)])
        elif n == "invoke_all_filter":
            ops.append([n, gen_filter(r), gen_proc(r)])
        elif n == "aggregate":
            ops.append([n, gen_agg(r)])
        elif n == "aggregate_filter":
            ops.append([n, gen_agg(r), gen_filter(r)])
        elif n in ("keys", "values", "entries", "listen_filter"):
            ops.append([n, gen_filter(r)])
        elif n in ("values_sorted", "entries_sorted"):
            ops.append([n, gen_filter(r), gen_order(r)])
        elif n == "pages":
            ops.append([n, gen_filter(r, 1), r.choice([1, 3, 7, 100]), gen_order(r) + [["rank", True]] if r.random() < 0.5 else None])
        elif n in ("add_index", "remove_index"):
            ops.append([n, r.choice(["age", "name", "address.city"]), r.random() < 0.5])
        else:
            ops.append([n])
    return {"seed": seed, "kind": kind, "ops": ops}


def norm(v):
    if isinstance(v, decimal.Decimal):
        return norm(float(v))
    if isinstance(v, bool) or v is None or isinstance(v, str):
        return v
    if isinstance(v, (int, float)):
        return round(float(v), 6)
    if isinstance(v, dict):
        return {"{}": sorted(([norm(a), norm(b)] for a, b in v.items()), key=lambda x: json.dumps(x, sort_keys=True))}
    if isinstance(v, (set, frozenset)):
        return sorted((norm(x) for x in v), key=lambda x: json.dumps(x, sort_keys=True))
    if isinstance(v, (list, tuple)):
        return [norm(x) for x in v]
    if hasattr(v, "key") and hasattr(v, "value"):
        return [norm(v.key), norm(v.value)]
    if hasattr(v, "__dict__"):
        return norm({k: x for k, x in vars(v).items() if not k.startswith("_")})
    return str(v)


def unordered(items):
    return sorted((norm(x) for x in items), key=lambda x: json.dumps(x, sort_keys=True))


class Runner:
    def __init__(self, address: str, kind: str, seed: int):
        self.address, self.kind, self.seed = address, kind, seed

    async def start(self):
        self.session = await Session.create(Options(address=self.address, request_timeout_seconds=20.0))
        self.cache = await self.session.get_cache("parity-%d-%s" % (self.seed, self.kind))
        await self.cache.clear()
        self.events, self.listeners = [], []

    async def stop(self):
        await self.cache.destroy()
        await self.session.close()

    async def listen(self, on):
        tag = len(self.listeners)
        lst = MapListener().on_any(
            lambda e, tag=tag: self.events.append([tag, e.type.value, norm(e.key), norm(e.old), norm(e.new)]))
        await self.cache.add_map_listener(lst, on)
        self.listeners.append((lst, on))

    async def drain(self):
        last = -1
        for _ in range(40):
            await asyncio.sleep(0.05)
            if len(self.events) == last:
                break
            last = len(self.events)
        out, self.events = self.events, []
        return sorted(out, key=text_of)

    async def step(self, op):
        c, n = self.cache, op[0]
        try:
            return {"ok": await asyncio.wait_for(self.call(c, n, op), 15)}
        except asyncio.CancelledError:
            raise
        except TimeoutError:
            return {"timeout": True}
        except Exception as e:
            return {"error": True, "_text": "%s: %s" % (type(e).__name__, str(e)[:200])}

    async def pages(self, c, filter_, size, order):
        """The lengths of all pages up to the first that is empty, and what is on them together."""
        lengths, found, shown = [], [], []
        while not lengths or lengths[-1] and len(lengths) < 50:
            page = LimitFilter(filter_, size, len(lengths))
            out = [v async for v in await c.values(page, to_order(order) if order else None)]
            lengths.append(len(out))
            found += out
            shown += [columns_of(v, order) for v in out] if order else []
        return [lengths, shown, unordered(found)]

    async def call(self, c, n, op):
        if n in ("put", "put_if_absent", "replace"):
            return norm(await getattr(c, n)(op[1], op[2]))
        if n == "put_all":
            return norm(await c.put_all({k: v for k, v in op[1]}))
        if n in ("get", "remove", "contains_key"):
            return norm(await getattr(c, n)(op[1]))
        if n == "get_or_default":
            return norm(await c.get_or_default(op[1], op[2]))
        if n in ("remove_mapping", "contains_value", "replace_mapping"):
            current = await c.get(op[1])
            v = current if op[2] and current is not None else op[3]
            if n == "contains_value":
                return norm(await c.contains_value(v))
            if n == "remove_mapping":
                return norm(await c.remove_mapping(op[1], v))
            return norm(await c.replace_mapping(op[1], v, op[4]))
        if n == "get_all":
            return unordered([e async for e in await c.get_all(set(op[1]))])
        if n in ("size", "is_empty", "clear", "truncate"):
            return norm(await getattr(c, n)())
        if n == "invoke":
            return norm(await c.invoke(op[1], to_proc(op[2])))
        if n == "invoke_all_keys":
            return unordered([e async for e in await c.invoke_all(to_proc(op[2]), keys=set(op[1]))])
        if n == "invoke_all_filter":
            return unordered([e async for e in await c.invoke_all(to_proc(op[2]), filter=to_filter(op[1]))])
        if n.startswith("aggregate"):
            agg = op[1] if n != "aggregate_keys" else op[2]
            kw = {}
            if n == "aggregate_filter":
                kw["filter"] = to_filter(op[2])
            if n == "aggregate_keys":
                kw["keys"] = set(op[1])
            out = await c.aggregate(to_agg(agg), **kw)
            return unordered(out) if agg[0] in ("distinct",) and out is not None else norm(out)
        if n in ("keys", "values", "entries"):
            return unordered([e async for e in await getattr(c, n)(to_filter(op[1]))])
        if n == "values_sorted":
            out = [v async for v in await c.values(to_filter(op[1]), to_order(op[2]))]
            return [[columns_of(v, op[2]) for v in out], unordered(out)]
        if n == "entries_sorted":
            out = [e async for e in await c.entries(to_filter(op[1]), to_order(op[2]))]
            return [[columns_of(e.value, op[2]) for e in out], unordered(out)]
        if n == "pages":
            return await self.pages(c, to_filter(op[1]), op[2], op[3])
        if n in ("keys_paged", "entries_paged"):
            return unordered([e async for e in await getattr(c, n.split("_")[0])(by_page=True)])
        if n == "add_index":
            return norm(await c.add_index(Extractors.extract(op[1]), op[2]))
        if n == "remove_index":
            return norm(await c.remove_index(Extractors.extract(op[1])))
        if n == "listen_filter":
            return await self.listen(to_filter(op[1])) if len(self.listeners) < 4 else None
        if n == "listen_key":
            return await self.listen(op[1]) if len(self.listeners) < 4 else None
        if n == "unlisten":
            if self.listeners:
                lst, on = self.listeners.pop()
                await self.cache.remove_map_listener(lst, on)
            return None
        raise AssertionError(n)


MUTATING = {"put", "put_all", "put_if_absent", "remove", "remove_mapping", "replace", "replace_mapping",
            "invoke", "invoke_all_keys", "invoke_all_filter"}


CHANGES_OF_MANY = {"put_all", "invoke_all_keys", "invoke_all_filter"}


async def outcomes(address: str, case: dict, reference: list | None = None) -> list:
    """Every step's outcome.  A change that the reference refused is not sent, so that the states stay equal.  One of
    several entries may have been made for some of them: then both caches are emptied."""
    run = Runner(address, case["kind"], case["seed"])
    await run.start()
    out, told_less = [], told_less_after(case["ops"])
    try:
        for i, op in enumerate(case["ops"]):
            # What was told up to here is for the listeners that there were.
            if i and told_less[i] != told_less[i - 1]:
                out[-1]["events"] = sorted(out[-1].get("events", []) + await run.drain(), key=text_of)
            if reference and op[0] in MUTATING and "ok" not in reference[i]:
                out.append({"not_sent": True})
            else:
                out.append(await run.step(op))
            if op[0] in CHANGES_OF_MANY and "ok" not in (reference or out)[i]:
                await run.cache.clear()
                await run.drain()
            if i % 25 == 24 or i == len(case["ops"]) - 1:
                out[-1]["events"] = await run.drain()
    finally:
        await run.stop()
    return out


ORDERS = ("greater", "less", "greater_equals", "less_equals", "between")


def any_part(filter_, holds) -> bool:
    """Whether something holds of a filter or of a part of it."""
    if not isinstance(filter_, list) or not filter_:
        return False
    return holds(filter_) or any(any_part(part, holds) for part in filter_)


TYPES = {"age": int, "name": str, "active": bool}


def fails_on_reference(filter_: list) -> bool:
    """Whether a filter or a part of it may put in order what has none to the reference: integers of 32 and of 64 bits,
    values of different types, and a score that a processor has made an integer where there was none."""
    return any_part(filter_, lambda f: f[0] in ORDERS and isinstance(f[1], str) and (
        f[1] in ("big", "score") or type(f[2]) is not TYPES.get(f[1], type(f[2]))))


def told_less_after(ops: list) -> list:
    """The listeners, by number, that the reference may tell less than it should, after each operation.

    - It knows a client's listeners for a filter by the filter: one that comes takes the place of one that there is, and
      takes it along when it goes.
    - It removes one when the filter fails on an entry, be it in a part that need not have been looked at.
    - Where there is one of those, also listeners for keys: what a truncate has silenced is heard again by way of another
      listener's events."""
    after, filters, silent = [], [], set()
    for op in ops:
        if op[0] in ("listen_filter", "listen_key") and len(filters) < 4:
            filter_ = op[1] if op[0] == "listen_filter" else None
            # As text, since to Python 1 and true are equal.
            silent |= {tag for tag, other in enumerate(filters) if other and json.dumps(other) == json.dumps(filter_)}
            filters.append(filter_)
        elif op[0] == "unlisten" and filters:
            filters.pop()
            silent.discard(len(filters))
        less = silent | {tag for tag, filter_ in enumerate(filters) if filter_ and fails_on_reference(filter_)}
        after.append(less | {tag for tag, filter_ in enumerate(filters) if not filter_} if less else less)
    return after


def reference_errs(op: list, sorted_on: set) -> bool:
    """Whether the reference contradicts itself on what an operation asks, given the properties that it has in order."""
    for part in op[1:]:
        # A null is like everything to some requests, to others neither that nor the opposite.
        if any_part(part, lambda f: f[0] in ("like", "ilike") and f[2] == "%"):
            return True
        # Ranges in an index miss entries that the same query finds without it.
        if any_part(part, lambda f: f[0] in ORDERS and isinstance(f[1], str) and f[1] in sorted_on):
            return True
    return False


def sorted_at(ops: list) -> list:
    """The properties of which there is a sorted index, at each operation."""
    at, now = [], set()
    for op in ops:
        at.append(set(now))
        if op[0] == "add_index" and op[2]:
            now.add(op[1])
        elif op[0] == "remove_index":
            now.discard(op[1])
    return at


def in_order(value):
    """The value with all lists in it sorted."""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((in_order(v) for v in value), key=lambda x: json.dumps(x, sort_keys=True))
    return value


def plain(op: list, outcome: dict) -> dict:
    """An outcome without what differs as ARCHITECTURE.md says that it may."""
    out = dict(outcome)
    if op[0].startswith("aggregate"):
        agg = op[2] if op[0] == "aggregate_keys" else op[1]
        # With an index the reference counts null among the distinct values.
        if agg[0] == "distinct" and isinstance(out.get("ok"), list):
            out["ok"] = [v for v in out["ok"] if v is not None]
        # The distinct values of a group are in no order.
        if agg[0] == "group":
            out["ok"] = in_order(out.get("ok"))
    return out


def same_events(reference: dict, subject: dict, told_less: set) -> bool:
    """Whether the events are the same, but for what the reference may leave out.  It alone may tell of updates that left a
    value as it was: it compares what it has serialized, in which a number that a processor has set to what it was is no
    longer one with its likes."""
    told, told_by_subject = reference.get("events"), subject.get("events")
    if told is None or told_by_subject is None:
        return told == told_by_subject
    more = [text_of(event) for event in told_by_subject]
    for event in told:
        tag, kind, _, old, new = event
        if text_of(event) in more:
            more.remove(text_of(event))
        elif kind == "update" and old is not None and old == new:
            continue
        # To the listener for a key that was told less, it may come without the values that are for another one.
        elif tag not in told_less or old is not None or new is not None:
            return False
    return all(json.loads(event)[0] in told_less for event in more)


def chosen_difference(op: list, reference: dict, subject: dict, told_less: set, sorted_on: set) -> bool:
    """Whether two outcomes differ only as ARCHITECTURE.md says that they may."""
    if not same_events(reference, subject, told_less):
        return False
    reference, subject = plain(op, reference), plain(op, subject)
    if reference_errs(op, sorted_on) and op[0] not in MUTATING and "ok" in subject:
        return True
    # Of a value that was read a moment ago. As for events, it compares what it has serialized.
    if op[0] == "contains_value" and op[2] and (reference.get("ok"), subject.get("ok")) == (False, True):
        return True
    return strip({**reference, "events": None}) == strip({**subject, "events": None})


def text_of(event: list) -> str:
    return json.dumps(event, sort_keys=True)


def strip(o: dict) -> str:
    return json.dumps({k: v for k, v in o.items() if k != "_text"}, sort_keys=True)


async def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reference")
    ap.add_argument("--subject")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--steps", type=int, default=400)
    ap.add_argument("--kind", choices=["int", "str", "mixed"], default="str", help="the type of the keys")
    ap.add_argument("--ops", choices=["all", "plain"], default="all",
                    help="plain: maps and key listeners only, no filters, processors, aggregators")
    ap.add_argument("--record", help="write the case and the reference's outcomes to this file")
    ap.add_argument("--replay", help="compare the subject with the outcomes in this file")
    ap.add_argument("--show", type=int, default=10, help="how many differences to print")
    a = ap.parse_args()
    if a.replay:
        with open(a.replay) as f:
            stored = json.load(f)
        case, want = stored["case"], stored["outcomes"]
    else:
        case = gen_case(a.seed, a.steps, a.kind, a.ops)
        if not a.reference:
            ap.error("--reference or --replay is needed")
        want = await outcomes(a.reference, case)
    if a.record:
        with open(a.record, "w") as f:
            json.dump({"case": case, "outcomes": want}, f, ensure_ascii=False)
        print("recorded %d operations" % len(want))
        return 0
    if not a.subject:
        ap.error("--subject is needed")
    got = await outcomes(a.subject, case, want)
    bad = refused = chosen = 0
    told_less, sorted_on = told_less_after(case["ops"]), sorted_at(case["ops"])
    for i, (op, w, g) in enumerate(zip(case["ops"], want, got)):
        # on some answers of the reference the client itself hangs: such a step is not compared either
        if "ok" not in w and ("timeout" not in g or "timeout" in w) and same_events(w, g, told_less[i]):
            refused += 1
            continue
        if strip(w) == strip(g):
            continue
        if chosen_difference(op, w, g, told_less[i], sorted_on[i]):
            chosen += 1
        else:
            bad += 1
            if bad <= a.show:
                print("step %d %s\n   reference %s\n   subject   %s" % (
                    i, json.dumps(op, ensure_ascii=False)[:600],
                    json.dumps(w, ensure_ascii=False)[:600], json.dumps(g, ensure_ascii=False)[:600]))
    agreed = len(want) - bad - refused - chosen
    print("%d agreed, %d differed, %d as chosen, %d refused by the reference" % (agreed, bad, chosen, refused))
    return 1 if bad else 0


if __name__ == "__main__":
    read_maps_with_nulls()
    send_comparators()
    try:
        sys.exit(asyncio.run(main()))
    except RuntimeError as e:  # what the client raises when it can't connect
        print("no connection: %s" % str(e).splitlines()[0][:200], file=sys.stderr)
        sys.exit(2)
