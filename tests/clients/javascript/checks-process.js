// Entry processors.
'use strict'

const { extractor, Extractors, Filters, processor, Processors } = require('@oracle/coherence')
const { check, object, refused, same } = require('./scene')

const ADULT = Filters.greater('age', 30)
const CHILD = Filters.less('age', 18)
const RED = Filters.equal('team', 'red')
const ABSENT = Filters.not(Filters.present())

check('map.invoke', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.extract('age')), 36)
  same(await cache.invoke('nobody', Processors.extract('age')), null)
})

check('map.invoke_all', async t => {
  const cache = await t.people()
  same(object(await cache.invokeAll(Processors.increment('age', 1))), { ada: 37, ben: 26, cleo: 42, dan: 26, eve: 59 })
  same((await cache.get('eve')).age, 59)
})

check('map.invoke_all.keys', async t => {
  const cache = await t.people()
  same(object(await cache.invokeAll(['ada', 'ben'], Processors.extract('age'))), { ada: 36, ben: 25 })
  same(object(await cache.invokeAll(['ada', 'nobody'], Processors.nop())), { ada: true, nobody: true })
})

check('map.invoke_all.filter', async t => {
  const cache = await t.people()
  same(object(await cache.invokeAll(RED, Processors.extract('age'))), { ada: 36, cleo: 41 })
  same(object(await cache.invokeAll(Filters.never(), Processors.extract('age'))), {})
})

check('processor.conditional_put', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.conditionalPut(ADULT, { age: 1 })), null)
  same(await cache.get('ada'), { age: 1 })
  // The client asks for the current value even when told not to.
  same(await cache.invoke('ada', Processors.conditionalPut(ADULT, { age: 2 }, false)), { age: 1 })
  same(await cache.get('ada'), { age: 1 })
})

check('processor.conditional_put.return', async t => {
  const cache = t.cache()
  await cache.set('a', { age: 1 })
  same(await cache.invoke('a', Processors.conditionalPut(ADULT, { age: 2 }, true)), { age: 1 })
  same(await cache.invoke('a', Processors.conditionalPut(ADULT, { age: 2 }).returnCurrent()), { age: 1 })
  same(await cache.get('a'), { age: 1 })
})

check('processor.conditional_put.absent', async t => {
  const cache = t.cache()
  same(await cache.invoke('a', Processors.conditionalPut(ABSENT, 1)), null)
  same(await cache.invoke('a', Processors.conditionalPut(ABSENT, 2, true)), 1)
  same(await cache.get('a'), 1)
})

check('processor.conditional_put_all', async t => {
  const cache = await t.people()
  const values = new Map([['ada', 1], ['ben', 2], ['cleo', 3]])
  await cache.invokeAll(['ada', 'ben'], Processors.conditionalPutAll(ADULT, values))
  same([await cache.get('ada'), (await cache.get('ben')).age, (await cache.get('cleo')).age], [1, 25, 41])
})

check('processor.conditional_remove', async t => {
  const cache = await t.people()
  // The client asks for the current value even when told not to.
  same((await cache.invoke('ada', Processors.conditionalRemove(CHILD, false))).name, 'Ada')
  same(await cache.has('ada'), true)
  same(await cache.invoke('ada', Processors.conditionalRemove(ADULT)), null)
  same(await cache.has('ada'), false)
})

check('processor.conditional_remove.return', async t => {
  const cache = t.cache()
  await cache.set('a', { age: 36 })
  same(await cache.invoke('a', Processors.conditionalRemove(CHILD, true)), { age: 36 })
  same(await cache.invoke('a', Processors.conditionalRemove(CHILD).returnCurrent()), { age: 36 })
  same(await cache.has('a'), true)
})

// Check, processor, and what it gives of Ada, who stays as she is.
const EXTRACTS = [
  ['processor.extract', Processors.extract('age'), 36],
  ['processor.extract.chained', Processors.extract('address.city'), 'London'],
  ['processor.extract.extractor', new processor.ExtractorProcessor(Extractors.extract('tags')), ['math', 'code']],
  ['processor.extract.multi', new processor.ExtractorProcessor(Extractors.multi('name,age')), ['Ada', 36]],
  ['processor.extract.missing', Processors.extract('nick'), null],
  ['processor.invoke_accessor', Processors.invokeAccessor('get', 'age'), 36],
  ['processor.invoke_accessor.size', Processors.invokeAccessor('size'), 6],
  ['processor.invoke_accessor.is_empty', Processors.invokeAccessor('isEmpty'), false],
  ['processor.nop', Processors.nop(), true],
  ['processor.touch', Processors.touch(), null],
  ['processor.preload', Processors.preload(), null],
  ['processor.when', Processors.extract('age').when(ADULT), 36],
  ['processor.when.not', Processors.extract('age').when(CHILD), null],
  ['processor.and_then', Processors.extract('age').andThen(Processors.extract('name')), [36, 'Ada']]
]

