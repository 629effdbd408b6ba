"""Checks every plain map operation of the official Python client against a server.

usage: conformance.py [v1|v0]     GRID_ADDRESS names the server (127.0.0.1:1408)

Prints `ok NAME` or `FAILED NAME: reason` for each check, then `N passed, M failed`; the exit status is 1 when any
failed. The client has no switch for the older protocol: `v0` skips its handshake, which is what the client itself
does when a server does not know v1.
"""

import asyncio
import logging
import os
import sys
import uuid

from coherence import CacheOptions, NearCacheOptions, Options, Session
from coherence import client as coherence_client
from coherence.event import MapLifecycleEvent, MapListener

logging.getLogger("coherence").setLevel(logging.CRITICAL)
EVENT_SECONDS = 15
RUN = uuid.uuid4().hex[:8]
CHECKS = []


def check(name: str):
    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def same(actual, expected) -> None:
    # A bool equals an int in Python, but not on the wire.
    if actual != expected or type(actual) is not type(expected):
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


class Events:
    """What a listener was told, as (type, key, old, new), to be waited for one by one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue = asyncio.Queue()
        self.listener = MapListener().on_any(
            lambda e: self.queue.put_nowait((e.type.name.removeprefix("ENTRY_"), e.key, e.old, e.new))
        )

    async def next(self):
        return await asyncio.wait_for(self.queue.get(), EVENT_SECONDS)


class Context:
    def __init__(self, session: Session, version: int, name: str) -> None:
        self.session = session
        self.version = version
        self.name = f"conformance-{RUN}-{name}"
        self.opened = []

    async def cache(self, suffix: str = "", options: CacheOptions | None = None):
        cache = await self.session.get_cache(self.name + suffix, options)
        self.opened.append(cache)
        return cache

    async def lifecycle(self, cache, event: MapLifecycleEvent) -> asyncio.Future:
        told = asyncio.get_running_loop().create_future()
        cache.on(event, lambda name: told.done() or told.set_result(name))
        return told

    async def close(self) -> None:
        for cache in self.opened:
            if not cache.active:
                continue
            if self.version == 0:
                # Destroying while a v0 event stream opens or closes can hang the reference server for good.
                await cache.clear()
            else:
                await cache.destroy()


@check("connect")
async def connect(t: Context) -> None:
    same(t.session.closed, False)
    same(t.session._protocol_version, t.version)


@check("put and get")
async def put_get(t: Context) -> None:
    cache = await t.cache()
    same(await cache.get("a"), None)
    same(await cache.put("a", 1), None)
    # The v1 client drops the old value although the answer carries it.
    same(await cache.put("a", 2), None if t.version == 1 else 1)
    same(await cache.get("a"), 2)


@check("get or default")
async def get_or_default(t: Context) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    same(await cache.get_or_default("a", 9), 1)
    same(await cache.get_or_default("b", 9), 9)


@check("put all and get all")
async def put_all(t: Context) -> None:
    cache = await t.cache()
    await cache.put_all({f"k{n}": n for n in range(100)})
    same(await cache.size(), 100)
    found = {e.key: e.value async for e in await cache.get_all({"k3", "k97", "missing"})}
    same(found, {"k3": 3, "k97": 97})
    same({e.key async for e in await cache.get_all({"missing"})}, set())


@check("put with a time to live expires, with an event")
async def expiry(t: Context) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, "short")
    await cache.put("short", "v", 300)
    await cache.put("long", "v", 600_000)
    same(await events.next(), ("INSERTED", "short", None, "v"))
    same(await events.next(), ("DELETED", "short", "v", None))
    same(await cache.get("short"), None)
    same(await cache.contains_key("short"), False)
    same(await cache.get("long"), "v")
    same(await cache.size(), 1)


@check("put if absent")
async def put_if_absent(t: Context) -> None:
    cache = await t.cache()
    same(await cache.put_if_absent("a", 1), None)
    same(await cache.put_if_absent("a", 2), 1)
    same(await cache.get("a"), 1)


@check("remove")
async def remove(t: Context) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    same(await cache.remove("a"), 1)
    same(await cache.remove("a"), None)
    same(await cache.contains_key("a"), False)


@check("remove mapping")
async def remove_mapping(t: Context) -> None:
    cache = await t.cache()
    await cache.put("a", {"n": 1})
    same(await cache.remove_mapping("a", {"n": 2}), False)
    same(await cache.remove_mapping("b", {"n": 1}), False)
    same(await cache.remove_mapping("a", {"n": 1}), True)
    same(await cache.size(), 0)


@check("replace")
async def replace(t: Context) -> None:
    cache = await t.cache()
    same(await cache.replace("a", 1), None)
    same(await cache.contains_key("a"), False)
    await cache.put("a", 1)
    same(await cache.replace("a", 2), 1)
    same(await cache.get("a"), 2)


@check("replace mapping")
async def replace_mapping(t: Context) -> None:
    cache = await t.cache()
    await cache.put("a", "x")
    same(await cache.replace_mapping("a", "y", "z"), False)
    same(await cache.replace_mapping("b", "x", "z"), False)
    same(await cache.replace_mapping("a", "x", "z"), True)
    same(await cache.get("a"), "z")


@check("contains key and value")
async def contains(t: Context) -> None:
    cache = await t.cache()
    await cache.put("a", {"n": [1, 2]})
    same(await cache.contains_key("a"), True)
    same(await cache.contains_key("b"), False)
    same(await cache.contains_value({"n": [1, 2]}), True)
    same(await cache.contains_value({"n": [2, 1]}), False)


@check("size, is empty and clear")
async def size(t: Context) -> None:
    cache = await t.cache()
    same(await cache.is_empty(), True)
    same(await cache.size(), 0)
    await cache.put_all({1: "a", 2: "b"})
    same(await cache.is_empty(), False)
    same(await cache.size(), 2)
    await cache.clear()
    same(await cache.is_empty(), True)
    same(await cache.get(1), None)


@check("keys, values and entries by page")
async def pages(t: Context) -> None:
    cache = await t.cache()
    entries = {n: f"v{n}" for n in range(1500)}
    await cache.put_all(entries)
    same(sorted([k async for k in await cache.keys(by_page=True)]), sorted(entries))
    same(sorted([v async for v in await cache.values(by_page=True)]), sorted(entries.values()))
    found = [(e.key, e.value) async for e in await cache.entries(by_page=True)]
    same(len(found), len(entries))
    same(dict(found), entries)


@check("keys by page of an empty cache")
async def empty_pages(t: Context) -> None:
    cache = await t.cache()
    same([k async for k in await cache.keys(by_page=True)], [])
    same([e async for e in await cache.entries(by_page=True)], [])


@check("events for all: insert, update, delete")
async def all_listener(t: Context) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener)
    await cache.put("a", 1)
    same(await events.next(), ("INSERTED", "a", None, 1))
    await cache.put("a", {"n": 2})
    same(await events.next(), ("UPDATED", "a", 1, {"n": 2}))
    if t.version == 1:
        # Over v0 the reference server tells nothing of a put that leaves the value as it was.
        await cache.put("a", {"n": 2})
        same(await events.next(), ("UPDATED", "a", {"n": 2}, {"n": 2}))
    await cache.remove("a")
    same(await events.next(), ("DELETED", "a", {"n": 2}, None))
    await cache.put_all({"b": 1, "c": 2})
    same(sorted([await events.next(), await events.next()]), [("INSERTED", "b", None, 1), ("INSERTED", "c", None, 2)])
    await cache.clear()
    same(sorted([await events.next(), await events.next()]), [("DELETED", "b", 1, None), ("DELETED", "c", 2, None)])


@check("events for one key only")
async def key_listener(t: Context) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, "k")
    await cache.put("other", 1)
    await cache.put("k", 1)
    await cache.replace("k", 2)
    same(await events.next(), ("INSERTED", "k", None, 1))
    same(await events.next(), ("UPDATED", "k", 1, 2))


@check("no events after a listener is removed")
async def removed_listener(t: Context) -> None:
    cache, removed, kept = await t.cache(), Events(), Events()
    await cache.add_map_listener(removed.listener)
    await cache.add_map_listener(kept.listener, "k")
    await cache.remove_map_listener(removed.listener)
    await cache.put("k", 1)
    same(await kept.next(), ("INSERTED", "k", None, 1))
    same(removed.queue.empty(), True)


@check("no events for what changes nothing")
async def silent(t: Context) -> None:
    cache, events = await t.cache(), Events()
    await cache.put("a", 1)
    await cache.add_map_listener(events.listener)
    await cache.remove("missing")
    await cache.remove_mapping("a", 2)
    await cache.replace("missing", 2)
    await cache.replace_mapping("a", 2, 3)
    await cache.put_if_absent("a", 2)
    await cache.put("last", 1)
    same(await events.next(), ("INSERTED", "last", None, 1))


@check("events reach another session")
async def other_session(t: Context) -> None:
    cache, events = await t.cache(), Events()
    other = await open_session()
    try:
        theirs = await other.get_cache(cache.name)
        await theirs.add_map_listener(events.listener)
        await cache.put("a", 1)
        same(await events.next(), ("INSERTED", "a", None, 1))
        same(await theirs.get("a"), 1)
    finally:
        await other.close()


@check("truncate tells truncated and nothing else")
async def truncate(t: Context) -> None:
    cache, events = await t.cache(), Events()
    told = await t.lifecycle(cache, MapLifecycleEvent.TRUNCATED)
    await cache.put("a", 1)
    await cache.add_map_listener(events.listener)
    await cache.truncate()
    same(await asyncio.wait_for(told, EVENT_SECONDS), cache.name)
    same(await cache.size(), 0)
    await cache.put("b", 1)
    same(await events.next(), ("INSERTED", "b", None, 1))


@check("destroy tells destroyed, here and in another session")
async def destroy(t: Context) -> None:
    cache = await t.cache()
    here = await t.lifecycle(cache, MapLifecycleEvent.DESTROYED)
    await cache.put("a", 1)
    other = await open_session()
    try:
        theirs = await other.get_cache(cache.name)
        there = await t.lifecycle(theirs, MapLifecycleEvent.DESTROYED)
        # Waits until the other session's event stream is known to work.
        events = Events()
        await theirs.add_map_listener(events.listener)
        await cache.put("b", 1)
        same(await events.next(), ("INSERTED", "b", None, 1))
        await cache.destroy()
        same(await asyncio.wait_for(here, EVENT_SECONDS), cache.name)
        same(await asyncio.wait_for(there, EVENT_SECONDS), cache.name)
        same(cache.active, False)
        again = await t.cache()
        same(await again.size(), 0)
    finally:
        await other.close()


@check("two caches of one session are apart")
async def two_caches(t: Context) -> None:
    one, two, events = await t.cache("-one"), await t.cache("-two"), Events()
    await two.add_map_listener(events.listener)
    await one.put("a", 1)
    await two.put("a", 2)
    same(await one.get("a"), 1)
    same(await two.get("a"), 2)
    same(await events.next(), ("INSERTED", "a", None, 2))
    await one.clear()
    same(await two.size(), 1)


@check("unicode")
async def unicode(t: Context) -> None:
    cache = await t.cache()
    text = 'Größe 寸法 🧭 \u0001 "quoted" \\ \n \u2028'
    # Field names have no characters that JSON escapes: the reference server fails to write some of those back.
    await cache.put(text, {"Größe 寸法 🧭": text})
    same(await cache.get(text), {"Größe 寸法 🧭": text})
    same([k async for k in await cache.keys(by_page=True)], [text])


@check("nested values, empty ones and null in arrays")
async def nested(t: Context) -> None:
    cache = await t.cache()
    value = {"a": {"b": {"c": [1, [2, [3, {"d": True}]]]}}, "empty": {}, "none": [], "s": "", "n": [None, 1, None]}
    await cache.put("a", value)
    same(await cache.get("a"), value)
    await cache.put("b", [None, "x", None])
    same(await cache.get("b"), [None, "x", None])
    await cache.put("c", False)
    same(await cache.get("c"), False)


@check("64-bit integers and doubles")
async def numbers(t: Context) -> None:
    cache = await t.cache()
    # The lowest 64-bit integer is left out: the reference server gives it back as a double.
    for n in (0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63) + 1):
        await cache.put(n, n)
        same(await cache.get(n), n)
    same(await cache.size(), 6)
    for x in (0.5, -1.25, 1e300, 5e-324, 0.1, 3.0):
        await cache.put("x", x)
        same(await cache.get("x"), x)


@check("keys of different kinds are different")
async def kinds(t: Context) -> None:
    cache = await t.cache()
    await cache.put(1, "int")
    await cache.put("1", "string")
    await cache.put(1.0, "double")
    same([await cache.get(1), await cache.get("1"), await cache.get(1.0)], ["int", "string", "double"])
    same(await cache.size(), 3)


@check("many requests at once")
async def pipelined(t: Context) -> None:
    cache = await t.cache()
    await asyncio.gather(*(cache.put(n, n * n) for n in range(300)))
    same(await asyncio.gather(*(cache.get(n) for n in range(300))), [n * n for n in range(300)])


@check("near cache sees the changes of others")
async def near(t: Context) -> None:
    # Near caches belong to the v1 client alone.
    if t.version == 0:
        return
    near = await t.cache("", CacheOptions(near_cache_options=NearCacheOptions(high_units=100)))
    other = await open_session()
    try:
        theirs = await other.get_cache(near.name)
        await theirs.put("a", 1)
        same(await near.get("a"), 1)
        same(await near.get("a"), 1)
        same(near.near_cache_stats.hits, 1)
        events = Events()
        await near.add_map_listener(events.listener, "a")
        await theirs.put("a", 2)
        same(await events.next(), ("UPDATED", "a", 1, 2))
        same(await near.get("a"), 2)
        await theirs.remove("a")
        same(await events.next(), ("DELETED", "a", 2, None))
        same(await near.get("a"), None)
    finally:
        await other.close()


async def open_session() -> Session:
    return await Session.create(Options(address=os.environ.get("GRID_ADDRESS", "127.0.0.1:1408")))


async def run(name: str, function, version: int) -> bool:
    session = await open_session()
    context = Context(session, version, name.replace(" ", "-").replace(",", "").replace(":", ""))
    try:
        await asyncio.wait_for(function(context), 60)
        await context.close()
        print(f"ok {name}", flush=True)
        return True
    except Exception as error:
        # A gRPC error's text has many lines.
        print(f"FAILED {name}: {type(error).__name__} {' '.join(str(error).split())}", flush=True)
        return False
    finally:
        await session.close()


async def main(version: int) -> int:
    if version == 0:

        async def no_handshake(_self) -> None:
            return None

        coherence_client._Handshake.handshake = no_handshake
    results = [await run(name, function, version) for name, function in CHECKS]
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    protocol = sys.argv[1] if len(sys.argv) > 1 else "v1"
    if protocol not in ("v0", "v1"):
        sys.exit("usage: conformance.py [v1|v0]")
    sys.exit(asyncio.run(main(int(protocol[1]))))
