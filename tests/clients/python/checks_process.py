"""Entry processors."""

from decimal import Decimal

from coherence import Extractors, Filters, Processors
from coherence.extractor import CompositeUpdater, UniversalExtractor, UniversalUpdater

from scene import Scene, check, listed, pairs, refused, same

ADULT = Filters.greater("age", 30)
CHILD = Filters.less("age", 18)
RED = Filters.equals("team", "red")


@check("map.invoke")
async def invoke(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.extract("age")), 36)
    same(await cache.invoke("nobody", Processors.extract("age")), None)


@check("map.invoke_all")
async def invoke_all(t: Scene) -> None:
    cache = await t.people()
    same(await pairs(await cache.invoke_all(Processors.increment("age", 1))),
         {"ada": 37, "ben": 26, "cleo": 42, "dan": 26, "eve": 59})
    same((await cache.get("eve"))["age"], 59)


@check("map.invoke_all.keys")
async def invoke_all_keys(t: Scene) -> None:
    cache = await t.people()
    same(await pairs(await cache.invoke_all(Processors.extract("age"), keys={"ada", "ben"})), {"ada": 36, "ben": 25})
    same(await pairs(await cache.invoke_all(Processors.nop(), keys={"ada", "nobody"})), {"ada": True, "nobody": True})


@check("map.invoke_all.filter")
async def invoke_all_filter(t: Scene) -> None:
    cache = await t.people()
    same(await pairs(await cache.invoke_all(Processors.extract("age"), filter=RED)), {"ada": 36, "cleo": 41})
    same(await pairs(await cache.invoke_all(Processors.extract("age"), filter=Filters.never())), {})


@check("processor.conditional_put")
async def conditional_put(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.conditional_put(ADULT, {"age": 1})), None)
    same(await cache.get("ada"), {"age": 1})
    same(await cache.invoke("ada", Processors.conditional_put(ADULT, {"age": 2})), None)
    same(await cache.get("ada"), {"age": 1})


@check("processor.conditional_put.return")
async def conditional_put_return(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"age": 1})
    same(await cache.invoke("a", Processors.conditional_put(ADULT, {"age": 2}, True)), {"age": 1})
    same(await cache.get("a"), {"age": 1})


@check("processor.conditional_put.absent")
async def conditional_put_absent(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.invoke("a", Processors.conditional_put(Filters.negate(Filters.present()), 1)), None)
    same(await cache.invoke("a", Processors.conditional_put(Filters.negate(Filters.present()), 2, True)), 1)
    same(await cache.get("a"), 1)


@check("processor.conditional_put_all")
async def conditional_put_all(t: Scene) -> None:
    cache = await t.people()
    new = {"ada": 1, "ben": 2, "cleo": 3}
    await listed(await cache.invoke_all(Processors.conditional_put_all(ADULT, new), keys={"ada", "ben"}))
    same([await cache.get("ada"), (await cache.get("ben"))["age"], (await cache.get("cleo"))["age"]], [1, 25, 41])


@check("processor.conditional_remove")
async def conditional_remove(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.conditional_remove(CHILD)), None)
    same(await cache.contains_key("ada"), True)
    same(await cache.invoke("ada", Processors.conditional_remove(ADULT)), None)
    same(await cache.contains_key("ada"), False)


@check("processor.conditional_remove.return")
async def conditional_remove_return(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"age": 36})
    same(await cache.invoke("a", Processors.conditional_remove(Filters.negate(ADULT), True)), {"age": 36})
    same(await cache.contains_key("a"), True)


EXTRACTS = [
    ("processor.extract", Processors.extract("age"), 36),
    ("processor.extract.chained", Processors.extract("address.city"), "London"),
    ("processor.extract.multi", Processors.extract("name,age"), ["Ada", 36]),
    ("processor.extract.extractor", Processors.extract(Extractors.extract("tags")), ["math", "code"]),
    ("processor.extract.missing", Processors.extract("nick"), None),
    ("processor.invoke_accessor", Processors.invoke_accessor("get", "age"), 36),
    ("processor.invoke_accessor.size", Processors.invoke_accessor("size"), 6),
    ("processor.invoke_accessor.is_empty", Processors.invoke_accessor("isEmpty"), False),
    ("processor.nop", Processors.nop(), True),
    ("processor.touch", Processors.touch(), None),
    ("processor.preload", Processors.preload(), None),
    ("processor.when", Processors.extract("age").when(ADULT), 36),
    ("processor.when.not", Processors.extract("age").when(CHILD), None),
    ("processor.and_then", Processors.extract("age").and_then(Processors.extract("name")), [36, "Ada"]),
]

for name, processor, expected in EXTRACTS:

    @check(name)
    async def run(t: Scene, processor=processor, expected=expected) -> None:
        cache = await t.people()
        before = await cache.get("ada")
        same(await cache.invoke("ada", processor), expected)
        same(await cache.get("ada"), before)


@check("processor.extract.identity")
async def identity(t: Scene) -> None:
    cache = await t.people()
    same((await cache.invoke("ada", Processors.extract()))["name"], "Ada")


@check("processor.and_then.changes")
async def and_then(t: Scene) -> None:
    cache = await t.people()
    both = Processors.update("age", 50).and_then(Processors.increment("age", 1)).and_then(Processors.extract("age"))
    same(await cache.invoke("ada", both), [True, 51, 51])


