// A container that writes while it is committed: frozen, its files are all of one moment; without
// the freeze they are not, which shows that there was something to get wrong.
import { isolated } from '../../helpers/isolated.js'
import { directory } from '../../helpers/make-tar.js'
import { loadBox, ok, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadBox('writer:1', [directory('d/')])

/**
 * Large files lie between the first and the last in the order of the walk, which takes the sizes of
 * a directory's files when it enters it.
 */
const WRITER = `mkdir /d/first /d/large /d/last
  for name in m n; do dd if=/dev/zero of=/d/large/$name bs=1M count=64 2>/dev/null; done
  echo begins
  i=0
  while true; do
    i=$((i + 1))
    echo "record $i" >> /d/first/a
    echo "record $i" >> /d/last/z
  done`
const COMMITS = 20

const writer = await ok('run', '-d', 'writer:1', 'sh', '-c', WRITER)
t.ok(await until(async () => (await ok('logs', writer)) === 'begins'), 'it writes')

t.test(`${COMMITS} commits of a frozen container hold one moment each`, async t => {
  for (let i = 0; i < COMMITS; i++) {
    const { first, last } = await committed('-p')
    t.ok(isWhole(first) && isWhole(last), 'whole records', { first, last })
    const ahead = countOf(first) - countOf(last)
    t.ok(ahead === 0 || ahead === 1, `the first file is ${ahead} records ahead`)
  }
})

t.test('commits without the freeze do not', async t => {
  let torn = false
  for (let i = 0; i < COMMITS && !torn; i++) {
    const { first, last } = await committed('-p=false')
    const ahead = countOf(first) - countOf(last)
    torn = !isWhole(first) || !isWhole(last) || (ahead !== 0 && ahead !== 1)
  }
  t.ok(torn, 'one of them is of several moments')
  await ok('rm', '-f', writer)
})

/** The ends of the first and of the last file that the walk meets, as committed. */
async function committed(pause: string): Promise<{ first: string; last: string }> {
  const image = await ok('commit', pause, writer)
  const [first, last] = await Promise.all([
    ok('cat', image, '/d/first/a'),
    ok('cat', image, '/d/last/z'),
  ])
  await ok('rmi', image)
  return { first: first.slice(-100), last: last.slice(-100) }
}

/** `ok` takes the last newline away. */
function isWhole(end: string): boolean {
  return /(^|\n)record \d+$/.test(end)
}

function countOf(end: string): number {
  return Number(/\d+$/.exec(end)?.[0])
}
