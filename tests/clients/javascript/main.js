// The whole map API of the official JavaScript client, one check for each method and case, against a server.
//
// usage: node main.js ADDRESS [v0] [RESULTS] [NAME...]
//
// Prints `ok NAME` or `FAIL NAME: expected ..., got ...`, and at the end the counts; the exit status is 1 when any check
// failed. RESULTS is a file for the same as JSON lines. NAME is the beginning of a check's name, to run only those. The
// client speaks the v0 protocol only.
'use strict'

const { closeSync, openSync, writeSync } = require('node:fs')
const { Session } = require('@oracle/coherence')
const { checks, Different, Scene, within } = require('./scene')

require('./checks-map')
require('./checks-query')
require('./checks-process')
require('./checks-events')
require('./checks-coverage')

const CHECK_MILLIS = 15_000

async function run (address, session, { name, run }) {
  const scene = new Scene(address, session, name)
  try {
    await within(CHECK_MILLIS, 'an end', run(scene))
    return { check: name, ok: true }
  } catch (error) {
    if (error instanceof Different) return { check: name, ok: false, expected: error.expected, got: error.got }
    return { check: name, ok: false, expected: 'no error', got: String(error).replace(/\s+/g, ' ') }
  } finally {
    await within(CHECK_MILLIS, 'an end', scene.close()).catch(error => console.error(`after ${name}: ${error}`))
  }
}

async function main (address, version, file, ...beginnings) {
  if (!address || version !== 'v0') {
    console.error('usage: node main.js ADDRESS [v0] [RESULTS] [NAME...]')
    process.exit(2)
  }
  const results = file && openSync(file, 'w')
  const session = new Session({ address })
  let [passed, failed] = [0, 0]
  for (const one of checks) {
    if (beginnings.length > 0 && !beginnings.some(beginning => one.name.startsWith(beginning))) continue
    const result = await run(address, session, one)
    console.log(result.ok ? `ok ${one.name}` : `FAIL ${one.name}: expected ${result.expected}, got ${result.got}`)
    if (results) writeSync(results, JSON.stringify(result) + '\n')
    result.ok ? passed++ : failed++
  }
  if (results) closeSync(results)
  console.log(`${passed} passed, ${failed} failed`)
  // Not by itself: a cache whose check failed may hold its stream open.
  process.exit(failed > 0 ? 1 : 0)
}

process.on('unhandledRejection', error => console.error(`unhandled: ${error}`))
const [address, version = 'v0', ...others] = process.argv.slice(2)
main(address, version, ...others)
