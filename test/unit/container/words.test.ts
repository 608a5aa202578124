// Signals and capabilities by name.
import t from 'tap'
import { capabilitiesOf } from '../../../src/container/capabilities.js'
import { signalNumber } from '../../../src/container/signals.js'

t.test('signals', async t => {
  for (const text of ['TERM', 'SIGTERM', 'sigterm', '15'])
    t.equal(signalNumber(text), 15, text)
  t.equal(signalNumber('RTMIN+3'), 37)
  t.equal(signalNumber('SIGRTMAX-1'), 63)
  for (const text of ['', '0', '65', 'NOPE', 'RTMIN+99', '-9'])
    t.throws(() => signalNumber(text), /Invalid signal/, text)
})

t.test('capabilities', async t => {
  const all = (1n << 41n) - 1n
  t.equal(capabilitiesOf([], [], all).length, 14, 'docker’s default')
  t.equal(capabilitiesOf(['ALL'], [], all).length, 41)
  t.same(capabilitiesOf(['chown', 'CAP_KILL'], ['all'], all), ['CAP_CHOWN', 'CAP_KILL'])
  t.notOk(capabilitiesOf(['all'], ['kill'], all).includes('CAP_KILL'))
  t.same(
    capabilitiesOf(['ALL'], [], 1n),
    ['CAP_CHOWN'],
    'nobody gives more than they have',
  )
  t.throws(() => capabilitiesOf(['sys_nothing'], [], all), /no capability/)
})
