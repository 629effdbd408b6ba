// Listeners, and what caches and sessions tell of their lives.
'use strict'

const { event, filter, Filters, Processors } = require('@oracle/coherence')
const { check, Events, lifecycle, refused, same } = require('./scene')

const { MapEventType, MapLifecycleEvent, MapListener, SessionLifecycleEvent } = event
const { MapEventFilter } = filter
const OLD = Filters.greater('age', 50)

check('listener.all', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener)
  await cache.set('a', 1)
  await cache.set('a', 'two')
  await cache.delete('a')
  await events.all(['insert', 'a', null, 1], ['update', 'a', 1, 'two'], ['delete', 'a', 'two', null])
})

check('listener.key', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, 'k')
  await cache.set('other', 1)
  await cache.set('k', 1)
  await cache.replace('k', 2)
  await cache.delete('k')
  await events.all(['insert', 'k', null, 1], ['update', 'k', 1, 2], ['delete', 'k', 2, null])
})

// The client takes a filter for events only as a MapEventFilter, which without a mask tells what comes in and goes out.
check('listener.filter', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, new MapEventFilter(OLD))
  await cache.set('young', { age: 20 })
  await cache.set('old', { age: 60 })
  await cache.set('old', { age: 61 })
  await cache.set('young', { age: 70 })
  await cache.delete('old')
  same(await events.kinds(3), [['insert', 'old'], ['update', 'young'], ['delete', 'old']])
})

check('listener.lite', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, true)
  await cache.set('a', 1)
  await cache.delete('a')
  same(await events.kinds(2), [['insert', 'a'], ['delete', 'a']])
})

check('listener.key.lite', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, 'a', true)
  await cache.set('b', 1)
  await cache.set('a', 1)
  same(await events.kinds(1), [['insert', 'a']])
})

check('listener.filter.lite', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, new MapEventFilter(OLD), true)
  await cache.set('a', { age: 1 })
  await cache.set('b', { age: 60 })
  same(await events.kinds(1), [['insert', 'b']])
})

// What a listener with this mask is told of the steps below.
const MASKS = [
  ['inserted', MapEventFilter.INSERTED, ['insert old']],
  ['updated', MapEventFilter.UPDATED, ['update young', 'update old', 'update old']],
  ['deleted', MapEventFilter.DELETED, ['delete young']],
  ['entered', MapEventFilter.UPDATED_ENTERED, ['update young']],
  ['left', MapEventFilter.UPDATED_LEFT, ['update old']],
  ['within', MapEventFilter.UPDATED_WITHIN, ['update old']],
  ['key_set', MapEventFilter.KEYSET, ['insert old', 'update young', 'update old', 'delete young']],
  ['every', MapEventFilter.ALL, ['insert old', 'update young', 'update old', 'update old', 'delete young']]
]

for (const [name, mask, expected] of MASKS) {
  check(`listener.mask.${name}`, async t => {
    const cache = t.cache()
    const events = new Events()
    const end = new Events()
    await cache.addMapListener(events.listener, new MapEventFilter(mask, OLD))
    await cache.addMapListener(end.listener, 'end')
    await cache.set('young', { age: 20 })
    await cache.set('old', { age: 60 })
    await cache.set('young', { age: 70 })
    await cache.set('old', { age: 61 })
    await cache.set('old', { age: 30 })
    await cache.delete('young')
    await cache.set('end', { age: 1 })
    await end.next()
    same(events.told.map(([kind, key]) => `${kind} ${key}`), expected)
  })
}

check('listener.from_mask', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener, new MapEventFilter(MapEventFilter.DELETED, Filters.always()))
  await cache.set('a', 1)
  await cache.delete('a')
  await events.all(['delete', 'a', 1, null])
})

check('listener.on', async t => {
  const cache = t.cache()
  const end = new Events()
  const told = []
  const listener = new MapListener()
  for (const kind of [MapEventType.INSERT, MapEventType.UPDATE, MapEventType.DELETE]) {
    listener.on(kind, e => told.push([kind, e.description, e.name, e.source === cache]))
  }
  await cache.addMapListener(listener)
  await cache.addMapListener(end.listener, 'end')
  await cache.set('a', 1)
  await cache.set('a', 2)
  await cache.delete('a')
  await cache.set('end', 1)
  await end.next()
  same(told.slice(0, 3), ['insert', 'update', 'delete'].map(kind => [kind, kind, cache.name, true]))
})

check('listener.remove', async t => {
  const cache = t.cache()
  const gone = new Events()
  const kept = new Events()
  await cache.addMapListener(gone.listener)
  await cache.addMapListener(kept.listener, 'k')
  await cache.removeMapListener(gone.listener)
  await cache.set('k', 1)
  same(await kept.kinds(1), [['insert', 'k']])
  same(gone.told, [])
})

