"""Vectors: how they are kept, searches for similar ones, and indexes of them."""

import math

from coherence import Extractors, Filters
from coherence.ai import (
    BinaryQuantIndex,
    BitVector,
    ByteVector,
    CosineDistance,
    DocumentChunk,
    FloatVector,
    HnswIndex,
    InnerProductDistance,
    L2SquaredDistance,
    SimilaritySearch,
    Vectors,
)

from scene import Scene, check, refused, same

VECTOR = Extractors.extract("vector")
ANGLES = [number / 7 + number * number / 500 for number in range(22)]
TURNED = [Vectors.normalize([math.cos(angle), math.sin(angle)]) for angle in ANGLES]


async def chunks(t: Scene):
    """A cache of pieces of text, each with a vector of length 1, a little more turned than the one before."""
    cache = await t.cache()
    for number, vector in enumerate(TURNED):
        await cache.put(number, DocumentChunk(f"text {number}", {"part": number % 2}, FloatVector(vector)))
    return cache


async def of(t: Scene, vectors: dict):
    cache = await t.cache()
    for key, vector in vectors.items():
        await cache.put(key, {"vector": vector})
    return cache


def closest(found, expected: list) -> None:
    """The distances in order, to five places, with the keys; those of the same distance may come in any order."""
    rounded = [(round(result.distance, 5), str(result.key)) for result in found]
    same([distance for distance, _ in rounded], sorted(distance for distance, _ in rounded))
    same(sorted(rounded), sorted((round(float(distance), 5), str(key)) for key, distance in expected))


def expected_of(asked: int, count: int) -> list:
    found = [(number, 1 - sum(a * b for a, b in zip(vector, TURNED[asked])))
             for number, vector in enumerate(TURNED)]
    return sorted(found, key=lambda one: one[1])[:count]


@check("vector.kept")
async def kept(t: Scene) -> None:
    cache = await of(t, {"floats": FloatVector([0.5, -1.0]), "bytes": ByteVector(bytes([1, 255])),
                         "bits": BitVector("0x0F")})
    same((await cache.get("floats"))["vector"].array, [0.5, -1.0])
    same((await cache.get("bytes"))["vector"].array, "Af8=")
    same((await cache.get("bits"))["vector"].bits, "0x0F")


@check("vector.document")
async def document(t: Scene) -> None:
    cache = await chunks(t)
    chunk = await cache.get(3)
    same(type(chunk), DocumentChunk)
    same(chunk.text, "text 3")
    same(dict(chunk.metadata), {"part": 1})
    same([round(number, 5) for number in chunk.vector.array], [round(number, 5) for number in TURNED[3]])


@check("vector.search")
async def search(t: Scene) -> None:
    cache = await chunks(t)
    for asked in (0, 9, 21):
        found = await cache.aggregate(SimilaritySearch(VECTOR, FloatVector(TURNED[asked]), 3))
        closest(found, expected_of(asked, 3))
        same(found[0].value.text, f"text {asked}")


@check("vector.search.all")
async def search_all(t: Scene) -> None:
    cache = await chunks(t)
    for count in (22, 2**31 - 1):
        found = await cache.aggregate(SimilaritySearch("vector", FloatVector(TURNED[0]), count))
        closest(found, expected_of(0, 22))


@check("vector.search.none")
async def search_none(t: Scene) -> None:
    cache = await chunks(t)
    asked = FloatVector(TURNED[0])
    same(await cache.aggregate(SimilaritySearch("vector", asked, 0)), [])
    same(await cache.aggregate(SimilaritySearch("vector", asked, 3), filter=Filters.never()), [])
    same(await (await t.cache("-empty")).aggregate(SimilaritySearch("vector", asked, 3)), [])


@check("vector.search.filter")
async def search_filter(t: Scene) -> None:
    cache = await chunks(t)
    asked = FloatVector(TURNED[4])
    texts = Filters.is_in("text", {"text 1", "text 7", "text 20"})
    expected = [one for one in expected_of(4, 22) if one[0] in (1, 7, 20)]
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5, filter=texts)), expected)
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5), filter=texts), expected)
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 2, filter=texts),
                                  filter=Filters.greater("text", "text 1")), [one for one in expected if one[0] != 1])


@check("vector.search.keys")
async def search_keys(t: Scene) -> None:
    cache = await chunks(t)
    search = SimilaritySearch("vector", FloatVector(TURNED[4]), 5)
    closest(await cache.aggregate(search, keys={1, 9, 99}), [one for one in expected_of(4, 22) if one[0] in (1, 9)])


