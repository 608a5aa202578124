// One file's data against a model (exerciser.c): on a new file, and on a lower file that is copied
// up under a reader; several files at once.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isolated, scratch } from '../helpers/isolated.js'
import { must, run } from '../helpers/run.js'
import {
  FUSE_NATIVE,
  GROUNDS,
  type Ground,
  makeLayers,
  removeLayers,
  seconds,
  writeNoise,
  limits,
} from './grounds.js'

const { t } = await isolated(import.meta.url, limits())
t.setTimeout(0)

const WORKERS = 4
/** About as many as an idle machine does in a second. */
const OPERATIONS_A_SECOND = 600
const LOWER_SIZES = [1, 4096, 70_000, 700_000]

const source = fileURLToPath(
  new URL('../../../test/exerciser/exerciser.c', import.meta.url),
)
const program = join(scratch(), 'exerciser')
await must('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source])
const operations = Math.round(seconds() * OPERATIONS_A_SECOND)
const seed = seconds() > 2 ? Date.now() % 1_000_000 : 1

/** The exerciser on each of the files at once; what it says is wrong. */
async function exercise(
  ground: Ground,
  directory: string,
  names: readonly string[],
): Promise<string[]> {
  const more = [
    ...(ground.mapsLower ? ['anew'] : []),
    ...(ground.kind === 'xfs' ? ['synced'] : []),
    ...(ground.allocatesNot === true ? ['plain'] : []),
  ]
  const limit = 60_000 + seconds() * 20_000
  const runs = names.map((name, i) =>
    run(program, [join(directory, name), String(operations), String(seed + i), ...more], {
      limit,
    }),
  )
  const results = await Promise.all(runs)
  return results
    .filter(({ status }) => status !== 0)
    .map(({ status, stdout, stderr, timedOut }) =>
      timedOut ? 'it hangs' : `status ${status ?? '?'}: ${stdout}${stderr}`,
    )
}

for (const ground of [...GROUNDS, ...FUSE_NATIVE]) {
  await t.test(ground.name, async t => {
    const layers = await makeLayers(ground.kind, lower => {
      for (const size of LOWER_SIZES) writeNoise(lower, `lower-${size}`, size)
    })
    const mounted = await ground.mount(layers)
    const fresh = Array.from({ length: WORKERS }, (_, i) => `new-${i}`)
    t.same(await exercise(ground, mounted.point, fresh), [], `new files, seed ${seed}`)
    const lower = LOWER_SIZES.map(size => `lower-${size}`)
    t.same(
      await exercise(ground, mounted.point, lower),
      [],
      `files that are copied up, seed ${seed}`,
    )
    t.same(await mounted.end(), [], 'it ends well')
    for (const size of LOWER_SIZES) {
      const name = `lower-${size}`
      const kept = fs.statSync(join(layers.lower[0] ?? '', name)).size
      t.equal(kept, size, `${name} below is as it was`)
    }
    removeLayers(layers)
  })
}
