// An image that was recorded when it was unpacked is mounted from that record: it shows what it
// shows without it, to the inode number, and asks its layers nothing; a record that is not of these
// layers, or not whole, is made anew. The counterpart is kernel overlayfs.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink, symlink } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'
import { describeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const many = Array.from({ length: 600 }, (_, i) =>
  file(`many/${i}-${'x'.repeat(i % 90)}`, `${i}`),
)
const image = makeImage([
  [
    directory('etc/'),
    file('etc/hosts', 'localhost\n'),
    file('etc/passwd', 'root\n'),
    directory('gone/'),
    file('gone/below', 'below'),
    directory('opaque/'),
    file('opaque/lower', 'lower'),
    directory('opaque/both/'),
    file('opaque/both/lower', 'lower'),
    directory('merged/'),
    directory('merged/deep/'),
    file('merged/deep/lower', 'lower', { mode: 0o4755, uid: 3, gid: 4 }),
    directory('turned/'),
    file('turned/inside', 'inside'),
    file('becomes', 'a file'),
    file('first', 'linked'),
    hardlink('second', 'first'),
    file('names/\xff\xfe\nodd \\ name', 'odd'),
    file('names/caf\xe9', 'latin1'),
    symlink('link', 'etc/hosts'),
    { path: 'fifo', flag: '6' },
    { path: 'device', flag: '3', major: 1, minor: 3 },
    { path: 'sparse', data: Buffer.alloc(300_000) },
    directory('many/'),
    ...many,
  ],
  [
    file('etc/.wh.passwd'),
    file('.wh.gone'),
    directory('opaque/'),
    file('opaque/.wh..wh..opq'),
    file('opaque/upper', 'upper'),
    directory('opaque/both/'),
    file('opaque/both/upper', 'upper'),
    directory('merged/'),
    directory('merged/deep/', { mode: 0o750 }),
    file('merged/deep/upper', 'upper'),
    file('.wh.turned'),
    file('turned', 'a file where a directory was'),
    directory('becomes/'),
    file('becomes/inside', 'a directory where a file was'),
    hardlink('third', 'first'),
    file('many/.wh.7-xxxxxxx'),
  ],
  [file('merged/deep/top', 'top'), file('etc/hosts', 'again\n'), file('gone', 'back')],
])
const archive = path.join(scratch(), 'image.tar')
fs.writeFileSync(archive, dockerArchive([{ image, tags: ['odd:1'] }]))
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)

let stores = 0

interface Loaded {
  readonly root: string
  /** Topmost first. */
  readonly layers: readonly string[]
  /** The record. */
  readonly tree: string
}

async function load(): Promise<Loaded> {
  const root = path.join(scratch(), `store-${++stores}`)
  await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
  const records = fs.readdirSync(path.join(root, 'layers')).map(hex => {
    const folder = path.join(root, 'layers', hex)
    const text = fs.readFileSync(path.join(folder, 'layer.json'), 'utf8')
    return { folder, ...(JSON.parse(text) as { chainId: string; parent: string | null }) }
  })
  const layers: string[] = []
  let above: string | null = null
  for (;;) {
    const next = records.find(one => one.parent === above)
    if (next === undefined) break
    layers.unshift(next.folder)
    above = next.chainId
  }
  return {
    root,
    layers: layers.map(one => path.join(one, 'diff')),
    tree: path.join(layers[0] ?? '', 'tree'),
  }
}

function plyfs(root: string, verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', root, ...args], { limit: 60_000 })
}

/** Every entry by find: what stat(2) says, inode numbers, link counts and blocks included. */
async function found(): Promise<string[]> {
  const format = '%P\\t%y %m %U %G %s %b %n %i %T@ %C@\\0'
  const told = await must('find', [point, '-printf', format])
  return told.split('\0').sort()
}

async function mounted<T>(
  root: string,
  work: () => Promise<T>,
  ...more: string[]
): Promise<T> {
  const ran = await plyfs(root, 'mount', ...more, 'odd:1', point)
  if (ran.status !== 0) throw new Error(ran.stderr)
  try {
    return await work()
  } finally {
    await must('umount', [point])
  }
}

async function overlay<T>(
  kind: string,
  options: string,
  work: () => Promise<T>,
): Promise<T> {
  const plain = ['mount', '-t', 'overlay', 'overlay', '-o', options, point]
  if (kind === 'kernel') await must('mount', plain.slice(1))
  else await must(plyfsProgram(), ['mount', '-o', options, point])
  try {
    return await work()
  } finally {
    await must('umount', [point])
  }
}

