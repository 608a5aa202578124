// The bounded set of descriptors: what may be closed, and what never.
import { openSync } from 'node:fs'
import t from 'tap'
import { FdCache, type FdHolder } from '../../../src/layer/fd-cache.js'

function holder(): FdHolder {
  return { fd: openSync('/dev/null', 'r'), used: 0, busy: 0 }
}

void t.test('holds no more than its capacity once uses have passed', async t => {
  const cache = new FdCache(8)
  const holders = Array.from({ length: 600 }, holder)
  for (const one of holders) cache.admit(one)
  t.ok(cache.size <= 264, `size ${cache.size}`)
  t.equal(holders.filter(one => one.fd >= 0).length, cache.size)
  for (const one of holders) cache.drop(one)
  t.equal(cache.size, 0)
})

void t.test('a descriptor just obtained outlives the opening of many others', async t => {
  const cache = new FdCache(4)
  const first = holder()
  cache.admit(first)
  const others = Array.from({ length: 200 }, holder)
  for (const one of others) cache.admit(one)
  t.ok(first.fd >= 0)
  for (const one of [first, ...others]) cache.drop(one)
})

void t.test('a busy descriptor is never closed', async t => {
  const cache = new FdCache(2)
  const busy = holder()
  busy.busy = 1
  cache.admit(busy)
  const others = Array.from({ length: 600 }, holder)
  for (const one of others) cache.admit(one)
  t.ok(busy.fd >= 0)
  t.ok(cache.shrink() > 0, 'without descriptors all the others go')
  t.ok(busy.fd >= 0)
  t.equal(cache.size, 1)
  busy.busy = 0
  for (const one of [busy, ...others]) cache.drop(one)
})

void t.test('take hands the descriptor over and forgets it', async t => {
  const cache = new FdCache(2)
  const one = holder()
  const { fd } = one
  cache.admit(one)
  t.equal(cache.take(one), fd)
  t.equal(one.fd, -1)
  t.equal(cache.take(one), -1)
  t.equal(cache.size, 0)
})
