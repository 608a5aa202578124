// fio with verification: 4 workers, several ways to do I/O, on new files and on lower files that
// are copied up by it.
import { isolated } from '../helpers/isolated.js'
import { run } from '../helpers/run.js'
import {
  GROUNDS,
  makeLayers,
  removeLayers,
  seconds,
  writeNoise,
  limits,
} from './grounds.js'

const { t } = await isolated(import.meta.url, limits())
t.setTimeout(0)

const WORKERS = 4
const MIB = 1024 * 1024
const SIZE = 8 * MIB

/** One a way to do I/O; each has its share of the time. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  'buffered, random': ['--ioengine=psync', '--rw=randrw'],
  'direct, random': ['--ioengine=psync', '--rw=randrw', '--direct=1'],
  'asynchronous direct': [
    '--ioengine=libaio',
    '--iodepth=8',
    '--rw=randwrite',
    '--direct=1',
  ],
  mapped: ['--ioengine=mmap', '--rw=randrw'],
  'sequential, with fsync': ['--ioengine=sync', '--rw=write', '--fsync=32'],
}

async function fio(
  directory: string,
  prefix: string,
  way: readonly string[],
): Promise<string> {
  const duration = seconds()
  const ran = await run(
    'fio',
    [
      '--name=exercise',
      `--directory=${directory}`,
      `--filename_format=${prefix}.$jobnum`,
      `--numjobs=${WORKERS}`,
      `--size=${SIZE}`,
      '--bsrange=4k-64k',
      '--blockalign=4k',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_backlog=256',
      '--randrepeat=1',
      '--overwrite=1',
      '--fallocate=none',
      `--runtime=${duration / Object.keys(WAYS).length}`,
      '--time_based=1',
      '--output-format=terse',
      ...way,
    ],
    { limit: 60_000 + duration * 5000, cwd: '/tmp' },
  )
  if (ran.timedOut) return 'it hangs'
  return ran.status === 0 ? '' : `status ${ran.status ?? '?'}: ${ran.stderr}`
}

for (const ground of GROUNDS) {
  await t.test(ground.name, async t => {
    const layers = await makeLayers(ground.kind, lower => {
      for (let i = 0; i < WORKERS; i++) writeNoise(lower, `lower.${i}`, SIZE)
    })
    const mounted = await ground.mount(layers)
    for (const [name, way] of Object.entries(WAYS)) {
      t.equal(await fio(mounted.point, 'new', way), '', `${name}, new files`)
      t.equal(await fio(mounted.point, 'lower', way), '', `${name}, lower files`)
    }
    t.same(await mounted.end(), [], 'it ends well')
    removeLayers(layers)
  })
}
