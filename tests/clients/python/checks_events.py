"""Listeners, near caches, and what sessions tell."""

from coherence import CacheOptions, Filters, NearCacheOptions
from coherence.event import MapEventType, MapLifecycleEvent, MapListener, SessionLifecycleEvent
from coherence.filter import MapEventFilter

from scene import Events, Scene, check, eventually, refused, same, told

OLD = Filters.greater("age", 50)


@check("listener.all")
async def everything(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener)
    await cache.put("a", 1)
    await cache.put("a", "two")
    await cache.remove("a")
    await events.all(("insert", "a", None, 1), ("update", "a", 1, "two"), ("delete", "a", "two", None))


@check("listener.key")
async def key(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, "k")
    await cache.put("other", 1)
    await cache.put("k", 1)
    await cache.replace("k", 2)
    await cache.remove("k")
    await events.all(("insert", "k", None, 1), ("update", "k", 1, 2), ("delete", "k", 2, None))


@check("listener.filter")
async def filtered(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, OLD)
    await cache.put("young", {"age": 20})
    await cache.put("old", {"age": 60})
    await cache.put("old", {"age": 61})
    await cache.put("young", {"age": 70})
    await cache.remove("old")
    same(await events.kinds(4), [("insert", "old"), ("update", "old"), ("update", "young"), ("delete", "old")])


@check("listener.lite")
async def lite(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, lite=True)
    await cache.put("a", 1)
    await cache.remove("a")
    same(await events.kinds(2), [("insert", "a"), ("delete", "a")])


@check("listener.key.lite")
async def key_lite(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, "a", True)
    await cache.put("b", 1)
    await cache.put("a", 1)
    same(await events.kinds(1), [("insert", "a")])


@check("listener.filter.lite")
async def filter_lite(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, OLD, True)
    await cache.put("a", {"age": 1})
    await cache.put("b", {"age": 60})
    same(await events.kinds(1), [("insert", "b")])


# What a listener with this mask is told of the steps below.
MASKS = [
    ("inserted", MapEventFilter.INSERTED, [("insert", "old")]),
    ("updated", MapEventFilter.UPDATED, [("update", "young"), ("update", "old"), ("update", "old")]),
    ("deleted", MapEventFilter.DELETED, [("delete", "young")]),
    ("entered", MapEventFilter.UPDATED_ENTERED, [("update", "young")]),
    ("left", MapEventFilter.UPDATED_LEFT, [("update", "old")]),
    ("within", MapEventFilter.UPDATED_WITHIN, [("update", "old")]),
    ("key_set", MapEventFilter.KEY_SET, [("insert", "old"), ("update", "young"), ("update", "old"),
                                         ("delete", "young")]),
    ("every", MapEventFilter.ALL, [("insert", "old"), ("update", "young"), ("update", "old"), ("update", "old"),
                                   ("delete", "young")]),
]

for name, mask, expected in MASKS:

    @check(f"listener.mask.{name}")
    async def run(t: Scene, mask=mask, expected=expected) -> None:
        cache, events, end = await t.cache(), Events(), Events()
        await cache.add_map_listener(events.listener, MapEventFilter(mask, OLD))
        await cache.add_map_listener(end.listener, "end")
        await cache.put("young", {"age": 20})
        await cache.put("old", {"age": 60})
        await cache.put("young", {"age": 70})
        await cache.put("old", {"age": 61})
        await cache.put("old", {"age": 30})
        await cache.remove("young")
        await cache.put("end", {"age": 0})
        await end.next()
        same(await events.kinds(events.queue.qsize()), expected)


@check("listener.from_mask")
async def from_mask(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, MapEventFilter.from_mask(MapEventFilter.DELETED))
    await cache.put("a", 1)
    await cache.remove("a")
    await events.all(("delete", "a", 1, None))


@check("listener.from_filter")
async def from_filter(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, MapEventFilter.from_filter(OLD))
    await cache.put("a", {"age": 1})
    await cache.put("b", {"age": 60})
    same(await events.kinds(1), [("insert", "b")])


@check("listener.on")
async def on_each(t: Scene) -> None:
    cache, told_of, end = await t.cache(), [], Events()
    listener = MapListener()
    listener.on_inserted(lambda e: told_of.append((MapEventType.ENTRY_INSERTED, e.type, e.name, e.source is cache)))
    listener.on_updated(lambda e: told_of.append((MapEventType.ENTRY_UPDATED, e.type, e.name, e.source is cache)))
    listener.on_deleted(lambda e: told_of.append((MapEventType.ENTRY_DELETED, e.type, e.name, e.source is cache)))
    await cache.add_map_listener(listener)
    await cache.add_map_listener(end.listener, "end")
    await cache.put("a", 1)
    await cache.put("a", 2)
    await cache.remove("a")
    await cache.put("end", 1)
    await end.next()
    kinds = [MapEventType.ENTRY_INSERTED, MapEventType.ENTRY_UPDATED, MapEventType.ENTRY_DELETED]
    same(told_of[:3], [(kind, kind, cache.name, True) for kind in kinds])


