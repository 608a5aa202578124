// The units: systemd takes them as they are, and the daemon takes the socket that it is handed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { until } from '../container/box.js'
import { ask, plyfsWith, storeWithImage } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

t.test('systemd finds nothing wrong with the units', async t => {
  const units = freshDirectory(scratch(), 'units')
  for (const name of ['plyfs.socket', 'plyfs.service']) {
    const text = fs.readFileSync(path.join('scripts/systemd', name), 'utf8')
    // Where it is installed here.
    const here = text.replace('/usr/local/bin/plyfs', plyfsProgram())
    fs.writeFileSync(path.join(units, name), here)
  }
  const files = ['plyfs.socket', 'plyfs.service'].map(name => path.join(units, name))
  const said = await run('systemd-analyze', ['verify', '--man=no', ...files], {
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${units}:` },
  })
  const own = (said.stdout + said.stderr)
    .split('\n')
    .filter(line => line.includes('plyfs'))
  t.same(own, [])
  t.equal(said.status, 0, said.stderr)
})

t.test('the socket is handed over with the first connection', async t => {
  const root = await storeWithImage()
  const socket = path.join(scratch(), 'activated.sock')
  const words = ['-l', socket, plyfsProgram(), 'daemon', '--root', root]
  const activator = spawn('systemd-socket-activate', words, { stdio: 'ignore' })
  const ended = once(activator, 'exit')
  t.ok(await until(() => fs.existsSync(socket)), 'somebody listens')
  const at = freshDirectory(scratch(), 'mnt')
  t.match(await plyfsWith({ socket }, 'mount', '--root', root, 'small:1', at), {
    status: 0,
    stderr: '',
  })
  const told = await ask({ socket }, 'GET', '/v1/version')
  t.match(told.json, { pid: activator.pid, mounts: 1 }, 'it is the same process')
  const environment = fs.readFileSync(`/proc/${activator.pid ?? 0}/environ`, 'latin1')
  t.match(environment, /LISTEN_FDS=1/)
  t.equal(await must('cat', [`${at}/data/file`]), 'of the image\n')
  await must(plyfsProgram(), ['daemon', 'stop', '--socket', socket])
  t.strictSame(await ended, [0, null])
  t.notOk(isMounted(at))
  t.ok(fs.existsSync(socket), "the socket is systemd's")
})
