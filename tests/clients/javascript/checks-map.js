// The plain operations of a map.
'use strict'

const { event, Filters } = require('@oracle/coherence')
const { check, Events, lifecycle, listed, object, pairs, refused, same } = require('./scene')

const { MapLifecycleEvent } = event
const KEYS = ['ada', 'ben', 'cleo', 'dan', 'eve']
// From 1: this client sends an empty payload for 0, false and "" as a whole value, which no server can read.
const MANY = Array.from({ length: 1500 }, (_, n) => n + 1)

check('map.name', async t => same(t.cache().name, t.name))

check('map.get', async t => {
  const cache = t.cache()
  same(await cache.get('a'), null)
  await cache.set('a', { n: [1, 'x', null, true, 1.5] })
  same(await cache.get('a'), { n: [1, 'x', null, true, 1.5] })
})

check('map.get_or_default', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  same(await cache.getOrDefault('a', 9), 1)
  same(await cache.getOrDefault('b', 9), 9)
})

check('map.get_all', async t => {
  const cache = await t.people()
  same(Object.keys(object(await cache.getAll(['ada', 'eve', 'nobody']))).sort(), ['ada', 'eve'])
  same(object(await cache.getAll(['nobody'])), {})
  same(object(await cache.getAll([])), {})
})

check('map.put', async t => {
  const cache = t.cache()
  same(await cache.set('a', 1), null)
  same(await cache.set('a', 2), 1)
  same(await cache.get('a'), 2)
})

check('map.put.ttl', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener)
  await cache.set('long', 'v', 600_000)
  await cache.set('short', 'v', 200)
  await events.all(['insert', 'long', null, 'v'], ['insert', 'short', null, 'v'], ['delete', 'short', 'v', null])
  same(await cache.get('short'), null)
  same(await cache.size, 1)
})

check('map.put_if_absent', async t => {
  const cache = t.cache()
  same(await cache.setIfAbsent('a', 1), null)
  same(await cache.setIfAbsent('a', 2), 1)
  same(await cache.get('a'), 1)
})

check('map.put_if_absent.ttl', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener)
  same(await cache.setIfAbsent('a', 1, 200), null)
  await events.all(['insert', 'a', null, 1], ['delete', 'a', 1, null])
})

check('map.put_all', async t => {
  const cache = t.cache()
  await cache.set('k3', 'old')
  await cache.setAll(new Map(MANY.slice(0, 100).map(n => [`k${n}`, n])))
  await cache.setAll(new Map())
  same(await cache.size, 100)
  same(await cache.get('k3'), 3)
})

check('map.remove', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  same(await cache.delete('a'), 1)
  same(await cache.delete('a'), null)
  same(await cache.has('a'), false)
})

check('map.remove_mapping', async t => {
  const cache = t.cache()
  await cache.set('a', { n: 1 })
  same(await cache.removeMapping('a', { n: 2 }), false)
  same(await cache.removeMapping('b', { n: 1 }), false)
  same(await cache.removeMapping('a', { n: 1 }), true)
  same(await cache.size, 0)
})

check('map.replace', async t => {
  const cache = t.cache()
  same(await cache.replace('a', 1), null)
  same(await cache.has('a'), false)
  await cache.set('a', 1)
  same(await cache.replace('a', 2), 1)
  same(await cache.get('a'), 2)
})

check('map.replace_mapping', async t => {
  const cache = t.cache()
  await cache.set('a', { n: 1 })
  same(await cache.replaceMapping('a', { n: 2 }, 'z'), false)
  same(await cache.replaceMapping('b', { n: 1 }, 'z'), false)
  same(await cache.replaceMapping('a', { n: 1 }, 'z'), true)
  same(await cache.get('a'), 'z')
})

check('map.contains_key', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  same(await cache.has('a'), true)
  same(await cache.has('b'), false)
})

check('map.contains_value', async t => {
  const cache = t.cache()
  await cache.setAll(new Map([['a', 1], ['b', { n: [1, 2] }]]))
  same(await cache.hasValue(1), true)
  same(await cache.hasValue({ n: [1, 2] }), true)
  same(await cache.hasValue({ n: [2, 1] }), false)
})

check('map.contains_entry', async t => {
  const cache = t.cache()
  await cache.set('a', { n: 1 })
  same(await cache.hasEntry('a', { n: 1 }), true)
  same(await cache.hasEntry('a', { n: 2 }), false)
  same(await cache.hasEntry('b', { n: 1 }), false)
})

