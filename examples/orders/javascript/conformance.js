// Checks every plain map operation of the official JavaScript client against a server.
//
// usage: node conformance.js     GRID_ADDRESS names the server (127.0.0.1:1408)
//
// Prints `ok NAME` or `FAILED NAME: reason` for each check, then `N passed, M failed`; the exit status is 1 when any
// failed. This client speaks the v0 protocol only.
'use strict'

const assert = require('node:assert/strict')
const { randomUUID } = require('node:crypto')
const { event, Session } = require('@oracle/coherence')

const EVENT_MILLIS = 15_000
const CHECK_MILLIS = 60_000
const RUN = randomUUID().slice(0, 8)
const { MapEventType, MapLifecycleEvent, MapListener } = event
const same = assert.deepStrictEqual
const checks = []

function check (name, run) {
  checks.push({ name, run })
}

function within (millis, what, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${millis} ms`)), millis)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// What a listener was told, as [type, key, old, new], to be waited for one by one.
class Events {
  constructor () {
    this.told = []
    this.waiting = []
    this.listener = new MapListener()
    for (const type of [MapEventType.INSERT, MapEventType.UPDATE, MapEventType.DELETE]) {
      this.listener.on(type, e => this.#add([type, e.key, e.oldValue ?? null, e.newValue ?? null]))
    }
  }

  #add (item) {
    const next = this.waiting.shift()
    next ? next(item) : this.told.push(item)
  }

  next () {
    if (this.told.length > 0) return Promise.resolve(this.told.shift())
    return within(EVENT_MILLIS, 'event', new Promise(resolve => this.waiting.push(resolve)))
  }

  async sorted (count) {
    const found = []
    while (found.length < count) found.push(await this.next())
    return found.sort((a, b) => a[1] < b[1] ? -1 : 1)
  }
}

function open () {
  return new Session({ address: process.env.GRID_ADDRESS || '127.0.0.1:1408' })
}

function lifecycle (cache, kind) {
  return new Promise(resolve => cache.on(kind, resolve))
}

// A listener's answer shows that the cache's event stream works; until then a truncate could go unheard.
async function listen (cache, events, key) {
  await (key === undefined ? cache.addMapListener(events.listener) : cache.addMapListener(events.listener, key))
}

check('connect', async t => {
  same(t.session.closed, false)
  same(await t.cache().ready, true)
})

check('put and get', async t => {
  const cache = t.cache()
  same(await cache.get('a'), null)
  same(await cache.set('a', 1), null)
  same(await cache.set('a', 2), 1)
  same(await cache.get('a'), 2)
})

check('get or default', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  same(await cache.getOrDefault('a', 9), 1)
  same(await cache.getOrDefault('b', 9), 9)
})

check('put all and get all', async t => {
  const cache = t.cache()
  // From 1: this client sends an empty payload for 0, false and "" as a whole value, which no server can read.
  await cache.setAll(new Map(Array.from({ length: 100 }, (_, n) => [`k${n}`, n + 1])))
  same(await cache.size, 100)
  const found = await cache.getAll(['k3', 'k97', 'missing'])
  same([...found].sort(), [['k3', 4], ['k97', 98]])
  same((await cache.getAll(['missing'])).size, 0)
})

check('put with a time to live expires, with an event', async t => {
  const cache = t.cache()
  const events = new Events()
  await listen(cache, events, 'short')
  await cache.set('short', 'v', 300)
  await cache.set('long', 'v', 600_000)
  same(await events.next(), ['insert', 'short', null, 'v'])
  same(await events.next(), ['delete', 'short', 'v', null])
  same(await cache.get('short'), null)
  same(await cache.has('short'), false)
  same(await cache.get('long'), 'v')
  same(await cache.size, 1)
})

check('put if absent', async t => {
  const cache = t.cache()
  same(await cache.setIfAbsent('a', 1), null)
  same(await cache.setIfAbsent('a', 2), 1)
  same(await cache.get('a'), 1)
})

check('remove', async t => {
  const cache = t.cache()
  await cache.set('a', 1)
  same(await cache.delete('a'), 1)
  same(await cache.delete('a'), null)
  same(await cache.has('a'), false)
})

check('remove mapping', async t => {
  const cache = t.cache()
  await cache.set('a', { n: 1 })
  same(await cache.removeMapping('a', { n: 2 }), false)
  same(await cache.removeMapping('b', { n: 1 }), false)
  same(await cache.removeMapping('a', { n: 1 }), true)
  same(await cache.size, 0)
})

check('replace', async t => {
  const cache = t.cache()
  same(await cache.replace('a', 1), null)
  same(await cache.has('a'), false)
  await cache.set('a', 1)
  same(await cache.replace('a', 2), 1)
  same(await cache.get('a'), 2)
})

check('replace mapping', async t => {
  const cache = t.cache()
  await cache.set('a', 'x')
  same(await cache.replaceMapping('a', 'y', 'z'), false)
  same(await cache.replaceMapping('b', 'x', 'z'), false)
  same(await cache.replaceMapping('a', 'x', 'z'), true)
  same(await cache.get('a'), 'z')
})

check('contains key, value and entry', async t => {
  const cache = t.cache()
  await cache.set('a', { n: [1, 2] })
  same(await cache.has('a'), true)
  same(await cache.has('b'), false)
  same(await cache.hasValue({ n: [1, 2] }), true)
  same(await cache.hasValue({ n: [2, 1] }), false)
  same(await cache.hasEntry('a', { n: [1, 2] }), true)
  same(await cache.hasEntry('a', { n: [2, 1] }), false)
  same(await cache.hasEntry('b', { n: [1, 2] }), false)
})

check('size, is empty and clear', async t => {
  const cache = t.cache()
  same(await cache.empty, true)
  same(await cache.size, 0)
  await cache.setAll(new Map([[1, 'a'], [2, 'b']]))
  same(await cache.empty, false)
  same(await cache.size, 2)
  await cache.clear()
  same(await cache.empty, true)
  same(await cache.get(1), null)
})

check('keys, values and entries by page', async t => {
  const cache = t.cache()
  const expected = Array.from({ length: 1500 }, (_, n) => [n, `v${n}`])
  await cache.setAll(new Map(expected))
  const keys = []
  for await (const key of await cache.keys()) keys.push(key)
  same(keys.sort((a, b) => a - b), expected.map(e => e[0]))
  const values = []
  for await (const value of await cache.values()) values.push(value)
  same(values.sort(), expected.map(e => e[1]).sort())
  const entries = []
  for await (const entry of await cache.entries()) entries.push([entry.key, entry.value])
  same(entries.sort((a, b) => a[0] - b[0]), expected)
})

check('keys by page of an empty cache', async t => {
  const cache = t.cache()
  for await (const key of await cache.keys()) assert.fail(`a key in an empty cache: ${key}`)
  for await (const entry of await cache.entries()) assert.fail(`an entry in an empty cache: ${entry.key}`)
})

check('events for all: insert, update, delete', async t => {
  const cache = t.cache()
  const events = new Events()
  await listen(cache, events)
  await cache.set('a', 1)
  same(await events.next(), ['insert', 'a', null, 1])
  await cache.set('a', { n: 2 })
  same(await events.next(), ['update', 'a', 1, { n: 2 }])
  await cache.delete('a')
  same(await events.next(), ['delete', 'a', { n: 2 }, null])
  await cache.setAll(new Map([['b', 1], ['c', 2]]))
  same(await events.sorted(2), [['insert', 'b', null, 1], ['insert', 'c', null, 2]])
  await cache.clear()
  same(await events.sorted(2), [['delete', 'b', 1, null], ['delete', 'c', 2, null]])
})

check('events for one key only', async t => {
  const cache = t.cache()
  const events = new Events()
  await listen(cache, events, 'k')
  await cache.set('other', 1)
  await cache.set('k', 1)
  await cache.replace('k', 2)
  same(await events.next(), ['insert', 'k', null, 1])
  same(await events.next(), ['update', 'k', 1, 2])
})

check('no events after a listener is removed', async t => {
  const cache = t.cache()
  const removed = new Events()
  const kept = new Events()
  await listen(cache, removed)
  await listen(cache, kept, 'k')
  await cache.removeMapListener(removed.listener)
  await cache.set('k', 1)
  same(await kept.next(), ['insert', 'k', null, 1])
  same(removed.told, [])
})

check('no events for what changes nothing', async t => {
  const cache = t.cache()
  const events = new Events()
  await cache.set('a', 1)
  await listen(cache, events)
  await cache.delete('missing')
  await cache.removeMapping('a', 2)
  await cache.replace('missing', 2)
  await cache.replaceMapping('a', 2, 3)
  await cache.setIfAbsent('a', 2)
  await cache.set('last', 1)
  same(await events.next(), ['insert', 'last', null, 1])
})

check('events reach another session', async t => {
  const cache = t.cache()
  const events = new Events()
  const theirs = t.open().getCache(cache.name)
  await listen(theirs, events)
  await cache.set('a', 1)
  same(await events.next(), ['insert', 'a', null, 1])
  same(await theirs.get('a'), 1)
})

check('truncate tells truncated and nothing else', async t => {
  const cache = t.cache()
  const events = new Events()
  const told = lifecycle(cache, MapLifecycleEvent.TRUNCATED)
  await cache.set('a', 1)
  await listen(cache, events)
  await cache.truncate()
  same(await within(EVENT_MILLIS, 'truncated event', told), cache.name)
  same(await cache.size, 0)
  await cache.set('b', 1)
  same(await events.next(), ['insert', 'b', null, 1])
})

check('destroy tells destroyed, here and in another session', async t => {
  const cache = t.cache()
  const theirs = t.open().getCache(cache.name)
  const here = lifecycle(cache, MapLifecycleEvent.DESTROYED)
  const there = lifecycle(theirs, MapLifecycleEvent.DESTROYED)
  await cache.set('a', 1)
  await listen(cache, new Events())
  await listen(theirs, new Events())
  await cache.destroy()
  same(await within(EVENT_MILLIS, 'destroyed event here', here), cache.name)
  same(await within(EVENT_MILLIS, 'destroyed event there', there), cache.name)
  same(cache.active, false)
  same(await t.cache().size, 0)
})

check('two caches of one session are apart', async t => {
  const one = t.cache('-one')
  const two = t.cache('-two')
  const events = new Events()
  await listen(two, events)
  await one.set('a', 1)
  await two.set('a', 2)
  same(await one.get('a'), 1)
  same(await two.get('a'), 2)
  same(await events.next(), ['insert', 'a', null, 2])
  await one.clear()
  same(await two.size, 1)
})

check('unicode', async t => {
  const cache = t.cache()
  const text = 'Größe 寸法 🧭 \u0001 "quoted" \\ \n \u2028'
  // Field names have no characters that JSON escapes: the reference server fails to write some of those back.
  await cache.set(text, { 'Größe 寸法 🧭': text })
  same(await cache.get(text), { 'Größe 寸法 🧭': text })
  for await (const key of await cache.keys()) same(key, text)
})

check('nested values, empty ones and null in arrays', async t => {
  const cache = t.cache()
  const value = { a: { b: { c: [1, [2, [3, { d: true }]]] } }, empty: {}, none: [], s: '', n: [null, 1, null] }
  await cache.set('a', value)
  same(await cache.get('a'), value)
  await cache.set('b', [null, 'x', null])
  same(await cache.get('b'), [null, 'x', null])
  await cache.set('c', [false, 0, ''])
  same(await cache.get('c'), [false, 0, ''])
})

check('big integers and doubles', async t => {
  const cache = t.cache()
  for (const n of [1, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0.5, -1.25, 1e300, 5e-324, 0.1]) {
    await cache.set(n, n)
    same(await cache.get(n), n)
  }
  same(await cache.size, 10)
  // A bigint travels as an object of class math.BigInt, and comes back as a bigint.
  for (const n of [2n ** 63n - 1n, -(2n ** 100n)]) {
    await cache.set('big', n)
    same(await cache.get('big'), n)
  }
})

check('keys of different kinds are different', async t => {
  const cache = t.cache()
  await cache.set(1, 'int')
  await cache.set('1', 'string')
  same([await cache.get(1), await cache.get('1')], ['int', 'string'])
  same(await cache.size, 2)
})

check('many requests at once', async t => {
  const cache = t.cache()
  const numbers = Array.from({ length: 300 }, (_, n) => n + 1)
  await Promise.all(numbers.map(n => cache.set(n, n * n)))
  same(await Promise.all(numbers.map(n => cache.get(n))), numbers.map(n => n * n))
})

class Context {
  constructor (name) {
    this.name = `conformance-${RUN}-${name.replace(/[^a-z]+/g, '-')}`
    this.sessions = []
    this.caches = []
    this.session = this.open()
  }

  open () {
    const session = open()
    this.sessions.push(session)
    return session
  }

  cache (suffix = '') {
    const cache = this.session.getCache(this.name + suffix)
    this.caches.push(cache)
    return cache
  }

  async close () {
    for (const cache of this.caches) {
      // Not destroyed: doing so while an event stream opens or closes can hang the reference server for good.
      if (cache.active) await cache.clear()
    }
  }
}

async function run ({ name, run }) {
  const context = new Context(name)
  try {
    await within(CHECK_MILLIS, 'result', run(context).then(() => context.close()))
    console.log(`ok ${name}`)
    return true
  } catch (error) {
    console.log(`FAILED ${name}: ${error.message.replace(/\s+/g, ' ')}`)
    return false
  } finally {
    for (const session of context.sessions) await session.close()
  }
}

async function main () {
  let failed = 0
  for (const one of checks) failed += await run(one) ? 0 : 1
  console.log(`${checks.length - failed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}

main()
