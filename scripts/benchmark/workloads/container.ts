// Containers: from the command to the first output of what runs in one, and what `diff` and
// `commit` of a small change take. Beside plyfs, podman with its native driver, and the bare
// sequence: mount by fuse-overlayfs, runc, unmount.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { withDaemon } from '../drivers/daemon.js'
import type { Figure } from '../figures.js'
import { commandFigure, plyfsWords, podmanWords, runCommand } from '../image-tools.js'
import { figureOf } from '../measure.js'
import { imageArchive, type Stage } from '../stage.js'
import { atMost, target, type Term } from '../targets.js'
import { rotated, type Turn } from '../turns.js'
import { nodeStart } from './start.js'
import { QUICK_CHECK } from './verify.js'
import type { Workload } from './workload.js'

const RUN = 'container: from the command to its first output'
const HANDED = 'container: from the command to its first output, with a running daemon'
const BARE = 'mount, runc, unmount'
const NODE = 'node -e 0, beside the containers'
const DIFF = 'diff of a small change of a container'
const COMMIT = 'commit of a small change of a container'
const NAME = 'bench-container'
const CHANGE = 'echo changed >/etc/bench; rm /etc/issue'

const node = (factor: number): Term => ({
  factor,
  drivers: ['node'],
  title: NODE,
  mode: null,
})

export const containerStart: Workload = {
  name: 'container-start',
  ids: ['container'],
  async run(turn) {
    const figures: Figure[] = [nodeStart('container', NODE)]
    const { root, name } = storeOf(turn.stage)
    const podman = podmanOf(turn.stage)
    const plyfs = ['run', '--root', root, '--rm', name, 'echo', 'hello']
    const systems: [string, () => Promise<Figure[]>][] = [
      [
        'podman',
        () =>
          started(turn, RUN, 'podman', [
            ...podman.words,
            ...podmanRun,
            podman.image,
            'echo',
            'hello',
          ]),
      ],
      ['bare', () => bareSequence(turn)],
      ['plyfs', () => started(turn, RUN, 'plyfs', [...plyfsWords(), ...plyfs])],
      ['plyfs', () => handed(turn, root, plyfs)],
    ]
    for (const [driver, system] of rotated(systems, turn.round)) {
      if (!turn.wants(driver)) continue
      try {
        figures.push(...(await system()))
      } catch (error) {
        turn.failed(driver, RUN, error)
      }
    }
    return figures
  },
  targets: () => {
    const podman = { factor: 0.5, drivers: ['podman'], title: RUN, mode: null }
    const bare = { factor: 1.2, drivers: ['bare'], title: BARE, mode: null }
    return [
      target('container', HANDED, null, [podman]),
      target('container', HANDED, null, [node(1), bare, ...QUICK_CHECK]),
    ]
  },
}

const podmanRun = ['run', '--rm', '--network', 'none']

async function started(
  turn: Turn,
  title: string,
  driver: string,
  words: readonly string[],
): Promise<Figure[]> {
  const output = await runCommand(turn, ['first', ...words])
  const row = { row: 'container', title, client: [], proof: 'bytes' as const }
  return [figureOf(row, null, driver, output, 0)]
}

async function handed(
  turn: Turn,
  root: string,
  words: readonly string[],
): Promise<Figure[]> {
  return withDaemon(
    turn.stage,
    async daemon => {
      const all = [...plyfsWords(daemon.environment['PLYFS_HOST']), ...words]
      // The first container of a daemon makes what later ones find.
      await runCommand(turn, ['first', ...all])
      await daemon.rest()
      return started(turn, HANDED, 'plyfs', all)
    },
    root,
  )
}

