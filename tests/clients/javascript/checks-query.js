// Filters, extractors, comparators, and indexes, which change no answer.
'use strict'

const { aggregator, Aggregators, extractor, Extractors, filter, Filters } = require('@oracle/coherence')
const { check, Events, listed, pairs, refused, refusedOr, same } = require('./scene')

const { ChainedExtractor, MultiExtractor, UniversalExtractor } = extractor
const { MapEventFilter, PredicateFilter } = filter
const [ADA, BEN, CLEO, DAN, EVE] = ['ada', 'ben', 'cleo', 'dan', 'eve']
const ALL = [ADA, BEN, CLEO, DAN, EVE]
const RED = Filters.equal('team', 'red')
const YOUNG = Filters.less('age', 40)

// Check, filter, and the keys of the people whom it lets through.
const FILTERS = [
  ['filter.all', Filters.all(RED, YOUNG), [ADA]],
  ['filter.always', Filters.always(), ALL],
  ['filter.any', Filters.any(RED, YOUNG), [ADA, BEN, CLEO, DAN]],
  ['filter.array_contains', Filters.arrayContains('tags', 'code'), [ADA, BEN, EVE]],
  ['filter.array_contains_all', Filters.arrayContainsAll('tags', new Set(['code', 'math'])), [ADA, EVE]],
  ['filter.array_contains_any', Filters.arrayContainsAny('tags', new Set(['code', 'math'])), [ADA, BEN, CLEO, EVE]],
  ['filter.between', Filters.between('age', 25, 41, false, false), [ADA]],
  ['filter.between.bounds', Filters.between('age', 25, 41), [ADA, BEN, CLEO, DAN]],
  ['filter.contains', Filters.contains('tags', 'art'), [CLEO, EVE]],
  ['filter.contains_all', Filters.containsAll('tags', new Set(['art', 'math'])), [CLEO, EVE]],
  ['filter.contains_any', Filters.containsAny('tags', new Set(['art', 'math'])), [ADA, CLEO, EVE]],
  ['filter.equals', Filters.equal('age', 25), [BEN, DAN]],
  ['filter.equals.text', Filters.equal('name', 'Eve'), [EVE]],
  ['filter.equals.double', Filters.equal('score', 2.5), [ADA]],
  ['filter.equals.list', Filters.equal('tags', ['code']), [BEN]],
  ['filter.greater', Filters.greater('age', 36), [CLEO, EVE]],
  ['filter.greater.text', Filters.greater('name', 'Cleo'), [DAN, EVE]],
  ['filter.greater_equals', Filters.greaterEqual('age', 36), [ADA, CLEO, EVE]],
  ['filter.is_in', Filters.in('team', new Set(['red', 'green'])), [ADA, CLEO, DAN]],
  ['filter.is_none', Filters.isNull('nick'), [ADA, BEN, DAN]],
  ['filter.is_not_none', Filters.isNotNull('nick'), [CLEO, EVE]],
  ['filter.less', Filters.less('age', 36), [BEN, DAN]],
  ['filter.less_equals', Filters.lessEqual('age', 36), [ADA, BEN, DAN]],
  ['filter.like', Filters.like('name', '_e%', '\\', false), [BEN]],
  ['filter.like.ignore_case', Filters.like('name', 'E%', '\\', true), [EVE]],
  ['filter.like.escape', Filters.like('nick', 'E\\_v\\%', '\\', false), [EVE]],
  ['filter.negate', Filters.not(RED), [BEN, DAN, EVE]],
  ['filter.never', Filters.never(), []],
  ['filter.not_equals', Filters.notEqual('team', 'red'), [BEN, DAN, EVE]],
  ['filter.present', Filters.present(), ALL],
  ['filter.regex', Filters.regex('name', '[A-C].*e?[ano]'), [ADA, BEN, CLEO]],
  ['filter.and', RED.and(YOUNG), [ADA]],
  ['filter.or', RED.or(YOUNG), [ADA, BEN, CLEO, DAN]],
  ['filter.xor', RED.xor(YOUNG), [BEN, CLEO, DAN]],
  ['extractor.extract', Filters.equal(Extractors.extract('age'), 36), [ADA]],
  ['extractor.extract.chained', Filters.equal('address.city', 'Paris'), [BEN, EVE]],
  ['extractor.extract.method', Filters.equal(Extractors.extract('get', ['team']), 'blue'), [BEN, EVE]],
  ['extractor.extract.size', Filters.equal('tags.size()', 2), [ADA, CLEO]],
  ['extractor.extract.length', Filters.equal('name.length()', 4), [CLEO]],
  ['extractor.identity', Filters.isNull(Extractors.identity()), []],
  ['extractor.identity_cast', Filters.isNotNull(Extractors.identityCast()), ALL],
  ['extractor.universal', Filters.equal(new UniversalExtractor('age'), 58), [EVE]],
  ['extractor.chained', Filters.equal(Extractors.chained('address.zip'), 44), [DAN]],
  ['extractor.chained.list', Filters.equal(new ChainedExtractor([Extractors.extract('address'), Extractors.extract('zip')]), 44), [DAN]],
  ['extractor.multi', Filters.equal(Extractors.multi('team,age'), ['blue', 25]), [BEN]],
  ['extractor.multi.list', Filters.equal(new MultiExtractor([Extractors.extract('team'), Extractors.extract('age')]), ['blue', 25]), [BEN]],
  ['extractor.and_then', Filters.equal(Extractors.extract('address').andThen(Extractors.extract('city')), 'Rome'), [DAN]],
  ['extractor.compose', Filters.equal(Extractors.extract('city').compose(Extractors.extract('address')), 'Rome'), [DAN]]
]

