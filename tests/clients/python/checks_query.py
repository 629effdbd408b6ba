"""Filters, extractors, comparators, and indexes, which change no answer."""

from coherence import Extractors, Filters
from coherence.comparator import ExtractorComparator, InverseComparator, SafeComparator
from coherence.extractor import ChainedExtractor, IdentityExtractor, MultiExtractor, UniversalExtractor
from coherence.filter import MapEventFilter, PredicateFilter

from scene import Events, Scene, check, listed, pairs, refused, same

ADA, BEN, CLEO, DAN, EVE = ALL = ["ada", "ben", "cleo", "dan", "eve"]
RED = Filters.equals("team", "red")
YOUNG = Filters.less("age", 40)

# Check, filter, and the keys of the people whom it lets through.
FILTERS = [
    ("filter.all", Filters.all([RED, YOUNG]), [ADA]),
    ("filter.always", Filters.always(), ALL),
    ("filter.any", Filters.any([RED, YOUNG]), [ADA, BEN, CLEO, DAN]),
    ("filter.array_contains", Filters.array_contains("tags", "code"), [ADA, BEN, EVE]),
    ("filter.array_contains_all", Filters.array_contains_all("tags", {"code", "math"}), [ADA, EVE]),
    # The client makes it a ContainsAllFilter.
    ("filter.array_contains_any", Filters.array_contains_any("tags", {"code", "math"}), [ADA, EVE]),
    ("filter.between", Filters.between("age", 25, 41), [ADA]),
    ("filter.between.bounds", Filters.between("age", 25, 41, True, True), [ADA, BEN, CLEO, DAN]),
    ("filter.contains", Filters.contains("tags", "art"), [CLEO, EVE]),
    ("filter.contains_all", Filters.contains_all("tags", {"art", "math"}), [CLEO, EVE]),
    ("filter.contains_any", Filters.contains_any("tags", {"art", "math"}), [ADA, CLEO, EVE]),
    ("filter.equals", Filters.equals("age", 25), [BEN, DAN]),
    ("filter.equals.text", Filters.equals("name", "Eve"), [EVE]),
    ("filter.equals.double", Filters.equals("score", 2.5), [ADA]),
    ("filter.equals.list", Filters.equals("tags", ["code"]), [BEN]),
    ("filter.greater", Filters.greater("age", 36), [CLEO, EVE]),
    ("filter.greater.text", Filters.greater("name", "Cleo"), [DAN, EVE]),
    ("filter.greater_equals", Filters.greater_equals("age", 36), [ADA, CLEO, EVE]),
    ("filter.is_in", Filters.is_in("team", {"red", "green"}), [ADA, CLEO, DAN]),
    ("filter.is_none", Filters.is_none("nick"), [ADA, BEN, DAN]),
    ("filter.is_not_none", Filters.is_not_none("nick"), [CLEO, EVE]),
    ("filter.less", Filters.less("age", 36), [BEN, DAN]),
    ("filter.less_equals", Filters.less_equals("age", 36), [ADA, BEN, DAN]),
    ("filter.like", Filters.like("name", "_e%"), [BEN]),
    ("filter.like.ignore_case", Filters.like("name", "E%", ignore_case=True), [EVE]),
    ("filter.like.escape", Filters.like("nick", "E\\_v\\%", "\\"), [EVE]),
    ("filter.negate", Filters.negate(RED), [BEN, DAN, EVE]),
    ("filter.never", Filters.never(), []),
    ("filter.not_equals", Filters.not_equals("team", "red"), [BEN, DAN, EVE]),
    ("filter.present", Filters.present(), ALL),
    ("filter.regex", Filters.regex("name", "[A-C].*e?[ano]"), [ADA, BEN, CLEO]),
    ("filter.and", RED.And(YOUNG), [ADA]),
    ("filter.or", RED.Or(YOUNG), [ADA, BEN, CLEO, DAN]),
    ("filter.xor", RED.Xor(YOUNG), [BEN, CLEO, DAN]),
    ("extractor.extract", Filters.equals(Extractors.extract("age"), 36), [ADA]),
    ("extractor.extract.chained", Filters.equals(Extractors.extract("address.city"), "Paris"), [BEN, EVE]),
    ("extractor.extract.multi", Filters.equals(Extractors.extract("name,age"), ["Ada", 36]), [ADA]),
    ("extractor.extract.method", Filters.equals(Extractors.extract("get()", ["team"]), "blue"), [BEN, EVE]),
    ("extractor.extract.size", Filters.equals("tags.size()", 2), [ADA, CLEO]),
    ("extractor.extract.length", Filters.equals("name.length()", 4), [CLEO]),
    ("extractor.identity", Filters.is_none(Extractors.identity()), []),
    ("extractor.universal", Filters.equals(UniversalExtractor.create("age"), 58), [EVE]),
    ("extractor.chained", Filters.equals(ChainedExtractor("address.zip"), 44), [DAN]),
    ("extractor.multi", Filters.equals(MultiExtractor("team,age"), ["blue", 25]), [BEN]),
    ("extractor.and_then", Filters.equals(UniversalExtractor("address").and_then(UniversalExtractor("city")), "Rome"),
     [DAN]),
    ("extractor.compose", Filters.equals(UniversalExtractor("city").compose(UniversalExtractor("address")), "Rome"),
     [DAN]),
    ("extractor.identity.after", Filters.equals(IdentityExtractor().compose(UniversalExtractor("age")), 36), [ADA]),
]

