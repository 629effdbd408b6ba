// What a check is, and what it runs in.
'use strict'

const { randomUUID } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { isDeepStrictEqual, inspect } = require('node:util')
const { event, Session } = require('@oracle/coherence')

const { MapEventType, MapListener } = event
const EVENT_MILLIS = 5_000
const RUN = randomUUID().slice(0, 8)
const PEOPLE = JSON.parse(readFileSync(join(__dirname, '..', 'people.json'), 'utf8'))
const checks = []

// Makes a function the check `area.method` or `area.method.case`.
function check (name, run) {
  checks.push({ name, run })
}

class Different extends Error {
  constructor (expected, got) {
    const text = value => typeof value === 'string' ? value : inspect(value, { depth: 5, breakLength: Infinity })
    super(`expected ${text(expected)}, got ${text(got)}`)
    this.expected = text(expected)
    this.got = text(got)
  }
}

function same (got, expected) {
  if (!isDeepStrictEqual(got, expected)) throw new Different(expected, got)
}

async function refused (call, part = '') {
  let result
  try {
    result = await call()
  } catch (error) {
    if (!String(error).includes(part)) throw new Different(`an error with ${part}`, String(error))
    return
  }
  throw new Different(`an error with ${part}`, result)
}

// For what a server may refuse or do.
async function refusedOr (result, call) {
  let found
  try {
    found = await call()
  } catch {
    return
  }
  same(found, result)
}

function within (millis, what, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Different(what, `none within ${millis} ms`)), millis)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function listed (remoteSet) {
  const found = []
  for await (const item of await remoteSet) found.push(item)
  return found
}

async function pairs (remoteSet) {
  return Object.fromEntries((await listed(remoteSet)).map(entry => [entry.key, entry.value]))
}

// The client's own map as an object.
function object (map) {
  return Object.fromEntries([...map.entries()].map(entry => Array.isArray(entry) ? entry : [entry.key, entry.value]))
}

// What a listener was told, as [kind, key, old, new], to be waited for one by one.
class Events {
  constructor () {
    this.told = []
    this.waiting = []
    this.listener = new MapListener()
    for (const kind of [MapEventType.INSERT, MapEventType.UPDATE, MapEventType.DELETE]) {
      this.listener.on(kind, e => this.#add([kind, e.key, e.oldValue ?? null, e.newValue ?? null]))
    }
  }

  #add (item) {
    const next = this.waiting.shift()
    next ? next(item) : this.told.push(item)
  }

  next () {
    if (this.told.length > 0) return Promise.resolve(this.told.shift())
    return within(EVENT_MILLIS, 'an event', new Promise(resolve => this.waiting.push(resolve)))
  }

  // Kind and key of the next events.
  async kinds (count) {
    const found = []
    while (found.length < count) found.push((await this.next()).slice(0, 2))
    return found
  }

  async all (...expected) {
    for (const one of expected) same(await this.next(), one)
    same(this.told, [])
  }
}

function lifecycle (source, kind) {
  return within(EVENT_MILLIS, kind, new Promise(resolve => source.on(kind, resolve)))
}

// What one check runs in: caches of its own, and sessions that are closed after it.
class Scene {
  constructor (address, session, name) {
    this.address = address
    this.session = session
    this.name = `map-api-${RUN}-${name.replaceAll('.', '-')}`
    this.caches = []
    this.sessions = []
  }

  cache (suffix = '') {
    const cache = this.session.getCache(this.name + suffix)
    this.caches.push(cache)
    return cache
  }

  // A cache with what people.json has.
  async people () {
    const cache = this.cache()
    await cache.setAll(new Map(Object.entries(PEOPLE)))
    return cache
  }

  openSession (options = {}) {
    const session = new Session({ address: this.address, ...options })
    this.sessions.push(session)
    return session
  }

  async close () {
    for (const cache of this.caches.filter(cache => cache.active)) {
      // Destroying while a v0 event stream opens or closes can hang the reference server for good.
      await cache.clear()
      await cache.release()
    }
    for (const session of this.sessions) await session.close()
  }
}

module.exports = { check, checks, Different, Events, lifecycle, listed, object, pairs, PEOPLE, refused, refusedOr, same, Scene, within }