@check("vector.distance")
async def distance(t: Scene) -> None:
    cache = await of(t, {"a": FloatVector([3.0, 3.0, 3.0]), "b": FloatVector([0.5, 0.5, 0.0])})
    asked = FloatVector([0.5, 1.0, 0.0])
    search = SimilaritySearch("vector", asked, 5, algorithm=InnerProductDistance())
    closest(await cache.aggregate(search), [("a", -3.5), ("b", 0.25)])
    search = SimilaritySearch("vector", asked, 5, algorithm=L2SquaredDistance())
    closest(await cache.aggregate(search), [("b", 0.25), ("a", 19.25)])


@check("vector.distance.cosine")
async def distance_cosine(t: Scene) -> None:
    cache = await of(t, {"a": FloatVector([3.0, 0.0]), "b": FloatVector([0.0, 2.0]), "c": FloatVector([-1.0, -1.0])})
    search = SimilaritySearch("vector", FloatVector([5.0, 0.0]), 5, algorithm=CosineDistance())
    closest(await cache.aggregate(search), [("a", 0.0), ("b", 1.0), ("c", 1 + math.sqrt(0.5))])


@check("vector.bytes")
async def of_bytes(t: Scene) -> None:
    cache = await of(t, {"a": ByteVector(bytes([1, 2, 3])), "b": ByteVector(bytes([127, 127, 127])),
                         "c": ByteVector(bytes([255, 0, 128]))})
    asked = ByteVector(bytes([1, 255, 5]))
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5)),
            [("a", 0.2799177), ("b", 0.4444444), ("c", 1.9637246)])
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5, algorithm=InnerProductDistance())),
            [("b", -634), ("a", -13), ("c", 642)])


@check("vector.bytes.l2")
async def of_bytes_l2(t: Scene) -> None:
    cache = await of(t, {"a": ByteVector(bytes([1, 2, 3])), "b": ByteVector(bytes([127, 127, 127]))})
    search = SimilaritySearch("vector", ByteVector(bytes([1, 255, 5])), 5, algorithm=L2SquaredDistance())
    closest(await cache.aggregate(search), [("a", 13), ("b", 47144)])


@check("vector.bits")
async def of_bits(t: Scene) -> None:
    cache = await of(t, {"a": BitVector("0xFF"), "b": BitVector("0x0F0F"), "c": BitVector("0x01")})
    asked = BitVector("0x3F")
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5)),
            [("a", 0.1339746), ("b", 0.4226497), ("c", 0.5917517)])
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5, algorithm=InnerProductDistance())),
            [("a", -5), ("b", -3), ("c", 0)])
    closest(await cache.aggregate(SimilaritySearch("vector", asked, 5, algorithm=L2SquaredDistance())),
            [("a", 2), ("c", 5), ("b", 6)])


@check("vector.others")
async def other_vectors(t: Scene) -> None:
    cache = await of(t, {"a": FloatVector([1.0, 0.0]), "b": None})
    await cache.put("c", {"other": 1})
    same(await cache.aggregate(SimilaritySearch("nothing", FloatVector([1.0, 0.0]), 5)), [])
    closest(await cache.aggregate(SimilaritySearch("vector", FloatVector([1.0, 0.0]), 5)), [("a", 0.0)])
    await refused(cache.aggregate(SimilaritySearch("vector", FloatVector([1.0, 0.0, 0.0]), 5)))
    await refused(cache.aggregate(SimilaritySearch("vector", ByteVector(bytes([1, 0])), 5)))
    await refused(cache.aggregate(SimilaritySearch("other", FloatVector([1.0, 0.0]), 5)))
    await refused(cache.aggregate(SimilaritySearch("vector", None, 5)))
    await refused(cache.aggregate(SimilaritySearch("vector", FloatVector([math.nan, 0.0]), 5)))


@check("vector.index")
async def index(t: Scene) -> None:
    cache = await chunks(t)
    await cache.add_index(BinaryQuantIndex(VECTOR))
    await cache.add_index(BinaryQuantIndex(VECTOR))
    search = SimilaritySearch(VECTOR, FloatVector(TURNED[9]), 22, brute_force=True)
    closest(await cache.aggregate(search), expected_of(9, 22))
    closest(await cache.aggregate(SimilaritySearch(VECTOR, FloatVector(TURNED[9]), 4)), expected_of(9, 4))
    same(await cache.remove(9) is not None, True)
    await cache.put(30, DocumentChunk("new", None, FloatVector(TURNED[9])))
    found = await cache.aggregate(SimilaritySearch(VECTOR, FloatVector(TURNED[9]), 1))
    same([result.key for result in found], [30])
    await cache.remove_index(BinaryQuantIndex(VECTOR))


@check("vector.index.hnsw")
async def hnsw(t: Scene) -> None:
    cache = await chunks(t)
    await refused(cache.add_index(HnswIndex(VECTOR, 2)))