for (const [name, asked, expected] of FILTERS) {
  check(name, async t => {
    const cache = await t.people()
    same((await listed(cache.keys(asked))).sort(), expected)
  })
}

check('filter.for_keys', async t => {
  const cache = await t.people()
  // The reference knows this filter from Java alone, which names it util.filter.
  await refusedOr([ADA, BEN], async () => (await listed(cache.keys(YOUNG.forKeys(new Set([ADA, BEN, EVE]))))).sort())
})

check('filter.associated_with', async t => {
  const cache = await t.people()
  // The partition of the key that is named: others may share it.
  same((await listed(cache.keys(Filters.always().associatedWith(ADA)))).includes(ADA), true)
})

check('filter.event', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, Filters.event(Filters.greater('n', 1), MapEventFilter.INSERTED))
  await cache.set('a', { n: 1 })
  await cache.set('b', { n: 2 })
  await cache.set('b', { n: 3 })
  await cache.set('c', { n: 2 })
  same(await events.kinds(2), [['insert', 'b'], ['insert', 'c']])
})

check('filter.predicate', async t => {
  // A predicate would be a class of the server's: any other object is refused.
  const cache = await t.people()
  await refused(() => cache.keys(new PredicateFilter({ '@class': 'no.such.Predicate' }, 'age')))
})

check('map.keys.filter', async t => {
  const cache = await t.people()
  same((await listed(cache.keys(RED))).sort(), [ADA, CLEO])
})

check('map.values.filter', async t => {
  const cache = await t.people()
  same((await listed(cache.values(RED))).map(value => value.name).sort(), ['Ada', 'Cleo'])
})

check('map.entries.filter', async t => {
  const cache = await t.people()
  const found = await pairs(cache.entries(RED))
  same([Object.keys(found).sort(), found.cleo.age], [[ADA, CLEO], 41])
})

// The client has no comparators but those of its aggregators.
const by = (property, type) => ({
  '@class': `comparator.${type}Comparator`,
  comparator: { '@class': 'comparator.ExtractorComparator', extractor: Extractors.extract(property) }
})

check('map.entries.comparator', async t => {
  const cache = await t.people()
  same((await listed(cache.entries(RED, by('age', 'Inverse')))).length, 2)
})

check('map.values.comparator', async t => {
  const cache = await t.people()
  same((await listed(cache.values(Filters.always(), by('name', 'Inverse')))).length, 5)
})

check('map.add_index', async t => {
  const cache = await t.people()
  await cache.addIndex(Extractors.extract('age'))
  await cache.set('fay', { age: 25 })
  same((await listed(cache.keys(Filters.equal('age', 25)))).sort(), [BEN, DAN, 'fay'])
})

check('map.add_index.ordered', async t => {
  const cache = await t.people()
  await cache.addIndex(Extractors.chained('address.zip'), true)
  same((await listed(cache.keys(Filters.greater('address.zip', 30)))).sort(), [CLEO, DAN, EVE])
  await cache.delete(DAN)
  same((await listed(cache.keys(Filters.greater('address.zip', 30)))).sort(), [CLEO, EVE])
})

check('map.add_index.comparator', async t => {
  const cache = await t.people()
  await cache.addIndex(Extractors.identity(), true, by('age', 'Safe'))
  same((await listed(cache.keys(RED))).sort(), [ADA, CLEO])
})

check('map.remove_index', async t => {
  const cache = await t.people()
  await cache.removeIndex(Extractors.extract('age'))
  await cache.addIndex(Extractors.extract('age'))
  await cache.removeIndex(Extractors.extract('age'))
  same((await listed(cache.keys(Filters.equal('age', 25)))).sort(), [BEN, DAN])
})

// A group's results as an object: the client gives a list of entries.
function groups (entries) {
  return Object.fromEntries([...entries].map(entry => [entry.key, entry.value]))
}

