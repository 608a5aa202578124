// The differences that were found once, shortened to a few steps each, stay gone. To look at one:
// `scripts/fuzz --replay test/fuzz/cases/NAME.json`.
import t from 'tap'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../scripts/fuzzer/project.js'
import { run } from '../helpers/run.js'

t.setTimeout(0)

const folder = join(projectRoot(), 'test/fuzz/cases')
const files = readdirSync(folder).filter(name => name.endsWith('.json'))
/** So many in one run, since each run starts its workers anew. */
const TOGETHER = 20

t.ok(files.length > 0, 'there are cases')
for (let i = 0; i < files.length; i += TOGETHER) {
  const some = files.slice(i, i + TOGETHER)
  const replays = some.flatMap(name => ['--replay', join(folder, name)])
  const { stdout, stderr } = await run(
    join(projectRoot(), 'scripts/fuzz'),
    ['--no-build', ...replays],
    { limit: 400_000 },
  )
  for (const name of some) {
    const passed = stdout.includes(`ok ${join(folder, name)}\n`)
    t.ok(passed, name, passed ? {} : { said: stdout + stderr })
  }
}
