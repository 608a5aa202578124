// Many processes at once on one mount, judged by invariants: no lost name, no wrong content, no
// wrong errno. Kernel overlayfs is held to the same, which proves the invariants.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freshDirectory, sharedFilesystem } from '../helpers/images.js'
import { isolated } from '../helpers/isolated.js'
import {
  mountOverlay,
  mountPlyfs,
  type Layers,
  type Mounted,
} from '../helpers/mounted.js'
import { STORMS, type Storm } from './storm/plays.js'
import { runStorm } from './storm/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const PROCESSES = 6
/** Of each storm: 1 in the test run, more in scripts/soak. */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } })
const MILLISECONDS = Number(values.seconds) * 1000

/**
 * What the kernel shows of a file that is being truncated and is read through its cache in
 * write-through mode (docs/architecture.md): zeros, as long as what was there.
 */
const CUT_MEANWHILE = /\/file-\d: \0+$/

/** Of the steps, many of which read nothing. */
const RARELY = 1 / 1000

interface Ground {
  readonly name: string
  /** Findings that are the kernel's, not the filesystem's. */
  readonly ofTheKernel?: RegExp
  readonly milliseconds: number
  mount(layers: Layers): Promise<Mounted>
}

const GROUNDS: readonly Ground[] = [
  { name: 'kernel overlayfs', milliseconds: 500, mount: layers => mountOverlay(layers) },
  { name: 'plyfs', milliseconds: MILLISECONDS, mount: layers => mountPlyfs(layers) },
  {
    name: 'plyfs without passthrough',
    ofTheKernel: CUT_MEANWHILE,
    milliseconds: MILLISECONDS,
    mount: layers => mountPlyfs(layers, { options: ['passthrough=off'] }),
  },
]

async function makeLayers(): Promise<Required<Layers>> {
  const { root } = await sharedFilesystem('ext4')
  const lower = freshDirectory(root, 'lower')
  for (const storm of STORMS) {
    const place = join(lower, storm.name)
    fs.mkdirSync(place)
    storm.prepare(place)
  }
  return {
    lower: [lower],
    upper: freshDirectory(root, 'upper'),
    work: freshDirectory(root, 'work'),
  }
}

async function play(
  storm: Storm,
  mounted: Mounted,
  { milliseconds, ofTheKernel }: Ground,
): Promise<string[]> {
  const root = join(mounted.point, storm.name)
  const { steps, findings } = await runStorm(storm, root, PROCESSES, milliseconds, 1)
  const ours = findings.filter(one => ofTheKernel?.test(one) !== true)
  t.comment(
    `${storm.name}: ${steps} steps, ${findings.length - ours.length} of the kernel's`,
  )
  if (steps === 0) ours.push('nothing was done')
  if (findings.length - ours.length > steps * RARELY) ours.push(...findings)
  return ours
}

for (const ground of GROUNDS) {
  await t.test(ground.name, async t => {
    const mounted = await ground.mount(await makeLayers())
    for (const storm of STORMS) {
      t.same(await play(storm, mounted, ground), [], storm.about)
    }
    t.same(await mounted.end(), [], 'it ends well')
  })
}
