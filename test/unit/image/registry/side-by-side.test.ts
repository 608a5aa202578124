// Several things at a time, and the first of several places.
import t from 'tap'
import { ImageError } from '../../../../src/image/model/errors.js'
import { firstOf } from '../../../../src/image/registry/first-of.js'
import { sideBySide } from '../../../../src/image/registry/side-by-side.js'

t.test('no more than so many at once', async t => {
  let [running, most] = [0, 0]
  const done: number[] = []
  await sideBySide([1, 2, 3, 4, 5], 2, async item => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
    done.push(item)
  })
  t.equal(most, 2)
  t.same(done.toSorted(), [1, 2, 3, 4, 5])
})

t.test('a failure waits for what has begun, and begins nothing more', async t => {
  const ended: number[] = []
  const work = sideBySide([1, 2, 3, 4], 2, async item => {
    if (item === 1) throw new Error('first')
    await new Promise(resolve => setImmediate(resolve))
    ended.push(item)
  })
  await t.rejects(work, { message: 'first' })
  t.same(ended, [2])
})

t.test('the first place that has it', async t => {
  const at = async (place: string): Promise<string> => {
    if (place === 'broken') throw new Error('a fault')
    if (place === 'wrong') throw new ImageError('mismatch', 'other bytes')
    if (place !== 'here') throw new ImageError('not-found', `not ${place}`)
    return place
  }
  t.equal(await firstOf(['a', 'here', 'broken'], at), 'here')
  await t.rejects(firstOf(['a', 'b'], at), {
    code: 'not-found',
    message: 'not a\n  not b',
  })
  await t.rejects(firstOf(['a'], at), { message: 'not a' })
  await t.rejects(firstOf(['broken', 'here'], at), { message: 'a fault' })
  await t.rejects(firstOf(['wrong', 'here'], at), { code: 'mismatch' })
})
