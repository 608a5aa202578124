// Mounts without an upper, and the generic mount options.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { agentProgram } from '../../helpers/agent.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import {
  character,
  describeTree,
  dir,
  fifo,
  file,
  symlink,
  type Tree,
} from '../../helpers/tree.js'
import * as fs from 'node:fs'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MIB = 1 << 20
const program = fs.readFileSync(await agentProgram()).toString('latin1')
const tree: Tree = {
  f: file('f', { mtime: 1_000_000_000n, atime: 1_000_000_000n }),
  d: dir({ a: file('a') }),
  l: symlink('f'),
  p: fifo(),
  run: file(program, { mode: 0o4755 }),
  null: character(1, 3, { mode: 0o666 }),
}

const attempts: readonly (readonly [string, (at: string) => unknown])[] = [
  ['write', at => calls.open(`${at}/f`, C.O_WRONLY)],
  ['truncate', at => calls.open(`${at}/f`, C.O_RDONLY | C.O_TRUNC)],
  ['create', at => calls.writeFile(`${at}/n`, '')],
  ['tmpfile', at => calls.open(at, C.O_RDWR | C.O_TMPFILE)],
  ['mkdir', at => calls.mkdir(`${at}/n`)],
  ['rmdir', at => calls.rmdir(`${at}/d`)],
  ['unlink', at => calls.unlink(`${at}/f`)],
  ['symlink', at => calls.symlink('x', `${at}/n`)],
  ['mknod', at => calls.mknod(`${at}/n`, C.S_IFIFO | 0o644)],
  ['link', at => calls.link(`${at}/f`, `${at}/n`)],
  ['rename', at => calls.rename(`${at}/f`, `${at}/n`)],
  ['chmod', at => calls.chmod(`${at}/f`, 0o600)],
  ['chown', at => calls.chown(`${at}/d`, 1, 1)],
  ['times', at => calls.utimens(`${at}/l`, 1n, 1n, C.AT_SYMLINK_NOFOLLOW)],
  ['setxattr', at => calls.setxattr(`${at}/f`, 'user.a', 'b')],
  ['removexattr', at => calls.removexattr(`${at}/f`, 'user.a')],
]

function codeOf(action: () => unknown): string {
  try {
    action()
    return 'done'
  } catch (error) {
    return error instanceof calls.CallError ? error.code : String(error)
  }
}

for (const [name, options, writable] of [
  ['without an upper', [], false],
  ['with an upper, but ro', ['ro'], true],
] as const) {
  t.test(name, async t => {
    const layers = await makeStack({ lowers: [tree, { below: file('b') }] })
    const used = writable ? layers : { lower: layers.lower }
    const mounted = await mountPlyfs(used, { options })
    for (const [what, attempt] of attempts) {
      t.equal(
        codeOf(() => attempt(mounted.point)),
        'EROFS',
        what,
      )
    }
    t.equal(calls.readText(`${mounted.point}/f`), 'f')
    t.equal(calls.readText(`${mounted.point}/below`), 'b')
    t.equal(
      codeOf(() => calls.mkdir(`${mounted.point}/d`)),
      'EEXIST',
      'a name that is there',
    )
    // Reading leaves no trace below.
    t.equal(
      calls.stat(`${layers.lower[0]}/f`).atime,
      1_000_000_000n,
      'access time of the lower',
    )
    t.same(await mounted.end(), [])
    t.same(describeTree(layers.upper).length, 1, 'nothing in the upper')
  })
}

t.test('files that the kernel opens without asking', async t => {
  const layers = await makeStack({
    lowers: [tree, { f: file('hidden'), big: file('', { size: 3 * MIB }) }],
  })
  const shown: string[][] = []
  const asked: number[][] = []
  for (const option of ['no_open=off', 'no_open=on']) {
    const mounted = await mountPlyfs({ lower: layers.lower }, { options: [option] })
    const { point } = mounted
    shown.push(describeTree(point))
    for (const name of ['f', 'd/a', 'big', 'f']) calls.readFile(`${point}/${name}`)
    t.equal((await run(`${point}/run`, ['exit', '3'])).status, 3, 'a program')
    calls.withOpen(`${point}/big`, C.O_RDONLY, fd => {
      t.equal(calls.lseek(fd, 0, C.SEEK_HOLE), 0, 'holes')
      t.equal(calls.pread(fd, 10, 3 * MIB - 4).length, 4, 'the end')
    })
    t.equal(
      codeOf(() => calls.open(`${point}/f`, C.O_RDWR)),
      'EROFS',
    )
    const stats = JSON.parse(await must(plyfsProgram(), ['stats', '--json', point])) as {
      requests: Partial<Record<string, number>>
      passthrough: boolean
    }
    const { OPEN = 0, RELEASE = 0 } = stats.requests
    asked.push([OPEN, RELEASE])
    t.same(await mounted.end(), [])
  }
  t.same(shown[1], shown[0], 'the same is shown')
  t.ok((asked[0]?.[0] ?? 0) > 5, `asked ${asked[0]?.[0] ?? 0} times`)
  t.same(asked[1], [1, 0], 'asked once, and told no end')
})

