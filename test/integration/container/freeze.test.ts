// `commit -p` freezes a container while it reads it, and however it ends the container goes on.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isFrozen } from '../../../src/container/freezer.js'
import { isolated } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { folderOf, loadUsual, ok, plyfs, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const command = 'head -c 60000000 /dev/urandom >/large; echo up; exec sleep 1000'
const id = await ok('run', '-d', '--name', 'one', 'box:1', 'sh', '-c', command)
t.ok(await until(async () => (await ok('logs', id)) === 'up', 60_000))
const pid = Number(await ok('inspect', '-f', '{{.State.Pid}}', id))

/** A commit, sent a signal when it has frozen the container. */
async function commitWith(signal: NodeJS.Signals): Promise<unknown[]> {
  const child = spawn(plyfsProgram(), ['commit', '--root', storeRoot(), 'one'], {
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  if (!(await until(() => isFrozen(pid)))) throw new Error('it was never frozen')
  child.kill(signal)
  return ended
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  t.test(`${signal} during a commit thaws the container`, async t => {
    t.same(await commitWith(signal), [null, signal])
    t.notOk(isFrozen(pid))
    t.notOk(fs.existsSync(path.join(folderOf(id), 'frozen')))
  })

for (const [verb, ...words] of [['ps'], ['exec', 'one', 'true']] as const)
  t.test(`after kill -9 \`plyfs ${verb}\` thaws it`, async t => {
    t.same(await commitWith('SIGKILL'), [null, 'SIGKILL'])
    t.ok(isFrozen(pid), 'the killed commit could not')
    await ok(verb, ...words)
    t.notOk(isFrozen(pid))
    t.notOk(fs.existsSync(path.join(folderOf(id), 'frozen')))
  })

t.test('commits at once are one after the other frozen', async t => {
  const both = await Promise.all([plyfs('commit', 'one'), plyfs('commit', 'one')])
  t.match(both, [{ status: 0 }, { status: 0 }])
  t.notOk(isFrozen(pid))
})

t.test('a container that somebody has paused stays so', async t => {
  await ok('pause', 'one')
  await ok('commit', 'one')
  await ok('ps')
  t.ok(isFrozen(pid))
  await ok('unpause', 'one')
  await ok('rm', '-f', 'one')
})