@check("processor.increment")
async def increment(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.increment("age", 1)), 37)
    same(await cache.invoke("ada", Processors.increment("age", -2, True)), 37)
    same((await cache.get("ada"))["age"], 35)
    same(await cache.invoke("ada", Processors.increment("score", 0.25)), 2.75)


@check("processor.increment.manipulator")
async def increment_manipulator(t: Scene) -> None:
    cache = await t.people()
    zipcode = CompositeUpdater(Extractors.extract("address.zip"), CompositeUpdater("address.zip"))
    same(await cache.invoke("ada", Processors.increment(zipcode, 5)), 16)
    same((await cache.get("ada"))["address"], {"city": "London", "zip": 16})


@check("processor.increment.missing")
async def increment_missing(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.increment("visits", 3)), 3)
    same((await cache.get("ada"))["visits"], 3)


@check("processor.multiply")
async def multiply(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.multiply("age", 2)), 72)
    same(await cache.invoke("ada", Processors.multiply("age", 0.5, True)), 72)
    same((await cache.get("ada"))["age"], 36)
    same(await cache.invoke("ada", Processors.multiply("score", 2)), 5.0)


@check("processor.invoke_mutator")
async def invoke_mutator(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.invoke_mutator("remove", "age")), 36)
    same("age" in await cache.get("ada"), False)


@check("processor.update")
async def update(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.update("age", 40)), True)
    same(await cache.invoke("ada", Processors.update("nick", "A")), True)
    same([(await cache.get("ada"))[field] for field in ("age", "nick", "name")], [40, "A", "Ada"])


@check("processor.update.nested")
async def update_nested(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.update("address.city", "Turin")), True)
    same((await cache.get("ada"))["address"], {"city": "Turin", "zip": 11})


@check("processor.update.updater")
async def update_updater(t: Scene) -> None:
    cache = await t.people()
    city = CompositeUpdater(UniversalExtractor("address"), UniversalUpdater("city"))
    same(await cache.invoke("ada", Processors.update(city, "Turin")), True)
    same((await cache.get("ada"))["address"], {"city": "Turin", "zip": 11})


@check("processor.versioned_put")
async def versioned_put(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"@version": 1, "name": "old"})
    same(await cache.invoke("a", Processors.versioned_put({"@version": 1, "name": "new"})), None)
    same(await cache.get("a"), {"@version": 2, "name": "new"})
    same(await cache.invoke("a", Processors.versioned_put({"@version": 1, "name": "late"})), None)
    same(await cache.get("a"), {"@version": 2, "name": "new"})


@check("processor.versioned_put.insert")
async def versioned_put_insert(t: Scene) -> None:
    cache = await t.cache()
    same(await cache.invoke("a", Processors.versioned_put({"@version": 1, "name": "x"})), None)
    same(await cache.contains_key("a"), False)
    same(await cache.invoke("a", Processors.versioned_put({"@version": 1, "name": "x"}, True)), None)
    same(await cache.get("a"), {"@version": 2, "name": "x"})


@check("processor.versioned_put.return")
async def versioned_put_return(t: Scene) -> None:
    cache = await t.cache()
    await cache.put("a", {"@version": 3, "name": "old"})
    same(await cache.invoke("a", Processors.versioned_put({"@version": 1, "name": "x"}, False, True)),
         {"@version": 3, "name": "old"})


@check("processor.versioned_put_all")
async def versioned_put_all(t: Scene) -> None:
    cache = await t.cache()
    await cache.put_all({"a": {"@version": 1, "n": 1}, "b": {"@version": 2, "n": 1}})
    new = {key: {"@version": 1, "n": 2} for key in ("a", "b", "c")}
    await listed(await cache.invoke_all(Processors.versioned_put_all(new, True), keys={"a", "b", "c"}))
    same([await cache.get(key) for key in ("a", "b", "c")],
         [{"@version": 2, "n": 2}, {"@version": 2, "n": 1}, {"@version": 2, "n": 2}])


@check("processor.versioned_put_all.return")
async def versioned_put_all_return(t: Scene) -> None:
    cache = await t.cache()
    await cache.put_all({"a": {"@version": 1, "n": 1}, "b": {"@version": 2, "n": 1}})
    new = {key: {"@version": 1, "n": 2} for key in ("a", "b")}
    processor = Processors.versioned_put_all(new, False, True)
    same(await pairs(await cache.invoke_all(processor, keys={"a", "b"})), {"b": {"@version": 2, "n": 1}})


# Scripts need GraalVM in the reference; without it they are refused.
@check("processor.script")
async def script(t: Scene) -> None:
    cache = await t.people()
    await refused(cache.invoke("ada", Processors.script("someScript", "js")))


@check("processor.increment.text")
async def increment_text(t: Scene) -> None:
    cache = await t.people()
    await refused(cache.invoke("ada", Processors.increment("name", 1)))
    same((await cache.get("ada"))["name"], "Ada")


@check("processor.increment.decimal")
async def increment_decimal(t: Scene) -> None:
    cache = await t.people()
    same(await cache.invoke("ada", Processors.increment("score", Decimal("0.25"))), 2.75)
