// Times as Docker shows them.
import t from 'tap'
import { ago } from '../../../src/cli/ago.js'

const now = Date.parse('2024-06-15T12:00:00Z')

t.test('spans', async t => {
  for (const [time, text] of [
    ['2024-06-15T12:00:00Z', 'Less than a second ago'],
    ['2024-06-15T11:59:59Z', '1 second ago'],
    ['2024-06-15T11:59:30Z', '30 seconds ago'],
    ['2024-06-15T11:59:00Z', 'About a minute ago'],
    ['2024-06-15T11:50:00Z', '10 minutes ago'],
    ['2024-06-15T11:00:00Z', 'About an hour ago'],
    ['2024-06-14T12:00:00Z', '24 hours ago'],
    ['2024-06-12T12:00:00Z', '3 days ago'],
    ['2024-05-25T12:00:00Z', '3 weeks ago'],
    ['2024-01-15T12:00:00Z', '5 months ago'],
    ['2020-06-15T12:00:00Z', '4 years ago'],
    ['1970-01-01T00:00:00Z', '54 years ago'],
    ['no time', 'N/A'],
  ] as const)
    t.equal(ago(time, now), text, time)
  t.equal(ago(undefined, now), 'N/A')
})