check('listener.remove.key', async t => {
  const cache = t.cache()
  const gone = new Events()
  const kept = new Events()
  await cache.addMapListener(gone.listener, 'k')
  await cache.addMapListener(kept.listener)
  await cache.removeMapListener(gone.listener, 'k')
  await cache.set('k', 1)
  same(await kept.kinds(1), [['insert', 'k']])
  same(gone.told, [])
})

check('listener.remove.filter', async t => {
  const cache = t.cache()
  const gone = new Events()
  const kept = new Events()
  const asked = new MapEventFilter(OLD)
  await cache.addMapListener(gone.listener, asked)
  await cache.addMapListener(kept.listener, 'k')
  await cache.removeMapListener(gone.listener, asked)
  await cache.set('k', { age: 60 })
  same(await kept.kinds(1), [['insert', 'k']])
  same(gone.told, [])
})

check('listener.remove.unknown', async t => {
  const cache = t.cache()
  await cache.removeMapListener(new MapListener(), 'k')
  await cache.set('k', 1)
  same(await cache.get('k'), 1)
})

check('listener.several', async t => {
  const cache = t.cache()
  const all = [new Events(), new Events(), new Events()]
  await cache.addMapListener(all[0].listener)
  await cache.addMapListener(all[1].listener, 'k')
  await cache.addMapListener(all[2].listener, new MapEventFilter(OLD))
  await cache.set('k', { age: 60 })
  for (const events of all) same(await events.kinds(1), [['insert', 'k']])
})

check('listener.processor', async t => {
  const cache = await t.people()
  const events = new Events()
  await cache.addMapListener(events.listener)
  await cache.invoke('ada', Processors.nop())
  await cache.invoke('ada', Processors.update('age', 1))
  await cache.invoke('ben', Processors.conditionalRemove(Filters.always()))
  same(await events.kinds(2), [['update', 'ada'], ['delete', 'ben']])
})

check('map.on', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.addMapListener(events.listener)
  const truncated = lifecycle(cache, MapLifecycleEvent.TRUNCATED)
  const released = lifecycle(cache, MapLifecycleEvent.RELEASED)
  await cache.truncate()
  same(await truncated, cache.name)
  await cache.release()
  same(await released, cache.name)
})

check('map.on.destroyed_by_other', async t => {
  const cache = t.cache()
  const theirs = t.openSession().getCache(cache.name)
  const events = new Events()
  const own = new Events()
  const destroyed = lifecycle(theirs, MapLifecycleEvent.DESTROYED)
  // Events show that the event streams work: the reference can hang when they do not yet.
  await theirs.addMapListener(events.listener)
  await cache.addMapListener(own.listener)
  await cache.set('a', 1)
  await events.next()
  await own.next()
  await cache.destroy()
  same(await destroyed, cache.name)
  same(theirs.active, false)
})

check('session.create', async t => {
  const session = t.openSession()
  same([session.closed, session.scope, session.address], [false, '', t.address])
  const { format, requestTimeoutInMillis, readyTimeoutInMillis } = session.options
  same([format, requestTimeoutInMillis, readyTimeoutInMillis], ['json', 60_000, 30_000])
})

check('session.get_cache', async t => {
  const [cache, one, two] = [t.cache(), t.cache('-one'), t.cache('-two')]
  same(t.session.getCache(t.name) === cache, true)
  await one.set('a', 1)
  same([await one.get('a'), await two.get('a')], [1, null])
})

check('session.get_map', async t => same(t.cache() === t.session.getMap(t.name), true))

check('session.active_caches', async t => {
  const session = t.openSession()
  const cache = session.getCache(t.name)
  same([session.activeCacheCount, [...session.activeCacheNames]], [1, [t.name]])
  same(session.activeCaches[0] === cache, true)
  await cache.release()
  same(session.activeCacheCount, 0)
})

check('session.scope', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  const theirs = t.openSession({ scope: 'map-api' }).getCache(t.name)
  await theirs.set('a', 2)
  same([await cache.get('a'), await theirs.get('a')], [1, 2])
  await theirs.clear()
})

check('session.close', async t => {
  const session = t.openSession()
  const cache = session.getCache(t.name)
  const closed = lifecycle(session, SessionLifecycleEvent.CLOSED)
  const released = lifecycle(cache, MapLifecycleEvent.RELEASED)
  await cache.set('a', 1)
  await session.close()
  await closed
  same(await released, t.name)
  same(await session.waitUntilClosed(), true)
  same([session.closed, cache.active], [true, false])
  await refused(async () => session.getCache(t.name), 'Session')
})

check('session.on', async t => {
  const session = t.openSession()
  const connected = lifecycle(session, SessionLifecycleEvent.CONNECTED)
  const released = lifecycle(session, MapLifecycleEvent.RELEASED)
  const cache = session.getCache(t.name)
  await cache.set('a', 1)
  await connected
  await cache.release()
  same(await released, t.name)
})