// Check, aggregator, what it makes of all people, and what of none.
const AGGREGATORS = [
  ['aggregator.max', Aggregators.max('age'), 58, null],
  ['aggregator.max.text', Aggregators.max('name'), 'Eve', null],
  ['aggregator.min', Aggregators.min('age'), 25, null],
  ['aggregator.min.double', Aggregators.min(Extractors.extract('score')), 0.5, null],
  ['aggregator.sum', Aggregators.sum('age'), '185', null],
  ['aggregator.sum.double', Aggregators.sum('score'), '12.5', null],
  ['aggregator.average', Aggregators.average('age'), '37', null],
  ['aggregator.average.double', Aggregators.average('score'), '2.5', null],
  ['aggregator.count', Aggregators.count(), 5, 0],
  ['aggregator.priority', Aggregators.priority(Aggregators.sum('age')), '185', null],
  ['aggregator.priority.schedule', Aggregators.priority(Aggregators.count(), aggregator.Schedule.IMMEDIATE, 5000, 5000), 5, 0],
  ['aggregator.and_then', Aggregators.max('age').andThen(Aggregators.count()), [58, 5], [null, 0]]
]

for (const [name, asked, everybody, nobody] of AGGREGATORS) {
  check(name, async t => {
    const cache = await t.people()
    const all = await cache.aggregate(asked)
    // Decimals are objects of a library of the client's.
    same(typeof everybody === 'string' ? String(all) : all, everybody)
    same(await cache.aggregate(Filters.never(), asked), nobody)
  })
}

check('map.aggregate', async t => {
  const cache = await t.people()
  same(await cache.aggregate(Aggregators.count()), 5)
  same(await t.cache('-empty').aggregate(Aggregators.count()), 0)
})

check('map.aggregate.keys', async t => {
  const cache = await t.people()
  same(await cache.aggregate([ADA, BEN, 'nobody'], Aggregators.max('age')), 36)
})

check('map.aggregate.filter', async t => {
  const cache = await t.people()
  same(await cache.aggregate(RED, Aggregators.max('age')), 41)
})

check('aggregator.distinct', async t => {
  const cache = await t.people()
  same((await cache.aggregate(Aggregators.distinct('age'))).sort(), [25, 36, 41, 58])
})

check('aggregator.distinct.nobody', async t => {
  const cache = await t.people()
  same(await cache.aggregate(Filters.never(), Aggregators.distinct('age')), [])
})

check('aggregator.group_by', async t => {
  const cache = await t.people()
  same(groups(await cache.aggregate(Aggregators.groupBy('team', Aggregators.count()))), { red: 2, blue: 2, green: 1 })
  const sums = groups(await cache.aggregate(Aggregators.groupBy('team', Aggregators.sum('age'))))
  same([sums.red, sums.blue, sums.green].map(String), ['77', '83', '25'])
})

check('aggregator.group_by.filter', async t => {
  const cache = await t.people()
  const found = await cache.aggregate(Aggregators.groupBy('team', Aggregators.max('age'), Filters.always()))
  same(groups(found), { red: 41, blue: 58, green: 25 })
})

check('aggregator.top', async t => {
  const cache = await t.people()
  same(await cache.aggregate(Aggregators.top(2).extract('age')), [58, 41])
})

check('aggregator.top.descending', async t => {
  const cache = await t.people()
  const found = await cache.aggregate(Aggregators.top(2).orderBy('age').descending())
  same(found.map(person => person.name), ['Eve', 'Cleo'])
})

check('aggregator.top.ascending', async t => {
  const cache = await t.people()
  const found = await cache.aggregate(Aggregators.top(2).orderBy('score').ascending())
  same(found.map(person => person.name), ['Ben', 'Dan'])
})

check('aggregator.reduce', async t => {
  const cache = await t.people()
  same(groups(await cache.aggregate(RED, Aggregators.reduce('age'))), { ada: 36, cleo: 41 })
  same(groups(await cache.aggregate(RED, Aggregators.reduce(Extractors.multi('name,age')))),
    { ada: ['Ada', 36], cleo: ['Cleo', 41] })
})

check('aggregator.record', async t => {
  const cache = await t.people()
  const [step] = (await cache.aggregate(Filters.equal('age', 25), Aggregators.record())).results[0].steps
  same([step.efficiency > 0, 'index' in step.indexLookupRecords[0]], [true, false])
})

check('aggregator.record.index', async t => {
  const cache = await t.people()
  await cache.addIndex(Extractors.extract('age'))
  const [step] = (await cache.aggregate(Filters.equal('age', 25), Aggregators.record())).results[0].steps
  same('index' in step.indexLookupRecords[0], true)
})

check('aggregator.record.trace', async t => {
  const cache = await t.people()
  const record = await cache.aggregate(Filters.equal('age', 25), Aggregators.record(aggregator.RecordType.TRACE))
  same(record.results[0].steps.map(step => [step.keySetSizePre, step.keySetSizePost]), [[5, 5], [5, 2]])
})

// Scripts need GraalVM in the reference; without it they are refused.
check('aggregator.script', async t => {
  const cache = await t.people()
  await refused(() => cache.aggregate(Aggregators.script('js', 'someScript', [])))
})
