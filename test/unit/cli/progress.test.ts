// Bars on a terminal.
import { Writable } from 'node:stream'
import t from 'tap'
import { Bars } from '../../../src/cli/progress.js'
import { formatBytes } from '../../../src/cli/bytes-size.js'

class Screen extends Writable {
  readonly columns = 60
  readonly rows = 4
  text = ''
  override _write(part: Buffer, _encoding: string, done: () => void): void {
    this.text += part.toString()
    done()
  }
  /** What was written since the last time. */
  take(): string {
    const { text } = this
    this.text = ''
    return text
  }
}

t.test('bars are drawn over, what has ended stays above', async t => {
  const screen = new Screen()
  const bars = new Bars(screen)
  const one = bars.task('one', 1000)
  const two = bars.task('two')
  one.advance(500)
  two.advance(7)
  bars.note('a note')
  t.equal(
    screen.take(),
    '\r\x1b[Ja note\none [============            ] 500B of 1kB\ntwo: 7B\n',
  )
  one.advance(-250)
  two.done()
  t.equal(
    screen.take(),
    '\r\x1b[2A\x1b[Jtwo: done, 7B\none [======                  ] 250B of 1kB\n',
  )
  one.done('already there')
  one.done('twice')
  t.equal(screen.take(), '\r\x1b[1A\x1b[Jone: already there\n')
  bars.close()
  t.equal(screen.take(), '')
})

t.test('no more bars than there is room for', async t => {
  const screen = new Screen()
  const bars = new Bars(screen)
  for (let i = 0; i < 9; i++) bars.task(`${i} ${'x'.repeat(100)}`, 10)
  bars.note('note')
  const lines = screen.take().split('\n')
  t.equal(lines.length, 5)
  t.ok(lines.every(line => line.length < 60))
  bars.close()
})

t.test('sizes', async t => {
  t.same([0, 999, 1000, 1234, 12_345_678, 2.5e12].map(formatBytes), [
    ...['0B', '999B', '1kB', '1.23kB', '12.3MB', '2.5TB'],
  ])
})
