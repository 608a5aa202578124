// The filesystem stressors of stress-ng, 4 workers each, verifying; the list is in stressors.ts.
import { join } from 'node:path'
import { isolated } from '../helpers/isolated.js'
import { run } from '../helpers/run.js'
import { GROUNDS, makeLayers, removeLayers, seconds, limits } from './grounds.js'
import { LEFT_OUT, STRESSORS } from './stressors.js'

const { t } = await isolated(import.meta.url, limits())
t.setTimeout(0)

const WORKERS = 4

t.test('every stressor of the class is run or left out with a reason', async t => {
  const { stdout, stderr } = await run('stress-ng', ['--class', 'filesystem?'])
  const named = /class 'filesystem' stressors: (.*)/.exec(stdout + stderr)?.[1] ?? ''
  const listed = [...STRESSORS, ...Object.keys(LEFT_OUT)].sort()
  t.same(named.trim().split(/\s+/).sort(), listed)
})

async function stress(directory: string, stressor: string): Promise<string> {
  const duration = seconds()
  const ran = await run(
    'stress-ng',
    [`--${stressor}`, String(WORKERS), '--timeout', `${duration}s`, '--verify']
      .concat(['--temp-path', directory])
      // Room that is bounded, whatever the duration.
      .concat(['--hdd-bytes', '64M', '--iomix-bytes', '64M', '--fallocate-bytes', '64M'])
      .concat(['--copy-file-bytes', '128M', '--sync-file-bytes', '32M']),
    { limit: 60_000 + duration * 3000 },
  )
  if (ran.timedOut) return 'it hangs'
  return ran.status === 0 ? '' : `status ${ran.status ?? '?'}: ${ran.stdout}${ran.stderr}`
}

// The kernel's own proves the exercise; once is enough.
for (const ground of GROUNDS.filter(
  ({ name }) => seconds() > 2 || name === 'plyfs on ext4',
)) {
  await t.test(ground.name, async t => {
    const layers = await makeLayers(ground.kind, () => undefined)
    const mounted = await ground.mount(layers)
    for (const stressor of STRESSORS) {
      const directory = join(mounted.point, stressor)
      await run('mkdir', [directory])
      t.equal(await stress(directory, stressor), '', stressor)
    }
    t.same(await mounted.end(), [], 'it ends well')
    removeLayers(layers)
  })
}
