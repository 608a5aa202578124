// Errors from below reach the caller as themselves, and leave no half-made file: a full
// filesystem, a quota, a layer that cannot be read, too many open files.
import type { Test } from 'tap'
import * as fs from 'node:fs'
import { E } from '../../../src/errno/errno.js'
import { Agent } from '../../helpers/agent.js'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { freshDirectory, makeFilesystem, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { describeTree, dir, file, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MIB = 1 << 20
const disk = (await sharedFilesystem('ext4')).root

function codeOf(action: () => unknown): string {
  try {
    action()
    return 'done'
  } catch (error) {
    return error instanceof calls.CallError ? error.code : String(error)
  }
}

/** Bytes that no filesystem makes smaller. */
function data(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i += 4)
    bytes.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i)
  return bytes
}

interface Small {
  readonly mounted: Mounted
  readonly lower: string
  readonly upper: string
  readonly work: string
}

/** A mount whose upper has little room, over a lower with a file that does not fit. */
async function small(root: string): Promise<Small> {
  const lower = freshDirectory(disk, 'lower')
  makeTree(lower, { small: file('small'), d: dir({ a: file('a') }) })
  calls.writeFile(`${lower}/big`, data(40 * MIB))
  const upper = freshDirectory(root, 'upper')
  const work = freshDirectory(root, 'work')
  return {
    mounted: await mountPlyfs({ lower: [lower], upper, work }),
    lower,
    upper,
    work,
  }
}