@check("listener.synchronous", versions=(1,))
async def synchronous(t: Scene) -> None:
    cache, events = await t.cache(), Events(synchronous=True)
    await cache.add_map_listener(events.listener, "a")
    await cache.put("a", 1)
    await events.all(("insert", "a", None, 1))


@check("listener.priming", versions=(1,))
async def priming(t: Scene) -> None:
    cache, events = await t.cache(), Events(synchronous=True, priming=True)
    await cache.put("a", 1)
    await cache.add_map_listener(events.listener, "a")
    await cache.put("a", 2)
    same(await events.kinds(1), [("update", "a")])


@check("listener.remove")
async def remove(t: Scene) -> None:
    cache, gone, kept = await t.cache(), Events(), Events()
    await cache.add_map_listener(gone.listener)
    await cache.add_map_listener(kept.listener, "k")
    await cache.remove_map_listener(gone.listener)
    await cache.put("k", 1)
    same(await kept.kinds(1), [("insert", "k")])
    same(gone.queue.empty(), True)


@check("listener.remove.key")
async def remove_key(t: Scene) -> None:
    cache, gone, kept = await t.cache(), Events(), Events()
    await cache.add_map_listener(gone.listener, "k")
    await cache.add_map_listener(kept.listener)
    await cache.remove_map_listener(gone.listener, "k")
    await cache.put("k", 1)
    same(await kept.kinds(1), [("insert", "k")])
    same(gone.queue.empty(), True)


@check("listener.remove.filter")
async def remove_filter(t: Scene) -> None:
    cache, gone, kept = await t.cache(), Events(), Events()
    asked = MapEventFilter.from_filter(OLD)
    await cache.add_map_listener(gone.listener, asked)
    await cache.add_map_listener(kept.listener, "k")
    await cache.remove_map_listener(gone.listener, asked)
    await cache.put("k", {"age": 60})
    same(await kept.kinds(1), [("insert", "k")])
    same(gone.queue.empty(), True)


@check("listener.remove.unknown")
async def remove_unknown(t: Scene) -> None:
    cache = await t.cache()
    await cache.remove_map_listener(MapListener(), "k")
    await cache.put("k", 1)
    same(await cache.get("k"), 1)


@check("listener.several")
async def several(t: Scene) -> None:
    cache, one, two, three = await t.cache(), Events(), Events(), Events()
    await cache.add_map_listener(one.listener)
    await cache.add_map_listener(two.listener, "k")
    await cache.add_map_listener(three.listener, OLD)
    await cache.put("k", {"age": 60})
    for events in (one, two, three):
        same(await events.kinds(1), [("insert", "k")])


@check("listener.processor")
async def of_processor(t: Scene) -> None:
    from coherence import Processors

    cache, events = await t.people(), Events()
    await cache.add_map_listener(events.listener)
    await cache.invoke("ada", Processors.nop())
    await cache.invoke("ada", Processors.update("age", 1))
    await cache.invoke("ben", Processors.conditional_remove(Filters.always()))
    same(await events.kinds(2), [("update", "ada"), ("delete", "ben")])


@check("map.on")
async def on(t: Scene) -> None:
    cache = await t.cache()
    truncated = t.lifecycle(cache, MapLifecycleEvent.TRUNCATED)
    released = t.lifecycle(cache, MapLifecycleEvent.RELEASED)
    await cache.truncate()
    same(await told(truncated), cache.name)
    await cache.release()
    same(await told(released), cache.name)


