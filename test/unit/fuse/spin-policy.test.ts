// When the serving thread polls for the next request, and when it sleeps at once.
import t from 'tap'
import { SpinPolicy } from '../../../src/fuse/spin-policy.js'

const READDIRPLUS = 44
const GETATTR = 3

function rounds(
  policy: SpinPolicy,
  opcode: number,
  isEmpty: boolean,
  count: number,
  slept: (polled: boolean) => boolean,
): number {
  let polls = 0
  for (let i = 0; i < count; i++) {
    const polled = policy.after(opcode, isEmpty) > 0
    if (polled) polls++
    policy.learn(polled, slept(polled))
  }
  return polls
}

void t.test('it polls as long as the next request comes', async t => {
  const policy = new SpinPolicy()
  t.equal(
    rounds(policy, READDIRPLUS, false, 100, () => false),
    100,
  )
})

void t.test(
  'a kind of answer that nothing follows is polled after now and then',
  async t => {
    const policy = new SpinPolicy()
    const polls = rounds(policy, READDIRPLUS, true, 1000, () => true)
    t.ok(polls > 40 && polls < 100, `${polls} of 1000`)
    t.ok(policy.after(READDIRPLUS, false) > 0, 'another kind is not touched')
    t.ok(policy.after(GETATTR, true) > 0)
  },
)

void t.test('it polls again when the client has changed its ways', async t => {
  const policy = new SpinPolicy()
  rounds(policy, GETATTR, false, 100, () => true)
  rounds(policy, GETATTR, false, 200, polled => !polled)
  t.equal(
    rounds(policy, GETATTR, false, 50, () => false),
    50,
  )
})
