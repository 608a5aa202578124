// The network, capabilities and limits of a container, and a root that cannot be written.
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { loadUsual, ok, plyfs } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

t.test('network, capabilities and limits', async t => {
  t.match(await ok('run', '--rm', 'box:1', 'ip', 'addr'), /lo: .*UP[^]*127\.0\.0\.1/)
  const links = (...flags: string[]) =>
    ok('run', '--rm', ...flags, 'box:1', 'readlink', '/proc/self/ns/net')
  t.equal(await links('--network', 'host'), fs.readlinkSync('/proc/self/ns/net'))
  t.not(await links(), fs.readlinkSync('/proc/self/ns/net'))
  const bits = async (...flags: string[]) => {
    const line = await ok(
      'run',
      '--rm',
      ...flags,
      'box:1',
      'grep',
      'CapEff',
      '/proc/self/status',
    )
    return parseInt(line.split('\t')[1] ?? '', 16)
  }
  t.equal(await bits(), 0xa80425fb, 'docker’s default')
  t.equal(await bits('--cap-drop', 'ALL'), 0)
  t.equal(await bits('--cap-drop', 'ALL', '--cap-add', 'chown'), 1)
  t.equal((await bits('--cap-add', 'CAP_SYS_ADMIN')) & (1 << 21), 1 << 21)
  const limit = await ok(
    ...([
      'run',
      '--rm',
      '--memory',
      '64m',
      '--cpus',
      '0.5',
      'box:1',
      'sh',
      '-c',
    ] as const),
    'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
  )
  t.equal(limit, '67108864\n50000')
})

t.test('--read-only and --tmpfs', async t => {
  const words = 'touch /x 2>&1; echo y > /mem/y && cat /mem/y; stat -f -c %T /mem'
  const ran = await plyfs(
    ...([
      'run',
      '--rm',
      '--read-only',
      '--tmpfs',
      '/mem:size=1m',
      'box:1',
      'sh',
      '-c',
    ] as const),
    words,
  )
  t.match(ran, { status: 0, stdout: 'touch: /x: Read-only file system\ny\ntmpfs\n' })
})
