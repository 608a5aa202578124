// When another try is made, and how long it is waited for.
import t from 'tap'
import { ImageError } from '../../../../src/image/model/errors.js'
import {
  isTransientStatus,
  parseRetryAfter,
  type RetryPolicy,
  retrying,
  TransientError,
} from '../../../../src/image/registry/backoff.js'

const policy: RetryPolicy = {
  ...{ attempts: 4, firstDelay: 4, longestDelay: 10, patience: 1000 },
}
const failure = (retryAfter?: number) =>
  new TransientError(new ImageError('network', 'broken'), retryAfter)

t.test('tries until it works', async t => {
  const waits: number[] = []
  let tries = 0
  const result = await retrying(
    policy,
    async () => {
      tries++
      if (tries < 4) throw failure()
      return 'done'
    },
    delay => waits.push(delay),
  )
  t.equal(result, 'done')
  t.equal(waits.length, 3)
  const bounds = [4, 8, 10]
  t.ok(waits.every((wait, i) => wait >= 0.75 * (bounds[i] ?? 0)))
  t.ok(waits.every((wait, i) => wait <= 1.25 * (bounds[i] ?? 0)))
})

t.test('gives up, with the last reason', async t => {
  let tries = 0
  const work = retrying(policy, async () => {
    tries++
    throw failure()
  })
  await t.rejects(work, { code: 'network', message: 'broken' })
  t.equal(tries, 4)
})

t.test('headway begins the count anew', async t => {
  let tries = 0
  await retrying(policy, async progressed => {
    tries++
    if (tries < 9) {
      progressed()
      throw failure()
    }
  })
  t.equal(tries, 9)
})

t.test('what cannot be mended is thrown at once', async t => {
  let tries = 0
  const work = retrying(policy, async () => {
    tries++
    throw new ImageError('not-found', 'no')
  })
  await t.rejects(work, { code: 'not-found' })
  t.equal(tries, 1)
})

t.test('Retry-After', async t => {
  const waits: number[] = []
  let tries = 0
  await retrying(
    policy,
    async () => {
      if (tries++ === 0) throw failure(30)
    },
    delay => waits.push(delay),
  )
  t.ok((waits[0] ?? 0) >= 30)
  tries = 0
  const impatient = retrying(policy, async () => {
    tries++
    throw failure(1001)
  })
  await t.rejects(impatient, { code: 'network' })
  t.equal(tries, 1, 'longer than our patience')

  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(parseRetryAfter(undefined, now), undefined)
  t.equal(parseRetryAfter('7', now), 7000)
  t.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:09 GMT', now), 9000)
  t.equal(parseRetryAfter('Thu, 01 Jan 2025 00:00:09 GMT', now), 0)
  t.equal(parseRetryAfter('soon', now), undefined)
})

t.test('statuses', async t => {
  const all = [200, 400, 401, 403, 404, 408, 416, 429, 500, 501, 502, 503, 504]
  t.same(all.filter(isTransientStatus), [408, 429, 500, 502, 503, 504])
})