t.test(
  'shows what the layers show without it, and what kernel overlayfs shows',
  async t => {
    const { root, layers, tree } = await load()
    t.ok(fs.existsSync(tree), 'recorded when it was unpacked')
    t.equal(fs.statSync(tree).mode & 0o7777, 0o600, 'for nobody else: it holds a secret')
    const lower = `lowerdir=${layers.join(':')}`
    const plain = await overlay('plyfs', lower, found)
    t.ok(plain.length > 600, 'there is something')
    const describe = (): Promise<string[]> => Promise.resolve(describeTree(point))
    const kernel = await overlay('kernel', lower, describe)
    const before = fs.statSync(tree).ino
    t.same(await mounted(root, found), plain, 'by stat')
    t.same(await mounted(root, describe), kernel, 'by contents and attributes')
    // The root is the writable layer's own.
    const below = (lines: readonly string[]): string[] =>
      lines.filter(line => !line.startsWith('\t'))
    t.same(
      below(await mounted(root, found, '--rw')),
      below(plain),
      'with a writable layer',
    )
    t.equal(fs.statSync(tree).ino, before, 'the record is the same')
  },
)

t.test('asks the layers nothing', async t => {
  const { root, layers } = await load()
  const before = await mounted(root, found)
  const after = await mounted(
    root,
    async () => {
      for (const layer of layers)
        for (const name of fs.readdirSync(layer, 'latin1'))
          fs.rmSync(Buffer.from(`${layer}/${name}`, 'latin1'), { recursive: true })
      t.same(
        layers.flatMap(layer => fs.readdirSync(layer)),
        [],
        'nothing is left',
      )
      const told = await found()
      t.throws(() => fs.statSync(`${point}/etc/absent`), { code: 'ENOENT' })
      t.throws(() => fs.readFileSync(`${point}/etc/hosts`), 'contents are not recorded')
      return told
    },
    '--verify=none',
  )
  t.same(after, before)
})

t.test('names that were never listed come from it', async t => {
  const { root, layers } = await load()
  await mounted(
    root,
    () => {
      const before = fs.lstatSync(`${point}/merged/deep/lower`)
      for (const layer of layers)
        fs.rmSync(`${layer}/merged`, { recursive: true, force: true })
      const stat = fs.lstatSync(`${point}/merged/deep/upper`)
      t.equal(stat.size, 5)
      t.equal(fs.lstatSync(`${point}/merged/deep/lower`).ino, before.ino)
      t.equal(fs.lstatSync(`${point}/merged/deep`).mode & 0o7777, 0o750)
      t.throws(() => fs.lstatSync(`${point}/merged/absent`), { code: 'ENOENT' })
      t.throws(() => fs.lstatSync(`${point}/turned/inside`), { code: 'ENOTDIR' })
      t.throws(() => fs.lstatSync(`${point}/opaque/lower`), { code: 'ENOENT' })
      return Promise.resolve()
    },
    '--verify=none',
  )
})

t.test('hard links are one inode under all names', async t => {
  const { root } = await load()
  await mounted(root, () => {
    const [second, third] = ['second', 'third'].map(name =>
      fs.statSync(`${point}/${name}`),
    )
    const first = fs.statSync(`${point}/first`)
    t.equal(first.ino, third?.ino)
    t.equal(first.nlink, third?.nlink)
    t.ok(second)
    return Promise.resolve()
  })
})