t.test('nosuid, nodev, noexec', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers, { options: ['nosuid', 'nodev', 'noexec'] })
  const { point } = mounted
  t.equal(
    codeOf(() => calls.open(`${point}/null`, C.O_RDONLY)),
    'EACCES',
    'nodev',
  )
  t.match(await run(`${point}/run`, ['exit', '3']).catch((e: unknown) => e), {
    code: 'EACCES',
  })
  t.match(await must('findmnt', ['-no', 'OPTIONS', point]), /nosuid,nodev,noexec/)
  t.same(await mounted.end(), [])
})

t.test('suid and devices work for root', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  t.equal(
    codeOf(() => calls.close(calls.open(`${point}/null`, C.O_RDWR))),
    'done',
  )
  const ran = await run(`${point}/run`, ['exit', '3'], { uid: 5, gid: 60 })
  t.equal(ran.status, 3)
  t.same(await mounted.end(), [])
})

t.test('sync', async t => {
  const layers = await makeStack({ lowers: [{}] })
  for (const [option, flushes] of [
    ['sync', 5],
    ['async', 0],
  ] as const) {
    const mounted = await mountPlyfs(layers, { options: [option] })
    const { point } = mounted
    calls.withOpen(`${point}/${option}`, C.O_WRONLY | C.O_CREAT, fd => {
      for (let i = 0; i < 5; i++) calls.pwrite(fd, Buffer.alloc(4096, i), i * 4096)
    })
    const stats = await must(plyfsProgram(), ['stats', '--json', point])
    const { requests } = JSON.parse(stats) as { requests: { FSYNC?: number } }
    t.equal(requests.FSYNC ?? 0, flushes, `flushes of 5 writes with ${option}`)
    t.same(await mounted.end(), [])
  }
})

t.test('access times', async t => {
  const old = 1_000_000_000n
  for (const [option, changes] of [
    ['noatime', false],
    ['strictatime', true],
    ['relatime', true],
  ] as const) {
    const layers = await makeStack({
      lowers: [{}],
      upper: { f: file('f', { atime: old, mtime: old }) },
    })
    const mounted = await mountPlyfs(layers, { options: [option] })
    calls.readText(`${mounted.point}/f`)
    t.equal(calls.stat(`${mounted.point}/f`).atime > old, changes, option)
    t.same(await mounted.end(), [])
  }
})

t.test('remounted read-only and back', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  calls.writeFile(`${point}/n`, 'new')
  await must('mount', ['-i', '-o', 'remount,ro', point])
  t.equal(
    codeOf(() => calls.writeFile(`${point}/m`, '')),
    'EROFS',
  )
  t.equal(
    codeOf(() => calls.chmod(`${point}/f`, 0o600)),
    'EROFS',
  )
  t.equal(calls.readText(`${point}/n`), 'new')
  await must('mount', ['-i', '-o', 'remount,rw', point])
  calls.writeFile(`${point}/m`, 'again')
  t.equal(calls.readText(`${point}/m`), 'again')
  t.same(await mounted.end(), [])
})

t.test('files open from a read-only time are not written below later', async t => {
  for (const option of ['passthrough=on', 'passthrough=off']) {
    const layers = await makeStack({
      lowers: [{ f: file('lower data'), g: file('lower g') }],
    })
    const mounted = await mountPlyfs(layers, { options: ['ro', option] })
    const { point } = mounted
    const reader = calls.open(`${point}/f`, C.O_RDONLY)
    t.equal(calls.pread(reader, 20, 0).toString(), 'lower data')
    calls.readText(`${point}/g`)
    await must('mount', ['-i', '-o', 'remount,rw', point])
    for (const name of ['f', 'g']) {
      calls.withOpen(`${point}/${name}`, C.O_RDWR, fd => calls.pwrite(fd, 'WRITTEN', 0))
      t.equal(
        calls.readText(`${point}/${name}`).slice(0, 7),
        'WRITTEN',
        `${name}, ${option}`,
      )
    }
    t.equal(
      calls.pread(reader, 20, 0).toString(),
      'WRITTENata',
      'by the older descriptor',
    )
    calls.close(reader)
    t.same(await mounted.end(), [])
    t.equal(calls.readText(`${layers.lower[0]}/f`), 'lower data', `the lower, ${option}`)
    t.equal(calls.readText(`${layers.lower[0]}/g`), 'lower g', `the lower, ${option}`)
  }
})
