// dbench, 4 clients: on a fresh upper, then on a mount that has what the first run left as its
// lower, so that files are copied up and removed from below.
import { isolated } from '../helpers/isolated.js'
import { freshDirectory, sharedFilesystem } from '../helpers/images.js'
import { must, run } from '../helpers/run.js'
import { GROUNDS, makeLayers, removeLayers, seconds, limits } from './grounds.js'

const { t } = await isolated(import.meta.url, limits())
t.setTimeout(0)

const CLIENTS = 4

// dbench takes the identifier 0, the first of an IPC namespace, for a failure.
await must('ipcmk', ['-S', '1'])

async function dbench(directory: string): Promise<string> {
  const duration = seconds()
  const load = '/usr/share/dbench/client.txt'
  const ran = await run(
    'dbench',
    ['-c', load, '-t', String(duration), '-D', directory, String(CLIENTS)],
    { limit: 60_000 + duration * 3000 },
  )
  if (ran.timedOut) return 'it hangs'
  const output = ran.stdout + ran.stderr
  const complaint = /.*(?:failed|ERROR|error|unexpected).*/.exec(output)?.[0]
  if (ran.status !== 0 || complaint !== undefined) {
    return `status ${ran.status ?? '?'}: ${complaint ?? output}`
  }
  return /Throughput [\d.]+ MB/.test(output) ? '' : `no throughput: ${output}`
}

for (const ground of GROUNDS) {
  await t.test(ground.name, async t => {
    const layers = await makeLayers(ground.kind, () => undefined)
    const first = await ground.mount(layers)
    t.equal(await dbench(first.point), '', 'new files')
    t.same(await first.end(), [], 'it ends well')

    const { root } = await sharedFilesystem(ground.kind)
    const again = {
      lower: [layers.upper, ...layers.lower],
      upper: freshDirectory(root, 'upper'),
      work: freshDirectory(root, 'work'),
    }
    const second = await ground.mount(again)
    t.equal(await dbench(second.point), '', 'over what the first run left')
    t.same(await second.end(), [], 'it ends well again')
    removeLayers(layers)
    removeLayers(again)
  })
}