function leftInWork(work: string): string[] {
  return describeTree(`${work}/work`).filter(
    line => !/^(\. |\.\/#[0-9a-f]+ c0000)/.test(line),
  )
}

async function full(t: Test, s: Small, code: string): Promise<void> {
  const { mounted, lower, upper, work } = s
  const { point } = mounted
  for (const [what, action] of [
    ['open for writing', () => calls.open(`${point}/big`, C.O_RDWR)],
    ['chmod', () => calls.chmod(`${point}/big`, 0o600)],
    ['rename', () => calls.rename(`${point}/big`, `${point}/d/big`)],
    ['link', () => calls.link(`${point}/big`, `${point}/d/link`)],
    ['setxattr', () => calls.setxattr(`${point}/big`, 'user.a', 'b')],
  ] as const) {
    t.equal(codeOf(action), code, what)
  }
  t.equal(calls.stat(`${point}/big`).size, 40 * MIB, 'size of the file that does not fit')
  t.equal(calls.stat(`${point}/big`).mode & 0o777, 0o644, 'its mode')
  t.ok(calls.readFile(`${point}/big`).equals(calls.readFile(`${lower}/big`)), 'its data')
  t.same(calls.names(point), ['big', 'd', 'small'])
  t.same(leftInWork(work), [], 'no half-made copy')
  t.notOk(calls.exists(`${upper}/big`), 'nothing of it in the upper')

  // What needs no room works; and what is truncated needs none.
  calls.writeFile(`${point}/big`, 'now small')
  t.equal(calls.readText(`${point}/big`), 'now small')
  calls.writeFile(`${point}/small`, 'changed')

  // Writing until nothing goes any more.
  const fd = calls.open(`${point}/filler`, C.O_RDWR | C.O_CREAT)
  const block = data(MIB)
  let written = 0
  const error = codeOf(() => {
    for (;;) written += calls.pwrite(fd, block, written)
  })
  t.equal(error, code, 'a write')
  const size = calls.fstat(fd).size
  t.ok(size >= written && size <= written + MIB, `size ${size} after ${written} written`)
  const back = calls.pread(fd, MIB, 0)
  t.ok(back.equals(block), 'what was written is there')
  calls.close(fd)
  t.match(
    codeOf(() => calls.writeFile(`${point}/more`, block)),
    new RegExp(code),
    'a new file',
  )
  calls.unlink(`${point}/filler`)
  calls.writeFile(`${point}/more`, 'there is room again')
  t.equal(calls.readText(`${point}/more`), 'there is room again')
  t.same(await mounted.end(), [])
  t.same(leftInWork(work), [], 'nothing in the work directory at the end')
  // The directory that the file could not move to was copied up before.
  t.same(calls.names(upper), ['big', 'd', 'more', 'small'])
}

for (const kind of ['ext4', 'xfs'] as const) {
  t.test(`a full upper on ${kind}`, async t => {
    const { root } = await makeFilesystem(kind, kind === 'xfs' ? 320 * MIB : 48 * MIB)
    if (kind === 'xfs') await fill(root, 30 * MIB)
    await full(t, await small(root), 'ENOSPC')
  })
}

/** Leaves `room` bytes. */
async function fill(root: string, room: number): Promise<void> {
  const { bavail, bsize } = fs.statfsSync(root)
  await must('fallocate', ['-l', String(bavail * bsize - room), `${root}/taken`])
}

t.test('no inodes left', async t => {
  const { root } = await makeFilesystem('ext4', 32 * MIB)
  const s = await small(root)
  const { point } = s.mounted
  let made = 0
  const error = codeOf(() => {
    for (; made < 100_000; made++)
      calls.close(calls.open(`${point}/n${made}`, C.O_CREAT | C.O_RDWR))
  })
  t.equal(error, 'ENOSPC', `after ${made} files`)
  t.equal(
    codeOf(() => calls.mkdir(`${point}/dir`)),
    'ENOSPC',
    'mkdir',
  )
  t.equal(
    codeOf(() => calls.symlink('x'.repeat(100), `${point}/link`)),
    'ENOSPC',
    'symlink',
  )
  t.equal(
    codeOf(() => calls.chmod(`${point}/d/a`, 0o600)),
    'ENOSPC',
    'copy-up',
  )
  t.equal(calls.names(point).length, made + 3, 'names')
  calls.unlink(`${point}/n0`)
  calls.unlink(`${point}/n1`)
  calls.unlink(`${point}/n2`)
  // The kernel tells the server a moment later that a removed file is not in use any more.
  const deadline = Date.now() + 5000
  let copied = ''
  while (copied !== 'done' && Date.now() < deadline) {
    copied = codeOf(() => calls.chmod(`${point}/d/a`, 0o600))
  }
  t.equal(copied, 'done', 'copy-up when there is room')
  t.equal(calls.stat(`${point}/d/a`).mode & 0o777, 0o600)
  t.same(await s.mounted.end(), [])
  t.same(leftInWork(s.work), [])
})

t.test('a quota', async t => {
  const { root } = await makeFilesystem('btrfs', 512 * MIB)
  await must('btrfs', ['quota', 'enable', root])
  await must('btrfs', ['subvolume', 'create', `${root}/limited`])
  await must('btrfs', ['qgroup', 'limit', String(24 * MIB), `${root}/limited`])
  const { mounted, lower, upper, work } = await small(`${root}/limited`)
  const { point } = mounted
  t.equal(
    codeOf(() => calls.open(`${point}/big`, C.O_RDWR)),
    'EDQUOT',
    'a copy-up',
  )
  t.ok(
    calls.readFile(`${point}/big`).equals(calls.readFile(`${lower}/big`)),
    'the data is whole',
  )
  t.same(leftInWork(work), [], 'no half-made copy')
  t.notOk(calls.exists(`${upper}/big`))
  const fd = calls.open(`${point}/filler`, C.O_RDWR | C.O_CREAT)
  let written = 0
  const error = codeOf(() => {
    for (;;) {
      written += calls.pwrite(fd, data(MIB), written)
      calls.fsync(fd)
    }
  })
  t.equal(error, 'EDQUOT', `a write, after ${written} bytes`)
  calls.close(fd)
  t.same(await mounted.end(), [])
})

t.test('a lower that cannot be read', async t => {
  const { root } = await makeFilesystem('ext4', 64 * MIB)
  const lower = freshDirectory(root, 'lower')
  makeTree(lower, { good: file('good'), d: dir() })
  calls.writeFile(`${lower}/bad`, data(16 * MIB))
  await must('sync', ['-f', root])
  const blocks = await must('filefrag', ['-e', `${lower}/bad`])
  const [, size] = /blocks of (\d+) bytes/.exec(blocks) ?? []
  const [, start] = /^\s*0:\s+0\.\.\s*\d+:\s+(\d+)/m.exec(blocks) ?? []
  // The image is cut off within the file's data: reading on from there is EIO from the device.
  fs.truncateSync(`${root}.img`, Number(start) * Number(size) + 4 * MIB)
  await must('sh', [
    '-c',
    'losetup -c "$(findmnt -no SOURCE "$0")"; echo 1 >/proc/sys/vm/drop_caches',
    root,
  ])
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs({ lower: [lower], upper, work })
  const { point } = mounted
  t.equal(
    codeOf(() => calls.readFile(`${point}/bad`)),
    'EIO',
    'read',
  )
  t.equal(
    codeOf(() => calls.open(`${point}/bad`, C.O_RDWR)),
    'EIO',
    'copy-up',
  )
  t.equal(
    codeOf(() => calls.chmod(`${point}/bad`, 0o600)),
    'EIO',
    'chmod',
  )
  t.equal(calls.readText(`${point}/good`), 'good', 'others are served')
  t.same(calls.names(upper), [], 'nothing in the upper')
  t.same(leftInWork(work), [], 'no half-made copy')
  calls.writeFile(`${point}/bad`, 'replaced')
  t.equal(calls.readText(`${point}/bad`), 'replaced', 'what needs no old data works')
  t.same(await mounted.end(), [])
})

t.test('few descriptors', async t => {
  const lower = freshDirectory(disk, 'lower')
  makeTree(
    lower,
    Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [
        `d${i}`,
        dir({ f: file(`${i}`), e: dir({ g: file('g') }) }),
      ]),
    ),
  )
  const upper = freshDirectory(disk, 'upper')
  const work = freshDirectory(disk, 'work')
  const mounted = await mountPlyfs(
    { lower: [lower], upper, work },
    { through: ['prlimit', '--nofile=200:200'] },
  )
  const { point } = mounted
  // Far more files and directories than descriptors: caches make room.
  const errors = new Set<string>()
  for (let i = 0; i < 300; i++) {
    errors.add(codeOf(() => calls.readText(`${point}/d${i}/e/g`)))
    errors.add(codeOf(() => calls.names(`${point}/d${i}/e`)))
    errors.add(codeOf(() => calls.writeFile(`${point}/d${i}/new`, `${i}`)))
  }
  t.same([...errors], ['done'], 'one after the other')
  // Open at the same time: the limit is reached, and told; nothing breaks.
  const fds: number[] = []
  const error = codeOf(() => {
    for (let i = 0; i < 300; i++) fds.push(calls.open(`${point}/d${i}/f`, C.O_RDWR))
  })
  t.ok(
    ['EMFILE', 'done'].includes(error),
    `opening 300 at once: ${error} after ${fds.length}`,
  )
  fds.forEach((fd, i) => calls.pwrite(fd, `written ${i}`, 0))
  for (const fd of fds) calls.close(fd)
  for (let i = 0; i < fds.length; i += 50) {
    t.equal(calls.readText(`${point}/d${i}/f`), `written ${i}`)
  }
  t.equal(
    codeOf(() => calls.writeFile(`${point}/d299/f`, 'after')),
    'done',
  )
  t.same(await mounted.end(), [])
  t.same(leftInWork(work), [])
})

