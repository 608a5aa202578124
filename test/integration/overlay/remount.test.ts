// Mount, write, umount and mount again at once, 200 times: nothing is lost, and the layers are
// never "in use" by the server that is still ending.
import * as calls from '../../helpers/calls.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { freshDirectory } from '../../helpers/images.js'
import { layerOptions, plyfsProgram } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { dir, file } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const TIMES = 200

t.test(`${TIMES} times`, async t => {
  const layers = await makeStack({
    lowers: [{ log: file(''), d: dir({ old: file('old') }) }],
  })
  const point = freshDirectory(scratch(), 'mnt')
  const options = layerOptions(layers).join(',')
  const failures: string[] = []
  for (let i = 0; i < TIMES && failures.length < 5; i++) {
    const mounted = await run(plyfsProgram(), ['mount', '-o', options, point])
    if (mounted.status !== 0 || mounted.stderr !== '') {
      failures.push(`mount ${i}: ${mounted.stderr}`)
      continue
    }
    // What is written just before umount, and not synchronised.
    const script = `cd "$0" && [ "$(wc -l <log)" = ${i} ] && echo ${i} >>log && echo ${i} >d/new${i} &&
      mkdir dir${i} && mv d/new${i} dir${i}/moved && [ ! -e dir${i - 1}/gone ]`
    const wrote = await run('sh', ['-c', script, point])
    if (wrote.status !== 0)
      failures.push(`round ${i}: ${wrote.status ?? '?'} ${wrote.stderr}`)
    const umounted = await run('umount', [point])
    if (i % 20 === 19) t.pass(`${i + 1} rounds`)
    if (umounted.status !== 0) failures.push(`umount ${i}: ${umounted.stderr}`)
  }
  t.same(failures, [])
  const lines = calls.readText(`${layers.upper}/log`).trim().split('\n')
  t.same(
    lines,
    Array.from({ length: TIMES }, (_, i) => String(i)),
    'every line is there',
  )
  t.same(calls.names(`${layers.upper}/d`), [], 'nothing else is there')
  t.equal(calls.names(layers.upper).filter(name => name.startsWith('dir')).length, TIMES)
  t.equal(calls.readText(`${layers.upper}/dir199/moved`), '199\n')
})