/** The same work by hand, until the mount is gone again. */
async function bareSequence(turn: Turn): Promise<Figure[]> {
  const bundle = turn.stage.folder('bundle')
  for (const name of ['rootfs', 'upper', 'work', 'state'])
    fs.mkdirSync(path.join(bundle, name))
  execFileSync('runc', ['spec'], { cwd: bundle })
  const file = path.join(bundle, 'config.json')
  const spec = JSON.parse(fs.readFileSync(file, 'utf8')) as {
    process: { terminal: boolean; args: string[]; rlimits: unknown }
    root: { readonly: boolean }
  }
  spec.process.terminal = false
  spec.process.args = ['echo', 'hello']
  spec.root.readonly = false
  fs.writeFileSync(file, JSON.stringify(spec))
  const lower = turn.stage.image.lowers.join(':')
  const options = `lowerdir=${lower},upperdir=${bundle}/upper,workdir=${bundle}/work`
  const words = `cd "$1" && fuse-overlayfs -o "$2" rootfs >/dev/null &&
    runc --root "$1/state" run bench-bare </dev/null && umount rootfs`
  const row = { row: 'container', title: BARE, proof: 'bytes' as const }
  const figure = await commandFigure(turn, row, 'bare', [
    'sh',
    '-c',
    words,
    'sh',
    bundle,
    options,
  ])
  return [figure]
}

export const containerChange: Workload = {
  name: 'container-change',
  ids: ['commit'],
  async run(turn) {
    const figures: Figure[] = [nodeStart('commit', NODE)]
    const { root, name } = storeOf(turn.stage)
    const podman = podmanOf(turn.stage)
    const inStore = (verb: string, ...words: string[]) => [
      ...plyfsWords(),
      verb,
      '--root',
      root,
      ...words,
    ]
    const systems: [string, Verbs][] = [
      [
        'plyfs',
        {
          run: inStore('run', '--name', NAME, name, 'sh', '-c', CHANGE),
          diff: inStore('diff', NAME),
          commit: inStore('commit', NAME, 'bench-image:1'),
          remove: [inStore('rm', NAME), inStore('rmi', 'bench-image:1')],
        },
      ],
      ['podman', podmanVerbs(podman)],
    ]
    for (const [driver, verbs] of rotated(systems, turn.round)) {
      if (!turn.wants(driver)) continue
      try {
        figures.push(...(await changed(turn, driver, verbs)))
      } catch (error) {
        turn.failed(driver, DIFF, error)
      }
    }
    return figures
  },
  targets: () =>
    [DIFF, COMMIT].map(title => ({
      ...atMost('commit', title, null, 1, 'podman'),
      without: [node(1)],
    })),
}

interface Verbs {
  readonly run: readonly string[]
  readonly diff: readonly string[]
  readonly commit: readonly string[]
  readonly remove: readonly (readonly string[])[]
}

function podmanVerbs({
  words,
  image,
}: {
  words: readonly string[]
  image: string
}): Verbs {
  const named = ['--name', NAME, '--network', 'none', image]
  return {
    run: [...words, 'run', ...named, 'sh', '-c', CHANGE],
    diff: [...words, 'diff', NAME],
    commit: [...words, 'commit', '-q', NAME, 'bench-image:1'],
    remove: [
      [...words, 'rm', NAME],
      [...words, 'rmi', 'bench-image:1'],
    ],
  }
}

async function changed(turn: Turn, driver: string, verbs: Verbs): Promise<Figure[]> {
  await runCommand(turn, ['run', '1', ...verbs.run])
  try {
    const diff = { row: 'commit', title: DIFF, proof: 'lines' as const }
    const commit = { row: 'commit', title: COMMIT, proof: 'lines' as const }
    return [
      await commandFigure(turn, diff, driver, verbs.diff),
      await commandFigure(turn, commit, driver, verbs.commit),
    ]
  } finally {
    for (const words of verbs.remove) await runCommand(turn, ['run', '1', ...words])
  }
}

function storeOf(stage: Stage): { root: string; name: string } {
  const { image } = stage.image
  if (image === undefined) throw new Error('the image is in no store')
  return image
}

/** podman with the image in its storage. */
function podmanOf(stage: Stage): { words: readonly string[]; image: string } {
  const folder = path.join(stage.disk, 'podman')
  const isNew = !fs.existsSync(folder)
  const words = podmanWords(folder)
  const [program = '', ...rest] = words
  const run = (...verb: string[]) =>
    execFileSync(program, [...rest, ...verb], { encoding: 'utf8' })
  if (isNew) run('load', '-q', '-i', imageArchive(stage.sizes.image))
  return { words, image: run('images', '-q').trim().split('\n')[0] ?? '' }
}
