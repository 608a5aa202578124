// 20,000 random operations on plyfs and on kernel overlayfs, on ext4 and on xfs; and two proofs of
// the fuzzer itself: kernel overlayfs does not differ from itself, and fuse-overlayfs does.
// Longer runs are `scripts/fuzz --minutes N` and scripts/soak. A difference is shortened with
// `scripts/fuzz --seed S --fs F`.
import t from 'tap'
import { join } from 'node:path'
import { projectRoot } from '../../scripts/fuzzer/project.js'
import { run } from '../helpers/run.js'

t.setTimeout(0)

const OPERATIONS = 10_000

async function fuzz(...args: string[]): Promise<{ status: number | null; said: string }> {
  const save = join(projectRoot(), '.build/fuzz-differences')
  const { status, stdout, stderr } = await run(
    join(projectRoot(), 'scripts/fuzz'),
    ['--no-build', '--no-shrink', '--save', save, ...args],
    { limit: 400_000 },
  )
  const said = stdout + stderr
  for (const line of said.trimEnd().split('\n')) t.comment(line)
  return { status, said }
}

t.test('kernel overlayfs does not differ from itself', async t => {
  const { status } = await fuzz('--target', 'kernel', '--ops', '2000', '--seed', '1')
  t.equal(status, 0)
})

t.test('fuse-overlayfs differs from kernel overlayfs', async t => {
  const { status, said } = await fuzz(
    '--target',
    'fuse-overlayfs',
    '--ops',
    '200',
    '--seed',
    '1',
  )
  t.equal(status, 1)
  t.match(said, /^1 differences/m)
})

const missing: string[][] = []

for (const [fs, seed] of [
  ['ext4', '100'],
  ['xfs', '200'],
] as const) {
  t.test(`${OPERATIONS} operations on ${fs}`, async t => {
    const { status, said } = await fuzz(
      '--ops',
      String(OPERATIONS),
      '--fs',
      fs,
      '--seed',
      seed,
    )
    t.equal(status, 0, /differences, .*/.exec(said)?.[0] ?? 'it ended early')
    missing.push(/^opcodes never reached: (.*)$/m.exec(said)?.[1]?.split(' ') ?? [])
  })
}

t.test('every opcode was reached in one of the runs', async t => {
  const [one = [], other = []] = missing
  t.same(
    one.filter(name => other.includes(name)),
    [],
  )
})