for (const [name, asked, expected] of EXTRACTS) {
  check(name, async t => {
    const cache = await t.people()
    const before = await cache.get('ada')
    same(await cache.invoke('ada', asked), expected)
    same(await cache.get('ada'), before)
  })
}

check('processor.extract.identity', async t => {
  const cache = await t.people()
  same((await cache.invoke('ada', Processors.extract())).name, 'Ada')
})

check('processor.and_then.changes', async t => {
  const cache = await t.people()
  const both = Processors.update('age', 50).andThen(Processors.increment('age', 1)).andThen(Processors.extract('age'))
  same(await cache.invoke('ada', both), [true, 51, 51])
})

check('processor.increment', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.increment('age', 1)), 37)
  same((await cache.get('ada')).age, 37)
  same(await cache.invoke('ada', Processors.increment('score', 0.25)), 2.75)
})

check('processor.increment.return_old_value', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.increment('age', -2, true)), 36)
  same(await cache.invoke('ada', Processors.increment('age', 1).returnOldValue()), 34)
  same(await cache.invoke('ada', Processors.increment('age', 1).returnNewValue()), 36)
})

check('processor.increment.missing', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.increment('visits', 3)), 3)
  same((await cache.get('ada')).visits, 3)
})

check('processor.multiply', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.multiply('age', 2)), 72)
  same(await cache.invoke('ada', Processors.multiply('age', 0.5, true)), 72)
  same((await cache.get('ada')).age, 36)
  same(await cache.invoke('ada', Processors.multiply('score', 2).returnOldValue()), 2.5)
  same(await cache.invoke('ada', Processors.multiply('score', 2).returnNewValue()), 10)
})

check('processor.invoke_mutator', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.invokeMutator('remove', 'age')), 36)
  same('age' in await cache.get('ada'), false)
})

check('processor.update', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.update('age', 40)), true)
  same(await cache.invoke('ada', Processors.update('nick', 'A')), true)
  const { age, nick, name } = await cache.get('ada')
  same([age, nick, name], [40, 'A', 'Ada'])
})

check('processor.update.nested', async t => {
  const cache = await t.people()
  same(await cache.invoke('ada', Processors.update('address.city', 'Turin')), true)
  same((await cache.get('ada')).address, { city: 'Turin', zip: 11 })
})

check('processor.update.updater', async t => {
  const cache = await t.people()
  const city = new extractor.CompositeUpdater(Extractors.extract('address'), new extractor.UniversalUpdater('city'))
  same(await cache.invoke('ada', Processors.update(city, 'Turin')), true)
  same((await cache.get('ada')).address, { city: 'Turin', zip: 11 })
})

const versioned = (version, name) => ({ '@version': version, name })

check('processor.versioned_put', async t => {
  const cache = t.cache()
  await cache.set('a', versioned(1, 'old'))
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'new'))), null)
  same(await cache.get('a'), versioned(2, 'new'))
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'late'))), null)
  same(await cache.get('a'), versioned(2, 'new'))
})

check('processor.versioned_put.insert', async t => {
  const cache = t.cache()
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'x'))), null)
  same(await cache.has('a'), false)
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'x'), true)), null)
  same(await cache.get('a'), versioned(2, 'x'))
})

check('processor.versioned_put.return', async t => {
  const cache = t.cache()
  await cache.set('a', versioned(3, 'old'))
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'x'), false, true)), versioned(3, 'old'))
  same(await cache.invoke('a', Processors.versionedPut(versioned(1, 'x')).returnCurrent()), versioned(3, 'old'))
})

check('processor.versioned_put_all', async t => {
  const cache = t.cache()
  await cache.setAll(new Map([['a', versioned(1, 'old')], ['b', versioned(2, 'old')]]))
  const values = new Map(['a', 'b', 'c'].map(key => [key, versioned(1, 'new')]))
  await cache.invokeAll(['a', 'b', 'c'], Processors.versionedPutAll(values, true))
  same(await Promise.all(['a', 'b', 'c'].map(key => cache.get(key))),
    [versioned(2, 'new'), versioned(2, 'old'), versioned(2, 'new')])
})

check('processor.versioned_put_all.return', async t => {
  const cache = t.cache()
  await cache.setAll(new Map([['a', versioned(1, 'old')], ['b', versioned(2, 'old')]]))
  const values = new Map(['a', 'b'].map(key => [key, versioned(1, 'new')]))
  const found = await cache.invokeAll(['a', 'b'], Processors.versionedPutAll(values, false, true))
  same(object(found), { b: versioned(2, 'old') })
})

// Scripts need GraalVM in the reference; without it they are refused.
check('processor.script', async t => {
  const cache = await t.people()
  await refused(() => cache.invoke('ada', Processors.script('js', 'someScript')))
})

check('processor.increment.text', async t => {
  const cache = await t.people()
  await refused(() => cache.invoke('ada', Processors.increment('name', 1)))
  same((await cache.get('ada')).name, 'Ada')
})