@check("map.on.destroyed_by_other")
async def destroyed_by_other(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    theirs = await (await t.open_session()).get_cache(cache.name)
    destroyed = t.lifecycle(theirs, MapLifecycleEvent.DESTROYED)
    # An event shows that the other's event stream works: the reference can hang when it does not yet.
    await theirs.add_map_listener(events.listener)
    await cache.put("a", 1)
    await events.next()
    await cache.destroy()
    same(await told(destroyed), cache.name)
    same(theirs.active, False)


# Near caches belong to the v1 client alone.
@check("near.get", versions=(1,))
async def near_get(t: Scene) -> None:
    near = await t.cache("", near_options())
    theirs = await (await t.open_session()).get_cache(near.name)
    await theirs.put("a", 1)
    same([await near.get("a"), await near.get("a"), await near.get("none")], [1, 1, None])
    same([near.near_cache_stats.hits, near.near_cache_stats.size], [1, 1])


@check("near.get_all", versions=(1,))
async def near_get_all(t: Scene) -> None:
    near = await t.cache("", near_options())
    await near.put_all({"a": 1, "b": 2})
    for _ in range(2):
        same({e.key: e.value async for e in await near.get_all({"a", "b"})}, {"a": 1, "b": 2})
    same(near.near_cache_stats.size, 2)


@check("near.contains_key", versions=(1,))
async def near_contains_key(t: Scene) -> None:
    near = await t.cache("", near_options())
    await near.put("a", 1)
    await near.get("a")
    same([await near.contains_key("a"), await near.contains_key("b")], [True, False])


@check("near.changes_of_others", versions=(1,))
async def near_changes(t: Scene) -> None:
    near = await t.cache("", near_options())
    theirs = await (await t.open_session()).get_cache(near.name)
    await theirs.put("a", 1)
    same(await near.get("a"), 1)
    await theirs.put("a", 2)

    async def has(value) -> bool:
        return await near.get("a") == value

    await eventually("the new value", lambda: has(2))
    await theirs.remove("a")
    await eventually("no value", lambda: has(None))


@check("near.truncate", versions=(1,))
async def near_truncate(t: Scene) -> None:
    near = await t.cache("", near_options())
    await near.put("a", 1)
    await near.get("a")
    await near.truncate()
    same([await near.get("a"), near.near_cache_stats.size], [None, 0])


@check("near.clear", versions=(1,))
async def near_clear(t: Scene) -> None:
    near = await t.cache("", near_options())
    await near.put("a", 1)
    await near.get("a")
    await near.clear()
    same([await near.get("a"), near.near_cache_stats.size], [None, 0])


@check("map.near_cache_stats")
async def near_stats(t: Scene) -> None:
    same((await t.cache()).near_cache_stats, None)


def near_options() -> CacheOptions:
    return CacheOptions(near_cache_options=NearCacheOptions(high_units=100))


@check("session.create")
async def create(t: Scene) -> None:
    session = await t.open_session()
    same([session.closed, session.is_ready(), session.scope, session.format], [False, True, "", "json"])
    same(session.options.address, t.address)
    same(session.session_id != t.session.session_id, True)
    same(session._protocol_version, t.version)


@check("session.get_cache")
async def get_cache(t: Scene) -> None:
    cache = await t.cache()
    same(await t.session.get_cache(t.name) is cache, True)
    one, two = await t.cache("-one"), await t.cache("-two")
    await one.put("a", 1)
    same([await one.get("a"), await two.get("a")], [1, None])


@check("session.get_map")
async def get_map(t: Scene) -> None:
    cache = await t.cache()
    same(await t.session.get_map(t.name) is cache, True)


@check("session.is_ready")
async def is_ready(t: Scene) -> None:
    session = await t.open_session(ready_timeout_seconds=5)
    cache = await session.get_cache(t.name)
    await cache.put("a", 1)
    same(session.is_ready(), True)
    await session.close()
    same(session.is_ready(), False)


@check("session.scope")
async def scope(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    other = await t.open_session(scope="map-api")
    same(other.scope, "map-api")
    theirs = await other.get_cache(t.name)
    if t.version == 1:
        # The v1 client sends no scope.
        same(await theirs.get("a"), 1)
        return
    same(await theirs.get("a"), None)
    await theirs.put("a", 2)
    same([await cache.get("a"), await theirs.get("a")], [1, 2])
    await theirs.clear()


@check("session.close")
async def close(t: Scene) -> None:
    session = await t.open_session()
    cache = await session.get_cache(t.name)
    closed = t.lifecycle(session, SessionLifecycleEvent.CLOSED)
    released = t.lifecycle(cache, MapLifecycleEvent.RELEASED)
    await session.close()
    await told(closed)
    same(await told(released), t.name)
    same([session.closed, cache.active], [True, False])
    await refused(session.get_cache(t.name), "closed")


@check("session.on")
async def session_on(t: Scene) -> None:
    session = await t.open_session()
    cache = await session.get_cache(t.name)
    released = t.lifecycle(session, MapLifecycleEvent.RELEASED)
    connected = t.lifecycle(session, SessionLifecycleEvent.CONNECTED)
    await cache.release()
    same(await told(released), t.name)
    await told(connected)