t.test('few descriptors of an ordinary user', async t => {
  // Each file that is open keeps a descriptor here, and one more open is EMFILE for the caller.
  const user = { name: 'games', uid: 5, gid: 60, groups: [] }
  const layers = { lower: freshDirectory(disk, 'lower'), upper: '', work: '' }
  layers.upper = freshDirectory(disk, 'upper')
  layers.work = freshDirectory(disk, 'work')
  makeTree(
    layers.lower,
    Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [
        `f${i}`,
        file(`${i}`, { uid: user.uid, gid: user.gid }),
      ]),
    ),
  )
  for (const directory of Object.values(layers))
    calls.chown(directory, user.uid, user.gid)
  const mounted = await mountPlyfs(
    { ...layers, lower: [layers.lower] },
    { user, options: ['userxattr'], through: ['prlimit', '--nofile=150:150'] },
  )
  const agent = await Agent.start(user)
  const fds: number[] = []
  let answer = 0
  for (let i = 0; i < 200 && answer >= 0; i++) {
    const path = `${mounted.point}/f${i}`
    answer = (await agent.attempt(20_000, 'open', path, C.O_RDWR)).value
    if (answer >= 0) fds.push(answer)
  }
  t.equal(answer, -E.EMFILE, `after ${fds.length} files`)
  t.ok(fds.length > 30, 'most of them are for files')
  const left = `f${fds.length}`
  t.notOk(calls.exists(`${layers.upper}/${left}`), 'nothing of that file in the upper')
  t.same(leftInWork(layers.work), [], 'no half-made copy')
  for (const fd of fds) await agent.call('close', fd)
  const last = await agent.call('open', `${mounted.point}/${left}`, C.O_RDWR)
  await agent.call('pwrite', last, 'written', 0)
  await agent.call('close', last)
  await agent.end()
  t.equal(
    calls.readText(`${layers.upper}/${left}`),
    'written',
    'it opens when others are closed',
  )
  t.same(await mounted.end(), [])
})
