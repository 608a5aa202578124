// The stages of a start: the bootfs is nobody's but the monitor's, and goes by a plain unmount; and
// whatever is killed at whatever moment, the next command finds no mount and no process of it.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import {
  containerIds,
  killWhenThere,
  loadUsual,
  mountsNaming,
  ok,
  plyfs,
  processes,
  STARTING,
  storeRoot,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

t.test('--trace-boot tells the stages, and what the bootfs gave back', async t => {
  const ran = await plyfs('run', '--rm', '--trace-boot', 'box:1', 'true')
  t.equal(ran.status, 0)
  const stages = [
    ...ran.stderr.matchAll(/^boot: (\S+( \S+)*) +[\d.]+ ms +(\S+)( freed)?$/gm),
  ]
  t.same(
    stages.map(([, name]) => name),
    [
      'bootfs',
      'rootfs',
      'integrity check',
      'writable layer',
      'hand-over',
      'bootfs unmounted',
    ],
  )
  t.match(stages[0]?.[3], /^[1-9]\d*kB$/)
  t.equal(stages[5]?.[3], stages[0]?.[3], 'all of it is freed')
  t.equal(stages[5]?.[4], ' freed')
})

t.test(
  'two start at once while another unshares: no mountinfo names a bootfs',
  async t => {
    const state = { done: false }
    const strangers: number[] = []
    const unsharing = (async () => {
      while (!state.done) {
        const child = spawn('unshare', ['-m', 'sleep', '1000'], { stdio: 'ignore' })
        if (child.pid !== undefined) strangers.push(child.pid)
        await new Promise(resolve => setTimeout(resolve, 60))
      }
    })()
    const ids = await Promise.all(
      [1, 2].map(() => ok('run', '-d', 'box:1', 'sleep', '1000')),
    )
    t.same(mountsNaming('bootfs'), [])
    t.same(usersOf('bootfs'), [], 'no program and no descriptor lies on one')
    state.done = true
    await unsharing
    t.ok(strangers.length > 3)
    for (const pid of strangers) process.kill(pid, 'SIGKILL')
    await ok('rm', '-f', ...ids)
  },
)

/** Processes whose program or descriptors lie below a folder of this name. */
function usersOf(name: string): string[] {
  return fs
    .readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .flatMap(pid => {
      try {
        const fds = fs.readdirSync(`/proc/${pid}/fd`).map(fd => `fd/${fd}`)
        return ['exe', 'cwd', 'root', ...fds]
          .map(link => fs.readlinkSync(`/proc/${pid}/${link}`))
          .filter(target => target.includes(`/${name}/`))
      } catch {
        return []
      }
    })
}

for (const [name, words] of STARTING) {
  t.test(`${name} is killed while a container starts`, async t => {
    const child = spawn(
      plyfsProgram(),
      ['run', '--root', storeRoot(), '--rm', 'box:1', 'sleep', '1000'],
      { stdio: 'ignore' },
    )
    const ended = new Promise(resolve => child.on('close', resolve))
    t.ok(await killWhenThere(words))
    const status = await ended
    t.equal(status, 125)
    await ok('ps')
    t.ok(await until(() => processes().length === 0), processes().join('\n'))
    t.same(containerIds(), [])
    t.same(mountsNaming(storeRoot()), [])
  })
}

for (const [name, words] of [
  ['the monitor', /^\d+ \S*plyfs-monitor/],
  ['the serving process', /container-serve/],
] as const) {
  t.test(`${name} is killed while a container runs`, async t => {
    const command = 'echo x > /kept; echo up; exec sleep 1000'
    const id = await ok('run', '-d', 'box:1', 'sh', '-c', command)
    t.ok(await until(async () => (await ok('logs', id)) === 'up'))
    t.ok(await killWhenThere(words))
    t.ok(
      await until(async () => (await ok('ps', '-q')) === ''),
      'its container has ended',
    )
    t.match(await ok('ps', '-a'), /Exited \(137\)/)
    t.ok(await until(() => processes().length === 0), processes().join('\n'))
    t.same(mountsNaming(storeRoot()), [])
    t.match(await ok('diff', id), 'A /kept')
    await ok('rm', id)
  })
}
