// Paths as nodes: what is looked up for them, and that all of it is forgotten.
import t from 'tap'
import { E } from '../../../src/errno/errno.js'
import { FsError } from '../../../src/errno/fs-error.js'
import type { Operations } from '../../../src/fuse/operations.js'
import { NEVER, Reply } from '../../../src/fuse/reply.js'
import { Request } from '../../../src/fuse/request.js'
import { bytesOf, PathWalk } from '../../../src/fuse-native/path-walk.js'
import { S_IFDIR, S_IFREG } from '../../../src/sys/constants.js'
import { ST, STAT_WORDS } from '../../../src/sys/stat.js'

/** A file system of names alone: directories end in a slash. Counts what is owed for each node. */
class Names implements Pick<Operations, 'lookup' | 'forget'> {
  readonly owed = new Map<number, number>()
  lookups = 0
  readonly #paths: readonly string[]

  constructor(...paths: readonly string[]) {
    this.#paths = ['', '/', ...paths]
  }

  lookup(_req: Request, reply: Reply, parent: number, name: string): number {
    this.lookups++
    const above = this.#paths[parent] ?? ''
    if (!above.endsWith('/')) return -E.ENOTDIR
    const id = this.#paths.findIndex(path =>
      [`${above}${name}`, `${above}${name}/`].includes(path),
    )
    if (id < 0) {
      reply.negativeEntry(NEVER)
      return 0
    }
    const record = new Uint32Array(STAT_WORDS)
    record[ST.mode] = this.#paths[id]?.endsWith('/') === true ? S_IFDIR : S_IFREG
    reply.entry(id, 0, NEVER, NEVER, record)
    this.owed.set(id, (this.owed.get(id) ?? 0) + 1)
    return 0
  }

  forget(nodeid: number, count: number): void {
    this.owed.set(nodeid, (this.owed.get(nodeid) ?? 0) - count)
  }

  /** Nodes for which more or less was forgotten than looked up. */
  unbalanced(): string[] {
    return [...this.owed]
      .filter(([, count]) => count !== 0)
      .map(([id, count]) => `${this.#paths[id] ?? '?'}: ${count}`)
  }
}

function walkOf(names: Names, most?: number): PathWalk {
  const memory = new ArrayBuffer(4096)
  const request = new Request(new ArrayBuffer(40), 0, 40, -1)
  return new PathWalk(names, request, new Reply(memory), most)
}

const same = (nodeid: number): number => nodeid

t.test('a path leads to its node, and a file is forgotten at once', async t => {
  const names = new Names('/d/', '/d/e/', '/d/e/f')
  const walk = walkOf(names)
  t.equal(walk.on('/', same), 1)
  t.equal(walk.on('/d/e/f', same), 4)
  t.same(names.unbalanced(), ['/d/: 1', '/d/e/: 1'], 'directories are held')
  walk.letGoOfAll()
  t.same(names.unbalanced(), [])
})

t.test('what is held is not looked up again', async t => {
  const names = new Names('/d/', '/d/e/', '/d/e/f')
  const walk = walkOf(names)
  walk.on('/d/e/f', same)
  names.lookups = 0
  walk.on('/d/e/f', same)
  t.equal(names.lookups, 1, 'the file alone')
  walk.on('/d/e', same)
  t.equal(names.lookups, 1)
})

t.test('a failing operation forgets too', async t => {
  const names = new Names('/f')
  const walk = walkOf(names)
  const fails = (): number => {
    throw new FsError(E.EIO, 'test')
  }
  t.throws(() => walk.on('/f', fails), { code: 'EIO' })
  t.same(names.unbalanced(), [])
})

t.test('absent names, and files in the place of directories', async t => {
  const names = new Names('/d/', '/d/f')
  const walk = walkOf(names)
  t.equal(walk.on('/d/none', same), -E.ENOENT)
  t.equal(walk.on('/none/none', same), -E.ENOENT)
  t.equal(walk.on('/d/f/g', same), -E.ENOTDIR)
  t.same(walk.parentOf('/none/x'), [-E.ENOENT, 'x'])
  walk.letGoOfAll()
  t.same(names.unbalanced(), [])
})

t.test('what is removed is known meanwhile, and forgotten after', async t => {
  const names = new Names('/f')
  const walk = walkOf(names)
  const seen = walk.whileKnown(1, 'f', () => names.owed.get(2) ?? 0)
  t.equal(seen, 1)
  t.equal(
    walk.whileKnown(1, 'none', () => 7),
    7,
    'an absent name',
  )
  const throws = (): number => {
    throw new FsError(E.EIO, 'test')
  }
  t.throws(() => walk.whileKnown(1, 'f', throws), { code: 'EIO' })
  t.same(names.unbalanced(), [])
})

t.test('few are held: the one used longest ago goes first', async t => {
  const names = new Names('/a/', '/b/', '/c/', '/c/f')
  const walk = walkOf(names, 2)
  for (const path of ['/a', '/b', '/a', '/c']) walk.on(path, same)
  t.same(names.unbalanced(), ['/a/: 1', '/c/: 1'])
  names.lookups = 0
  walk.on('/a', same)
  t.equal(names.lookups, 0)
  walk.letGoOfAll()
  t.same(names.unbalanced(), [])
})

t.test('what was moved or removed is let go of, with all below it', async t => {
  const names = new Names('/d/', '/d/e/', '/d/e/g/', '/de/')
  const walk = walkOf(names)
  for (const path of ['/d/e/g', '/de']) walk.on(path, same)
  walk.letGo('/d/e')
  t.same(names.unbalanced(), ['/d/: 1', '/de/: 1'])
  walk.letGo('/d')
  t.same(names.unbalanced(), ['/de/: 1'])
})

t.test('names are bytes of UTF-8, and what was none is refused', async t => {
  t.equal(bytesOf('é'), '\xc3\xa9')
  t.equal(bytesOf('plain'), 'plain')
  t.throws(() => bytesOf('a\ufffd'), { code: 'EILSEQ' })
})