for name, asked, expected in FILTERS:

    @check(name)
    async def run(t: Scene, asked=asked, expected=expected) -> None:
        cache = await t.people()
        same(sorted(await listed(await cache.keys(asked))), expected)


@check("filter.event")
async def event(t: Scene) -> None:
    cache, events = await t.cache(), Events()
    await cache.add_map_listener(events.listener, Filters.event(Filters.greater("n", 1), MapEventFilter.INSERTED))
    await cache.put("a", {"n": 1})
    await cache.put("b", {"n": 2})
    await cache.put("b", {"n": 3})
    await cache.put("c", {"n": 2})
    same(await events.kinds(2), [("insert", "b"), ("insert", "c")])


@check("filter.predicate", versions=(1,))
async def predicate(t: Scene) -> None:
    # A predicate would be a class of the server's: any other object is refused.
    cache = await t.people()
    await refused(_drained(cache.keys(PredicateFilter("age", {"@class": "no.such.Predicate"}))))


async def _drained(call) -> list:
    return await listed(await call)


@check("map.keys.filter")
async def keys(t: Scene) -> None:
    cache = await t.people()
    same(sorted(await listed(await cache.keys(RED))), [ADA, CLEO])
    same(sorted(await listed(await cache.keys(RED, by_page=True))), [ADA, CLEO])


@check("map.values.filter")
async def values(t: Scene) -> None:
    cache = await t.people()
    same(sorted(v["name"] for v in await listed(await cache.values(RED))), ["Ada", "Cleo"])


@check("map.entries.filter")
async def entries(t: Scene) -> None:
    cache = await t.people()
    found = await pairs(await cache.entries(RED))
    same({key: value["age"] for key, value in found.items()}, {ADA: 36, CLEO: 41})


async def ordered(t: Scene, comparator, filter=Filters.always()) -> list:
    """The keys of people as they come; by the alphabet over v1, whose client leaves the comparator out."""
    cache = await t.people()
    found = [entry.key async for entry in await cache.entries(filter, comparator)]
    return found if t.version == 0 else sorted(found)


@check("map.entries.comparator")
async def entries_ordered(t: Scene) -> None:
    same(await ordered(t, ExtractorComparator("name")), ALL)
    same(await ordered(t, InverseComparator("age"), RED), [CLEO, ADA] if t.version == 0 else [ADA, CLEO])


# Neither client sends the comparator for values.
@check("map.values.comparator")
async def values_ordered(t: Scene) -> None:
    cache = await t.people()
    found = await listed(await cache.values(Filters.always(), InverseComparator("name")))
    same(sorted(value["name"] for value in found), ["Ada", "Ben", "Cleo", "Dan", "Eve"])


@check("comparator.extractor")
async def by_extractor(t: Scene) -> None:
    same(await ordered(t, ExtractorComparator("score")), [BEN, DAN, ADA, EVE, CLEO] if t.version == 0 else ALL)


@check("comparator.inverse")
async def inverse(t: Scene) -> None:
    same(await ordered(t, InverseComparator("score")), [CLEO, EVE, ADA, DAN, BEN] if t.version == 0 else ALL)


@check("comparator.safe")
async def safe(t: Scene) -> None:
    found = await ordered(t, SafeComparator("nick"))
    same(sorted(found), ALL)
    if t.version == 0:
        same(found[3:], [CLEO, EVE])


@check("map.add_index")
async def add_index(t: Scene) -> None:
    cache = await t.people()
    await cache.add_index(Extractors.extract("age"))
    await cache.put("fay", {"age": 25})
    same(sorted(await listed(await cache.keys(Filters.equals("age", 25)))), [BEN, DAN, "fay"])


@check("map.add_index.ordered")
async def add_index_ordered(t: Scene) -> None:
    cache = await t.people()
    await cache.add_index(Extractors.extract("address.zip"), True)
    same(sorted(await listed(await cache.keys(Filters.greater("address.zip", 30)))), [CLEO, DAN, EVE])
    await cache.remove("dan")
    same(sorted(await listed(await cache.keys(Filters.greater("address.zip", 30)))), [CLEO, EVE])


@check("map.add_index.comparator")
async def add_index_comparator(t: Scene) -> None:
    cache = await t.people()
    await cache.add_index(Extractors.identity(), True, ExtractorComparator("age"))
    same(sorted(await listed(await cache.keys(RED))), [ADA, CLEO])


@check("map.remove_index")
async def remove_index(t: Scene) -> None:
    cache = await t.people()
    await cache.remove_index(Extractors.extract("age"))
    await cache.add_index(Extractors.extract("age"))
    await cache.remove_index(Extractors.extract("age"))
    same(sorted(await listed(await cache.keys(Filters.equals("age", 25)))), [BEN, DAN])
