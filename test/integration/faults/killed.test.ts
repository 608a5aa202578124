// The serving process is killed in the middle of a copy-up, a rename, an unlink or anything else:
// after a remount each file is wholly old or wholly new, nothing is lost, and what was finished
// before is there.
import type { Test } from 'tap'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { Agent } from '../../helpers/agent.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { describeTree, dir, file, hardlink, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MIB = 1 << 20

/** Kills every process that serves the mount, as the kernel's OOM killer would. */
function kill(mounted: Mounted): void {
  for (const pid of mounted.pids()) process.kill(pid, 'SIGKILL')
}

/** Ends a mount whose server is gone. */
async function bury(mounted: Mounted): Promise<void> {
  await mounted.end()
}

/** Nothing but what the formats keep is left over by a mount that ended well. */
function leftInWork(layers: WritableLayers): string[] {
  return describeTree(`${layers.work}/work`).filter(
    line => !/^(\. |\.\/incompat |\.\/#[0-9a-f]+ c0000)/.test(line),
  )
}

async function whole(
  t: Test,
  layers: WritableLayers,
  check: (point: string) => void,
): Promise<void> {
  // By plyfs, and by the kernel, which reads the upper its own way.
  for (const mount of [() => mountPlyfs(layers), () => mountOverlay(layers)]) {
    const again = await mount()
    check(again.point)
    t.same(await again.end(), [], again.kind)
    if (again.kind === 'plyfs') t.same(leftInWork(layers), [], 'the remount cleaned up')
  }
}

t.test('during the copy-up of a large file', async t => {
  const size = 300 * MIB
  for (const delay of [0, 20, 80, 200]) {
    const layers = await makeStack({ lowers: [{ small: file('s'), d: dir() }] })
    const lower = `${layers.lower[0]}/big`
    calls.withOpen(lower, C.O_RDWR | C.O_CREAT, fd => {
      for (let i = 0; i < 300; i++) calls.pwrite(fd, Buffer.alloc(MIB, i + 1), i * MIB)
    })
    const mounted = await mountPlyfs(layers)
    const agent = await Agent.start()
    const opening = agent.attempt(20_000, 'open', `${mounted.point}/big`, C.O_RDWR)
    const started = Date.now()
    while (delay > 0 && Date.now() - started < delay && agent.busy) {
      calls.stat(`${mounted.point}/small`)
      await new Promise(resolve => setImmediate(resolve))
    }
    const wasBusy = agent.busy
    kill(mounted)
    const { value } = await opening
    agent.kill()
    await bury(mounted)
    t.pass(
      `killed after ${delay} ms; open was ${wasBusy ? 'in progress' : 'done'} and gave ${value}`,
    )
    await whole(t, layers, point => {
      t.equal(calls.stat(`${point}/big`).size, size, 'size')
      calls.withOpen(`${point}/big`, C.O_RDONLY, fd => {
        for (let i = 0; i < 300; i += 23) {
          const [byte] = calls.pread(fd, 1, i * MIB + 777)
          if (byte !== ((i + 1) & 0xff)) t.fail(`MiB ${i} holds ${byte ?? '?'}`)
        }
      })
      t.same(calls.names(point), ['big', 'd', 'small'])
    })
    fs.rmSync(lower)
  }
})

const tree: Tree = {
  d: dir(
    Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`f${i}`, file(`old ${i}`)]),
    ),
  ),
  e: dir({ sub: dir({ x: file('x') }) }),
  one: file('linked'),
  two: hardlink('one'),
}

/** Names and contents that are there must be old or new; `i` is the file's number. */
function eitherOr(t: Test, names: ReadonlyMap<string, string>): void {
  for (const [name, text] of names) {
    const [, number = '?'] = /^(?:f|moved|new)(\d+)$/.exec(name) ?? []
    const fine =
      [`old ${number}`, `new ${number}`].includes(text) ||
      // Made, and killed before it was written.
      (name === `new${number}` && text === '')
    if (!fine) t.fail(`${name} holds ${JSON.stringify(text)}`)
  }
}

