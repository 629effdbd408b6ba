"""Aggregators."""

from decimal import Decimal

from coherence import Aggregators, Extractors, Filters
from coherence.aggregator import RecordType, Schedule, Timeout
from coherence.filter import AlwaysFilter

from scene import Scene, check, refused, same

RED = Filters.equals("team", "red")
NOBODY = Filters.never()

# Check, aggregator, what it makes of all people, and what of none.
AGGREGATORS = [
    ("aggregator.max", Aggregators.max("age"), 58, None),
    ("aggregator.max.text", Aggregators.max("name"), "Eve", None),
    ("aggregator.min", Aggregators.min("age"), 25, None),
    ("aggregator.min.double", Aggregators.min(Extractors.extract("score")), 0.5, None),
    ("aggregator.sum", Aggregators.sum("age"), Decimal("185"), None),
    ("aggregator.sum.double", Aggregators.sum("score"), Decimal("12.50"), None),
    ("aggregator.average", Aggregators.average("age"), Decimal("37.00000000"), None),
    ("aggregator.average.double", Aggregators.average("score"), Decimal("2.50000000"), None),
    ("aggregator.count", Aggregators.count(), 5, 0),
    ("aggregator.priority", Aggregators.priority(Aggregators.sum("age")), Decimal("185"), None),
    ("aggregator.priority.schedule",
     Aggregators.priority(Aggregators.count(), Timeout.NONE, Timeout.DEFAULT, Schedule.IMMEDIATE), 5, 0),
    ("aggregator.and_then", Aggregators.max("age").and_then(Aggregators.count()), [58, 5], [None, 0]),
]

for name, aggregator, everybody, nobody in AGGREGATORS:

    @check(name)
    async def run(t: Scene, aggregator=aggregator, everybody=everybody, nobody=nobody) -> None:
        cache = await t.people()
        same(await cache.aggregate(aggregator), everybody)
        same(await cache.aggregate(aggregator, filter=NOBODY), nobody)


@check("map.aggregate")
async def aggregate(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.count()), 5)
    same(await (await t.cache("-empty")).aggregate(Aggregators.count()), 0)


@check("map.aggregate.keys")
async def keys(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.max("age"), keys={"ada", "ben", "nobody"}), 36)


@check("map.aggregate.filter")
async def filtered(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.max("age"), filter=RED), 41)


@check("aggregator.distinct")
async def distinct(t: Scene) -> None:
    cache = await t.people()
    same(sorted(await cache.aggregate(Aggregators.distinct("age"))), [25, 36, 41, 58])


@check("aggregator.distinct.nobody")
async def distinct_nobody(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.distinct("age"), filter=NOBODY), [])


@check("aggregator.group_by")
async def group_by(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.group_by("team", Aggregators.count())), {"red": 2, "blue": 2, "green": 1})
    same(await cache.aggregate(Aggregators.group_by("team", Aggregators.sum("age"))),
         {"red": Decimal("77"), "blue": Decimal("83"), "green": Decimal("25")})


@check("aggregator.group_by.filter")
async def group_by_filter(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.group_by("team", Aggregators.max("age"), AlwaysFilter())),
         {"red": 41, "blue": 58, "green": 25})


@check("aggregator.top")
async def top(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.top(2).extract("age")), [58, 41])


@check("aggregator.top.descending")
async def descending(t: Scene) -> None:
    cache = await t.people()
    found = await cache.aggregate(Aggregators.top(2).order_by("age").descending)
    same([person["name"] for person in found], ["Eve", "Cleo"])


@check("aggregator.top.ascending")
async def ascending(t: Scene) -> None:
    cache = await t.people()
    found = await cache.aggregate(Aggregators.top(2).order_by("score").ascending)
    same([person["name"] for person in found], ["Ben", "Dan"])


@check("aggregator.reduce")
async def reduce(t: Scene) -> None:
    cache = await t.people()
    same(await cache.aggregate(Aggregators.reduce("age"), filter=RED), {"ada": 36, "cleo": 41})
    same(await cache.aggregate(Aggregators.reduce(Extractors.extract("name,age")), filter=RED),
         {"ada": ["Ada", 36], "cleo": ["Cleo", 41]})


@check("aggregator.record")
async def explain(t: Scene) -> None:
    cache = await t.people()
    record = await cache.aggregate(Aggregators.record(), filter=Filters.equals("age", 25))
    step = record["results"][0]["steps"][0]
    same(step["efficiency"] > 0, True)
    same("index" in step["indexLookupRecords"][0], False)


@check("aggregator.record.index")
async def explain_index(t: Scene) -> None:
    cache = await t.people()
    await cache.add_index(Extractors.extract("age"))
    record = await cache.aggregate(Aggregators.record(), filter=Filters.equals("age", 25))
    same("index" in record["results"][0]["steps"][0]["indexLookupRecords"][0], True)


@check("aggregator.record.trace")
async def trace(t: Scene) -> None:
    cache = await t.people()
    record = await cache.aggregate(Aggregators.record(RecordType.TRACE), filter=Filters.equals("age", 25))
    steps = record["results"][0]["steps"]
    same([(step["keySetSizePre"], step["keySetSizePost"]) for step in steps], [(5, 5), (5, 2)])


# Scripts need GraalVM in the reference; without it they are refused.
@check("aggregator.script")
async def script(t: Scene) -> None:
    cache = await t.people()
    await refused(cache.aggregate(Aggregators.script("js", "someScript")))