/** The record with another version's number, and a seal that fits. */
function ofAnotherVersion(bytes: Buffer): Buffer {
  const body = Buffer.from(bytes.subarray(0, bytes.length - 32))
  body.writeUInt32LE(body.readUInt32LE(36) + 1, 36)
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

t.test(
  'is made anew when it is not there, not whole, or not of this version',
  async t => {
    const { root, tree } = await load()
    const expected = await mounted(root, found)
    const bytes = fs.readFileSync(tree)
    const changes: readonly (readonly [string, () => void])[] = [
      ['absent', () => fs.rmSync(tree)],
      ['empty', () => fs.writeFileSync(tree, '')],
      ['cut off', () => fs.writeFileSync(tree, bytes.subarray(0, 5000))],
      ['damaged', () => fs.writeFileSync(tree, Buffer.from(bytes).fill(9, 900, 904))],
      ['of another version', () => fs.writeFileSync(tree, ofAnotherVersion(bytes))],
    ]
    for (const [what, change] of changes) {
      change()
      const changed = fs.existsSync(tree) ? fs.statSync(tree).ino : 0
      t.same(await mounted(root, found), expected, what)
      t.not(fs.statSync(tree).ino, changed, `${what}: replaced`)
      t.equal(fs.statSync(tree).size, bytes.length, `${what}: whole`)
    }
    t.same(fs.readdirSync(`${root}/incoming`), [], 'nothing is left behind')
  },
)

t.test('is made anew when a layer was', async t => {
  const { root, layers, tree } = await load()
  const old = fs.readFileSync(tree).subarray(0, 32)
  fs.chmodSync(`${layers[2] ?? ''}/merged/deep/lower`, 0o600)
  const repaired = await plyfs(root, 'fsck', '-q', '--repair')
  t.match(repaired, { status: 0, stdout: /unpacked anew/ })
  const plain = await overlay('plyfs', `lowerdir=${layers.join(':')}`, found)
  t.same(await mounted(root, found), plain)
  t.notSame(fs.readFileSync(tree).subarray(0, 32), old)
})

t.test('a mount goes on without it where nothing can be written', async t => {
  const { root, tree } = await load()
  const expected = await mounted(root, found)
  fs.rmSync(tree)
  const incoming = `${root}/incoming`
  await must('mount', ['--bind', incoming, incoming])
  await must('mount', ['-o', 'remount,bind,ro', incoming])
  t.same(await mounted(root, found), expected)
  t.notOk(fs.existsSync(tree))
  await must('umount', [incoming])
})

/** Changes of every kind to what lies in lower layers. */
const CHANGES = `
  set -e
  echo more >> merged/deep/lower
  mv merged renamed
  mkdir merged; echo new > merged/deep
  rm opaque/both/upper; rmdir opaque/both
  rm -r becomes; echo file > becomes
  ln first fourth; echo x >> third
  mv many/0- many/moved; rm many/1-x; touch many/new
  chmod 700 etc; rm etc/hosts; mkdir etc/hosts
  mv names other; rm -r other/*odd*
  mknod made p
`

t.test('a writable layer over it ends as kernel overlayfs ends', async t => {
  const { root, layers } = await load()
  const work = path.join(scratch(), 'kernel')
  fs.mkdirSync(`${work}/upper`, { recursive: true })
  fs.mkdirSync(`${work}/work`)
  const change = (): Promise<string> => must('sh', ['-c', CHANGES], { cwd: point })
  const describe = (): string[] => describeTree(point)
  const options = `lowerdir=${layers.join(':')},upperdir=${work}/upper,workdir=${work}/work,redirect_dir=on,index=on`
  const kernel = await overlay('kernel', options, async () => {
    await change()
    return describe()
  })
  const first = await mounted(
    root,
    async () => {
      await found()
      await change()
      return describe()
    },
    '--rw=kept',
  )
  t.same(first, kernel, 'listed first, then changed')
  const again = (): Promise<string[]> => Promise.resolve(describe())
  t.same(await mounted(root, again, '--rw=kept'), kernel, 'mounted again')
  await mounted(root, change, '--rw=unlisted')
  t.same(await mounted(root, again, '--rw=unlisted'), kernel, 'changed without listing')
  t.same(await mounted(root, again), await mounted(root, again, '--verify=full'))
})

t.test(
  'fsck names one that is damaged; gc removes those of images that are gone',
  async t => {
    const { root, tree, layers } = await load()
    fs.writeFileSync(tree, fs.readFileSync(tree).fill(7, 500, 501))
    t.match(await plyfs(root, 'fsck', '-q'), { status: 1, stdout: /index .* is damaged/ })
    t.match(await plyfs(root, 'fsck', '-q', '--repair'), { status: 0 })
    t.notOk(fs.existsSync(tree))
    t.match(await plyfs(root, 'fsck', '-q'), { status: 0, stdout: /no problems/ })
    await mounted(root, found)
    t.ok(fs.existsSync(tree))
    // One that the layer below would have for an image that is not there any more.
    const below = (layers[1] ?? '').replace(/diff$/, 'tree')
    fs.copyFileSync(tree, below)
    t.match(await plyfs(root, 'gc'), { status: 0 })
    t.same([fs.existsSync(tree), fs.existsSync(below)], [true, false])
    t.match(await plyfs(root, 'rmi', 'odd:1'), { status: 0 })
    t.same(fs.readdirSync(`${root}/layers`), [])
  },
)
