"""The plain operations of a map."""

from coherence import CacheOptions, request_timeout
from coherence.event import MapLifecycleEvent

from scene import Events, Scene, check, eventually, listed, pairs, refused, same, told


@check("map.name")
async def name(t: Scene) -> None:
    same((await t.cache()).name, t.name)


@check("map.session")
async def session(t: Scene) -> None:
    same((await t.cache()).session is t.session, True)


@check("map.options")
async def options(t: Scene) -> None:
    given = CacheOptions(default_expiry=60_000)
    same((await t.cache("", given)).options == given, True)
    await refused(t.session.get_cache(t.name, CacheOptions(default_expiry=1)), "different CacheOptions")


@check("map.options.default_expiry")
async def default_expiry(t: Scene) -> None:
    cache, events = await t.cache("", CacheOptions(default_expiry=200)), Events()
    await cache.add_map_listener(events.listener)
    await cache.put("a", 1)
    await events.all(("insert", "a", None, 1), ("delete", "a", 1, None))


@check("map.get")
async def get(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.get("a"), None)
    await cache.put("a", {"n": [1, "x", None, True, 1.5]})
    same(await cache.get("a"), {"n": [1, "x", None, True, 1.5]})


@check("map.get_or_default")
async def get_or_default(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    same(await cache.get_or_default("a", 9), 1)
    same(await cache.get_or_default("b", 9), 9)
    same(await cache.get_or_default("b"), None)


@check("map.get_all")
async def get_all(t: Scene) -> None:
    cache = await t.people()
    same(sorted(await pairs(await cache.get_all({"ada", "eve", "nobody"}))), ["ada", "eve"])
    same(await pairs(await cache.get_all({"nobody"})), {})
    same(await pairs(await cache.get_all(set())), {})


@check("map.put")
async def put(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.put("a", 1), None)
    # The v1 client drops the old value although the answer carries it.
    same(await cache.put("a", 2), None if t.version == 1 else 1)
    same(await cache.get("a"), 2)


@check("map.put.ttl")
async def put_ttl(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener)
    await cache.put("long", "v", 600_000)
    await cache.put("short", "v", 200)
    await events.all(("insert", "long", None, "v"), ("insert", "short", None, "v"), ("delete", "short", "v", None))
    same(await cache.get("short"), None)
    same(await cache.size(), 1)


@check("map.put_if_absent")
async def put_if_absent(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.put_if_absent("a", 1), None)
    same(await cache.put_if_absent("a", 2), 1)
    same(await cache.get("a"), 1)


@check("map.put_if_absent.ttl")
async def put_if_absent_ttl(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener)
    same(await cache.put_if_absent("a", 1, 200), None)
    await events.all(("insert", "a", None, 1), ("delete", "a", 1, None))


@check("map.put_all")
async def put_all(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("k3", "old")
    await cache.put_all({f"k{n}": n for n in range(100)})
    await cache.put_all({})
    same(await cache.size(), 100)
    same(await cache.get("k3"), 3)


# The v0 client has no such parameter.
@check("map.put_all.ttl", versions=(1,))
async def put_all_ttl(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.put_all({"a": 1}, 600_000)
    same(await cache.get("a"), 1)
    await cache.add_map_listener(events.listener)
    await cache.put_all({"b": 2}, 200)
    await events.all(("insert", "b", None, 2), ("delete", "b", 2, None))


@check("map.remove")
async def remove(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    same(await cache.remove("a"), 1)
    same(await cache.remove("a"), None)
    same(await cache.contains_key("a"), False)


@check("map.remove_mapping")
async def remove_mapping(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"n": 1})
    same(await cache.remove_mapping("a", {"n": 2}), False)
    same(await cache.remove_mapping("b", {"n": 1}), False)
    same(await cache.remove_mapping("a", {"n": 1}), True)
    same(await cache.size(), 0)


@check("map.replace")
async def replace(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.replace("a", 1), None)
    same(await cache.contains_key("a"), False)
    await cache.put("a", 1)
    same(await cache.replace("a", 2), 1)
    same(await cache.get("a"), 2)


@check("map.replace_mapping")
async def replace_mapping(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"n": 1})
    same(await cache.replace_mapping("a", {"n": 2}, "z"), False)
    same(await cache.replace_mapping("b", {"n": 1}, "z"), False)
    same(await cache.replace_mapping("a", {"n": 1}, "z"), True)
    same(await cache.get("a"), "z")


@check("map.contains_key")
async def contains_key(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", 1)
    same(await cache.contains_key("a"), True)
    same(await cache.contains_key("b"), False)


@check("map.contains_value")
async def contains_value(t: Scene) -> None:
    cache = await t.cache()
    await cache.put_all({"a": 1, "b": {"n": [1, 2]}})
    same(await cache.contains_value(1), True)
    same(await cache.contains_value({"n": [1, 2]}), True)
    same(await cache.contains_value({"n": [2, 1]}), False)


@check("map.is_empty")
async def is_empty(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.is_empty(), True)
    await cache.put("a", 1)
    same(await cache.is_empty(), False)


@check("map.size")
async def size(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.size(), 0)
    await cache.put_all({n: n for n in range(300)})
    same(await cache.size(), 300)


@check("map.clear")
async def clear(t: Scene) -> None:
    cache, events = await t.people(), Events()
    await cache.add_map_listener(events.listener)
    await cache.clear()
    same(sorted(await events.kinds(5)), [("delete", key) for key in ("ada", "ben", "cleo", "dan", "eve")])
    same(await cache.size(), 0)


@check("map.truncate")
async def truncate(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    truncated = t.lifecycle(cache, MapLifecycleEvent.TRUNCATED)
    await cache.put("a", 1)
    await cache.add_map_listener(events.listener)
    await cache.truncate()
    same(await told(truncated), cache.name)
    same(await cache.size(), 0)
    await cache.put("b", 1)
    await events.all(("insert", "b", None, 1))


@check("map.destroy")
async def destroy(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    destroyed = t.lifecycle(cache, MapLifecycleEvent.DESTROYED)
    # An event shows that the event stream works: the reference can hang when it does not yet.
    await cache.add_map_listener(events.listener)
    await cache.put("a", 1)
    await events.next()
    await cache.destroy()
    same(await told(destroyed), cache.name)
    same(cache.destroyed, True)
    same(cache.active, False)
    await refused(cache.get("a"))
    same(await (await t.cache()).size(), 0)


@check("map.release")
async def release(t: Scene) -> None:
    cache = await t.cache()
    released = t.lifecycle(cache, MapLifecycleEvent.RELEASED)
    await cache.put("a", 1)
    await cache.release()
    same(await told(released), cache.name)
    same(cache.released, True)
    same(cache.active, False)
    await refused(cache.get("a"), "released")
    same(await (await t.cache()).get("a"), 1)


@check("map.active")
async def active(t: Scene) -> None:
    cache = await t.cache()
    same([cache.active, cache.released, cache.destroyed], [True, False, False])


@check("map.keys")
async def keys(t: Scene) -> None:
    cache = await t.people()
    same(sorted(await listed(await cache.keys())), ["ada", "ben", "cleo", "dan", "eve"])


@check("map.values")
async def values(t: Scene) -> None:
    cache = await t.people()
    same(sorted(v["age"] for v in await listed(await cache.values())), [25, 25, 36, 41, 58])


@check("map.entries")
async def entries(t: Scene) -> None:
    cache = await t.people()
    found = await pairs(await cache.entries())
    same({key: value["name"] for key, value in found.items()},
         {"ada": "Ada", "ben": "Ben", "cleo": "Cleo", "dan": "Dan", "eve": "Eve"})


@check("map.keys.by_page")
async def keys_by_page(t: Scene) -> None:
    cache = await t.cache()
    same(await listed(await cache.keys(by_page=True)), [])
    await cache.put_all({n: n for n in range(1500)})
    same(sorted(await listed(await cache.keys(by_page=True))), list(range(1500)))


@check("map.values.by_page")
async def values_by_page(t: Scene) -> None:
    cache = await t.cache()
    same(await listed(await cache.values(by_page=True)), [])
    await cache.put_all({n: f"v{n}" for n in range(1500)})
    same(sorted(await listed(await cache.values(by_page=True))), sorted(f"v{n}" for n in range(1500)))


@check("map.entries.by_page")
async def entries_by_page(t: Scene) -> None:
    cache = await t.cache()
    same(await pairs(await cache.entries(by_page=True)), {})
    await cache.put_all({n: f"v{n}" for n in range(1500)})
    same(await pairs(await cache.entries(by_page=True)), {n: f"v{n}" for n in range(1500)})


@check("map.request_timeout")
async def timeout(t: Scene) -> None:
    cache = await t.cache()
    async with request_timeout(seconds=10):
        await cache.put("a", 1)

    async def there() -> bool:
        return await cache.get("a") == 1

    await eventually("the entry", there)
