// Loading images: from the archive until every layer is verified and unpacked. Each starts from an
// empty store, on the disk that is measured on.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { settle } from '../disk.js'
import type { Figure } from '../figures.js'
import {
  commandFigure,
  hasDocker,
  plyfsWords,
  podmanWords,
  removeStore,
  runCommand,
  withDocker,
} from '../image-tools.js'
import { plainFigure } from '../measure.js'
import { imageArchive, readFile, type Stage } from '../stage.js'
import { atMost, target, type Target } from '../targets.js'
import { rotated, type Turn } from '../turns.js'
import type { Workload } from './workload.js'

const LOAD = 'load of a docker archive'
const DEEP = 'load of an image of 120 layers, from an OCI layout'
const PEERS = ['podman', 'docker', 'skopeo + umoci']

type Loader = (turn: Turn, archive: string) => Promise<Figure>

const loaders: Readonly<Record<string, Loader>> = {
  async plyfs(turn, archive) {
    const store = turn.stage.folder('load-plyfs')
    const words = [...plyfsWords(), 'load', '-q', '--root', store, '-i', archive]
    return loading(turn, 'plyfs', words, store)
  },
  async podman(turn, archive) {
    const store = turn.stage.folder('load-podman')
    const words = [...podmanWords(store), 'load', '-q', '-i', archive]
    return loading(turn, 'podman', words, store)
  },
  async docker(turn, archive) {
    const store = turn.stage.folder('load-docker')
    return withDocker(store, docker =>
      loading(turn, 'docker', [...docker, 'load', '-q', '-i', archive], store),
    )
  },
  async 'skopeo + umoci'(turn, archive) {
    const store = turn.stage.folder('load-umoci')
    const both = `skopeo copy -q "docker-archive:$1" "oci:$2/layout:image" &&
      umoci unpack --image "$2/layout:image" "$2/bundle"`
    return loading(
      turn,
      'skopeo + umoci',
      ['sh', '-c', both, 'sh', archive, store],
      store,
    )
  },
}

export const load: Workload = {
  name: 'load',
  ids: ['load'],
  async run(turn) {
    const archive = imageArchive(turn.stage.sizes.image)
    readFile(archive)
    const names = Object.keys(loaders).filter(
      name => turn.wants(name) && (name !== 'docker' || hasDocker()),
    )
    return inTurns(turn, names, LOAD, name => loaders[name]?.(turn, archive))
  },
  targets: () => [target('load', LOAD, null, [fastest(0.6, PEERS)])],
}

function fastest(factor: number, drivers: readonly string[]) {
  return { factor, drivers, title: LOAD, mode: null }
}

async function inTurns(
  turn: Turn,
  names: readonly string[],
  work: string,
  measure: (name: string) => Promise<Figure> | undefined,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const name of rotated(names, turn.round)) {
    settle(turn.stage.disk)
    try {
      const figure = await measure(name)
      if (figure !== undefined) figures.push(figure)
    } catch (error) {
      turn.failed(name, work, error)
    }
  }
  return figures
}

/** The store is removed afterwards, which is nobody's time. */
async function loading(
  turn: Turn,
  driver: string,
  words: readonly string[],
  store: string,
  title = LOAD,
): Promise<Figure> {
  try {
    const row = {
      row: title === LOAD ? 'load' : 'load-deep',
      title,
      proof: 'lines' as const,
    }
    return { ...(await commandFigure(turn, row, driver, words)), proof: '' }
  } finally {
    removeStore(store)
  }
}

export const loadDeep: Workload = {
  name: 'load-deep',
  ids: ['load-deep'],
  async run(turn) {
    const layout = deepLayout(turn.stage)
    const work = (name: string) => {
      const store = turn.stage.folder('load-deep')
      const words =
        name === 'plyfs'
          ? [...plyfsWords(), 'load', '-q', '--root', store, '-i', layout]
          : ['umoci', 'unpack', '--image', `${layout}:image`, `${store}/bundle`]
      return loading(turn, name, words, store, DEEP)
    }
    const names = ['umoci', 'plyfs'].filter(name => turn.wants(name))
    return inTurns(turn, names, DEEP, work)
  },
  targets: () => [atMost('load-deep', DEEP, null, 1, 'umoci')],
}

function deepLayout(stage: Stage): string {
  const layout = path.join(stage.disk, 'deep-layout')
  if (fs.existsSync(layout)) return layout
  const archive = imageArchive(null, 'deep120.oci.tar')
  execFileSync('skopeo', ['copy', '-q', `oci-archive:${archive}`, `oci:${layout}:image`])
  return layout
}

const SIZES_MB = [64, 1024] as const
const peakTitle = (size: number) =>
  `memory of a load, at its peak, of an image of ${size} MB`

export const loadMemory: Workload = {
  name: 'load-memory',
  ids: ['load-memory'],
  async run(turn) {
    if (!turn.wants('plyfs')) return []
    const figures: Figure[] = []
    for (const size of SIZES_MB) {
      const archive = plainArchive(turn.stage, size / turn.stage.sizes.size.divisor)
      const store = turn.stage.folder('load-memory')
      const words = [...plyfsWords(), 'load', '-q', '--root', store, '-i', archive]
      const { peak } = await runCommand(turn, ['run', '1', ...words])
      fs.rmSync(store, { recursive: true })
      figures.push(
        plainFigure({
          row: 'load-memory',
          title: peakTitle(size),
          mode: null,
          driver: 'plyfs',
          value: peak / 1024,
          unit: 'MB',
        }),
      )
    }
    return figures
  },
  targets: () => [flat()],
}

/** Sixteen times the size, and a fifth more memory at most: what buffers and collections vary. */
function flat(): Target {
  const [small, large] = SIZES_MB
  const title = peakTitle(small)
  const terms = [{ factor: 1.2, drivers: ['plyfs'], title, mode: null }]
  return target('load-memory', peakTitle(large), null, terms)
}

/** A docker archive of one layer with files of 1 MB. */
function plainArchive(stage: Stage, size: number): string {
  const archive = path.join(stage.disk, `plain${Math.ceil(size)}.tar`)
  if (fs.existsSync(archive)) return archive
  const folder = stage.folder('plain')
  const words = `mkdir files && for i in $(seq ${Math.ceil(size)}); do
      head -c 1048576 /dev/urandom >files/$i || exit; done
    tar -cf layer.tar files && rm -r files`
  execFileSync('sh', ['-c', words], { cwd: folder })
  const sum = execFileSync('sha256sum', ['layer.tar'], { cwd: folder, encoding: 'utf8' })
  const diffId = `sha256:${sum.split(' ')[0] ?? ''}`
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [],
  }
  const manifest = [
    { Config: 'config.json', RepoTags: ['plain:1'], Layers: ['layer.tar'] },
  ]
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config))
  fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest))
  const members = ['config.json', 'layer.tar', 'manifest.json']
  execFileSync('tar', ['-cf', archive, ...members], { cwd: folder })
  fs.rmSync(folder, { recursive: true })
  return archive
}
