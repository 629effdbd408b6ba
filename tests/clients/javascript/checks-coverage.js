// Whether everything that the client offers has a check.
'use strict'

const { Aggregators, Extractors, Filters, Processors, Session } = require('@oracle/coherence')
const { check, checks, same } = require('./scene')

// What checks are called, where that is not the client's own name in lower case.
const NAMES = {
  map: {
    set: 'put', setAll: 'put_all', setIfAbsent: 'put_if_absent', delete: 'remove', has: 'contains_key', ready: 'is_ready',
    hasValue: 'contains_value', hasEntry: 'contains_entry', empty: 'is_empty', released: 'release', destroyed: 'destroy'
  },
  filter: {
    equal: 'equals', greaterEqual: 'greater_equals', lessEqual: 'less_equals', notEqual: 'not_equals', not: 'negate',
    in: 'is_in', isNull: 'is_none', isNotNull: 'is_not_none'
  },
  session: { activeCacheCount: 'active_caches', activeCacheNames: 'active_caches', waitUntilClosed: 'close', closed: 'close' }
}
// What serves the client itself, and listeners, which have an area of their own.
const INTERNAL = new Set(['constructor', 'getSerializer', 'getRequestFactory', 'promisify', 'readyTimeout', 'nextEntrySetPage',
  'nextKeySetPage', 'setupEventHandlers', 'resolveValue', 'toValue', 'doInvokeAll', 'addMapListener', 'removeMapListener',
  'options', 'channelCredentials', 'channel', 'clientOptions', 'address', 'callOptions'])

function offered (owner) {
  return Object.getOwnPropertyNames(owner).filter(name => !INTERNAL.has(name) && !['length', 'name', 'prototype'].includes(name))
}

function missing (area, names) {
  const checked = new Set(checks.map(({ name }) => name.split('.')).filter(([first]) => first === area).map(([, second]) => second))
  const called = name => NAMES[area]?.[name] ?? name.replace(/[A-Z]/g, letter => '_' + letter.toLowerCase())
  return names.filter(name => !checked.has(called(name)))
}

check('coverage.map', async t => same(missing('map', offered(Object.getPrototypeOf(t.cache()))), []))
check('coverage.session', async () => same(missing('session', offered(Session.prototype)), []))
check('coverage.filter', async () => same(missing('filter', offered(Filters)), []))
check('coverage.processor', async () => same(missing('processor', offered(Processors)), []))
check('coverage.aggregator', async () => same(missing('aggregator', offered(Aggregators)), []))
check('coverage.extractor', async () => same(missing('extractor', offered(Extractors)), []))