const storms: readonly (readonly [
  string,
  (at: string, i: number) => void,
  (names: ReadonlyMap<string, string>, i: number) => boolean,
])[] = [
  [
    'replacing by rename',
    (at, i) => {
      calls.writeFile(`${at}/d/new${i}`, `new ${i}`)
      calls.rename(`${at}/d/new${i}`, `${at}/d/f${i}`)
    },
    (names, i) => names.has(`f${i}`),
  ],
  [
    'renaming',
    (at, i) => calls.rename(`${at}/d/f${i}`, `${at}/d/moved${i}`),
    (names, i) => names.has(`f${i}`) !== names.has(`moved${i}`),
  ],
  [
    'changing attributes',
    (at, i) => {
      calls.chmod(`${at}/d/f${i}`, 0o600)
      calls.setxattr(`${at}/d/f${i}`, 'user.a', 'b')
    },
    (names, i) => names.has(`f${i}`),
  ],
  [
    'removing, and renaming to what was removed',
    (at, i) => {
      if (i % 2 === 1)
        calls.rename(`${at}/d/f${i}`, `${at}/d/f${i - 1}`, C.RENAME_NOREPLACE)
      else calls.unlink(`${at}/d/f${i}`)
    },
    (names, i) => {
      const places = [`f${i}`, `f${i - 1}`].filter(name => names.get(name) === `old ${i}`)
      return i % 2 === 0 || places.length === 1
    },
  ],
  [
    'making links',
    (at, i) => {
      calls.link(`${at}/one`, `${at}/e/l${i}`)
      if (i % 3 === 0) calls.unlink(`${at}/e/l${i}`)
    },
    (names, i) => names.has(`f${i}`),
  ],
]

for (const [what, change, right] of storms) {
  t.test(`while ${what}`, async t => {
    for (const stopAt of [3, 47, 150]) {
      const layers = await makeStack({ lowers: [tree] })
      const mounted = await mountPlyfs(layers)
      let done = 0
      try {
        for (; done < 200; done++) {
          // Killed by another process while this one goes on: somewhere within a change.
          if (done === stopAt) killSoon(mounted)
          change(mounted.point, done)
        }
      } catch (error) {
        const code = error instanceof calls.CallError ? error.code : String(error)
        t.ok(['ENOTCONN', 'ECONNABORTED', 'EIO'].includes(code), `stopped with ${code}`)
      }
      kill(mounted)
      await bury(mounted)
      await whole(t, layers, point => {
        const names = new Map(
          calls
            .names(`${point}/d`)
            .map(name => [name, calls.readText(`${point}/d/${name}`)]),
        )
        if (!what.startsWith('removing')) eitherOr(t, names)
        for (let i = 0; i < 200; i++) {
          if (!right(names, i))
            t.fail(`f${i} is lost or doubled (${what}, killed at ${done})`)
        }
        t.equal(calls.readText(`${point}/one`), 'linked')
        t.equal(calls.readText(`${point}/e/sub/x`), 'x')
        t.equal(calls.stat(`${point}/one`).ino, calls.stat(`${point}/two`).ino)
      })
      t.pass(`killed at ${done}`)
    }
  })
}

/** A child kills the server while this process is busy with the mount. */
function killSoon(mounted: Mounted): void {
  const script = `sleep 0.01; kill -9 ${mounted.pids().join(' ')}`
  spawn('sh', ['-c', script], { stdio: 'ignore', detached: true }).unref()
}

t.test('what was finished before is there', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  calls.writeFile(`${point}/d/f0`, 'new 0')
  calls.rename(`${point}/d/f1`, `${point}/d/moved1`)
  calls.unlink(`${point}/d/f2`)
  calls.mkdir(`${point}/made`)
  calls.rename(`${point}/e`, `${point}/made/e`)
  calls.writeFile(`${point}/made/e/sub/x`, 'X')
  kill(mounted)
  await bury(mounted)
  await whole(t, layers, again => {
    t.equal(calls.readText(`${again}/d/f0`), 'new 0')
    t.equal(calls.readText(`${again}/d/moved1`), 'old 1')
    t.notOk(calls.exists(`${again}/d/f1`))
    t.notOk(calls.exists(`${again}/d/f2`))
    t.equal(calls.readText(`${again}/made/e/sub/x`), 'X')
    t.notOk(calls.exists(`${again}/e`))
  })
})
