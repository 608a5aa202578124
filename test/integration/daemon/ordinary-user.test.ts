// An ordinary user's daemon: it mounts through fusermount3, for that user; others mount by themselves.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { file } from '../../helpers/make-tar.js'
import { isMounted, openFuseToUsers, plyfsProgram } from '../../helpers/mounted.js'
import { type Ran, run } from '../../helpers/run.js'
import { ask } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

// nobody and daemon: fusermount3 asks for users that the system knows.
const alice = { uid: 65534, gid: 65534 }
const bob = { uid: 1, gid: 1 }

await openFuseToUsers()
const home = freshDirectory(scratch(), 'home')
fs.chownSync(home, alice.uid, alice.gid)
const root = path.join(home, 'store')
const socket = path.join(home, 'run/plyfs.sock')
const env = { PATH: process.env['PATH'], HOME: home, PLYFS_HOST: `unix://${socket}` }

function as(user: typeof alice, ...words: string[]): Promise<Ran> {
  return run(plyfsProgram(), words, { env, ...user, limit: 60_000, cwd: '/' })
}

function point(owner: typeof alice): string {
  const made = freshDirectory(scratch(), 'mnt')
  fs.chownSync(made, owner.uid, owner.gid)
  return made
}

const start = async () => {
  const child = spawn(plyfsProgram(), ['daemon', '--root', root, '--socket', socket], {
    env,
    cwd: '/',
    ...alice,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

t.test('its mounts are the user’s', async t => {
  const archive = path.join(scratch(), 'small.tar')
  const image = makeImage([[file('hello', 'of the image\n')]])
  fs.writeFileSync(archive, dockerArchive([{ image, tags: ['small:1'] }]))
  t.match(await as(alice, 'load', '-q', '--root', root, '-i', archive), { status: 0 })
  const daemon = await start()
  const at = point(alice)
  t.match(await as(alice, 'mount', '--root', root, 'small:1', at), { status: 0 })
  t.match((await ask({ socket }, 'GET', '/v1/mounts')).json, [{ mountPoint: at }])
  t.match(await run('cat', [`${at}/hello`], alice), {
    stdout: 'of the image\n',
  })
  t.match(await as(alice, 'umount', at), { status: 0 })

  const refused = await as(bob, 'mount', '--root', root, 'small:1', point(bob))
  t.equal(refused.status, 1)
  t.match(refused.stderr, /no daemon answers at .*: Permission denied/)

  const roots = point(alice)
  const own = await run(plyfsProgram(), ['mount', '--root', root, 'small:1', roots], {
    env,
  })
  t.match(own, { status: 0 }, 'root mounts by itself')
  t.same((await ask({ socket }, 'GET', '/v1/mounts')).json, [])
  t.match(await run('umount', [roots]), { status: 0 })

  t.match(await as(alice, 'mount', '--root', root, 'small:1', at), { status: 0 })
  daemon.kill('SIGKILL')
  await once(daemon, 'exit')
  t.ok(isMounted(at))
  const next = await start()
  t.notOk(isMounted(at), 'what the killed one has left is gone')
  next.kill('SIGTERM')
  t.strictSame(await once(next, 'exit'), [0, null])
})

t.test('a store of another user has no daemon of ours', async t => {
  const words = ['daemon', '--root', root, '--socket', `${scratch()}/other.sock`]
  const said = await run(plyfsProgram(), words, { env })
  t.equal(said.status, 1)
  t.match(said.stderr, /belongs to user 65534; run the daemon as that user/)
})
