// The ways around calls that older kernels lack: the tests of those calls must pass the same
// under a filter that takes them away.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { refusing } from '../helpers/refuse-calls.js'
import { place } from './place.js'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

const DIRECT = `
  const { native } = await import(process.argv[1])
  const fd = native.openat2(-100, '/etc', 0, 0, 0)
  const beneath = native.openat2(fd, 'passwd', 0, 0, 8)
  const flags = native.fchmodat(fd, 'gone', 0o600, 0x100)
  const xattr = native.getxattrat(fd, '', 'user.gone', new Uint8Array(0))
  console.log(JSON.stringify([fd > 2, beneath, flags, xattr]))
`

t.test('an older kernel', async t => {
  const [filter, which] = refusing(place(t).path, 'old-kernel')
  const run = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(filter, [which, process.execPath, ...args], {
      encoding: 'utf8',
      timeout: 50_000,
      killSignal: 'SIGKILL',
    })
  const addon = new URL('../../src/sys/native.js', import.meta.url).href
  const direct = run('--input-type=module', '-e', DIRECT, addon)
  t.strictSame(JSON.parse(direct.stdout), [true, -38, -2, -61], 'and the filter works')
  for (const name of ['inode', 'xattr']) {
    const { status, stdout } = run(here(`./${name}.test.js`))
    t.equal(status, 0, name, { stdout: stdout.slice(-4000) })
    t.match(stdout, /^# \{ total: \d+, pass: \d+ \}|^1\.\.\d+$/m)
  }
})