check('map.is_empty', async t => {
  const cache = t.cache()
  same(await cache.empty, true)
  await cache.set('a', 1)
  same(await cache.empty, false)
})

check('map.is_ready', async t => same(await t.cache().ready, true))

check('map.size', async t => {
  const cache = t.cache()
  same(await cache.size, 0)
  await cache.setAll(new Map(MANY.slice(0, 300).map(n => [n, n])))
  same(await cache.size, 300)
})

check('map.clear', async t => {
  const cache = await t.people()
  const events = new Events()
  await cache.addMapListener(events.listener)
  await cache.clear()
  same((await events.kinds(5)).sort(), KEYS.map(key => ['delete', key]))
  same(await cache.size, 0)
})

check('map.truncate', async t => {
  const cache = t.cache()
  const events = new Events()
  const truncated = lifecycle(cache, MapLifecycleEvent.TRUNCATED)
  await cache.set('a', 1)
  await cache.addMapListener(events.listener)
  await cache.truncate()
  same(await truncated, cache.name)
  same(await cache.size, 0)
  await cache.set('b', 1)
  await events.all(['insert', 'b', null, 1])
})

check('map.destroy', async t => {
  const cache = t.cache()
  const events = new Events()
  const destroyed = lifecycle(cache, MapLifecycleEvent.DESTROYED)
  // An event shows that the event stream works: the reference can hang when it does not yet.
  await cache.addMapListener(events.listener)
  await cache.set('a', 1)
  await events.next()
  await cache.destroy()
  same(await destroyed, cache.name)
  same([cache.destroyed, cache.active], [true, false])
  await refused(() => cache.get('a'), 'destroyed')
  same(await t.cache().size, 0)
})

check('map.release', async t => {
  const cache = t.cache()
  const released = lifecycle(cache, MapLifecycleEvent.RELEASED)
  await cache.set('a', 1)
  await cache.release()
  same(await released, cache.name)
  same([cache.released, cache.active], [true, false])
  await refused(() => cache.get('a'), 'release')
  same(await t.cache().get('a'), 1)
})

check('map.active', async t => {
  const cache = t.cache()
  same([cache.active, cache.released, cache.destroyed], [true, false, false])
})

check('map.for_each', async t => {
  const cache = await t.people()
  const ages = async (...which) => {
    const found = {}
    await cache.forEach((value, key) => { found[key] = value.age }, ...which)
    return found
  }
  same(await ages(['ada', 'nobody']), { ada: 36 })
  same(await ages(Filters.equal('team', 'red')), { ada: 36, cleo: 41 })
  same(Object.keys(await ages()).sort(), KEYS)
})

check('map.keys', async t => {
  const cache = await t.people()
  const keys = await cache.keys()
  same((await listed(keys)).sort(), KEYS)
  same([await keys.size, await keys.has('ada'), await keys.has('nobody')], [5, true, false])
  same(await keys.delete('ada'), true)
  same(await cache.has('ada'), false)
})

check('map.values', async t => {
  const cache = await t.people()
  const values = await cache.values()
  same((await listed(values)).map(value => value.age).sort(), [25, 25, 36, 41, 58])
  same(await values.size, 5)
  same(await values.has(await cache.get('ada')), true)
})

check('map.entries', async t => {
  const cache = await t.people()
  const entries = await cache.entries()
  const found = await pairs(entries)
  same(Object.keys(found).sort(), KEYS)
  same(found.eve.name, 'Eve')
  same(await entries.size, 5)
  const ada = { key: 'ada', value: found.ada }
  same([await entries.has(ada), await entries.delete(ada), await entries.has(ada)], [true, true, false])
})

check('map.keys.by_page', async t => {
  const cache = t.cache()
  same(await listed(cache.keys()), [])
  await cache.setAll(new Map(MANY.map(n => [n, n])))
  same((await listed(cache.keys())).sort((a, b) => a - b), MANY)
})

check('map.values.by_page', async t => {
  const cache = t.cache()
  same(await listed(cache.values()), [])
  await cache.setAll(new Map(MANY.map(n => [n, `v${n}`])))
  same((await listed(cache.values())).sort(), MANY.map(n => `v${n}`).sort())
})

check('map.entries.by_page', async t => {
  const cache = t.cache()
  same(await listed(cache.entries()), [])
  await cache.setAll(new Map(MANY.map(n => [n, `v${n}`])))
  same(await pairs(cache.entries()), Object.fromEntries(MANY.map(n => [n, `v${n}`])))
})
