// Pulls and pushes that are killed half way, plyfs or the registry: nothing half is seen, and the
// next one goes on.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import {
  type Exchange,
  type FaultyProxy,
  startFaultyProxy,
} from '../../helpers/registry/faulty-proxy.js'
import { blobPath, makeImage, makeLayer } from '../../helpers/registry/oci-layout.js'
import { makePlace, type Place, privateEtc } from '../../helpers/registry/place.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const big = makeLayer(layout, 'big', 3_000_000)
const image = makeImage(layout, 'app', [makeLayer(layout, 'small', 4000), big])

t.before(() => privateEtc())

interface Stage {
  readonly registry: DockerRegistry
  readonly proxy: FaultyProxy
  readonly place: Place
}

async function makeStage(t: Test, name: string): Promise<Stage> {
  const registry = await DockerRegistry.start(path.join(base, name))
  const proxy = await startFaultyProxy(registry.port)
  t.teardown(() => Promise.all([registry.kill(), proxy.close()]))
  const place = makePlace(base, `place-${name}`)
  place.configure(`insecureRegistries = ["${proxy.host}", "${registry.host}"]\n`)
  await place.mustSkopeo([
    ...['copy', '--dest-tls-verify=false', image.layout],
    `docker://${registry.host}/team/app:1`,
  ])
  return { registry, proxy, place }
}

/** Starts plyfs in a process group of its own and ends all of it when `when` resolves. */
async function killWhen(
  place: Place,
  args: string[],
  when: Promise<void>,
): Promise<void> {
  const [verb = '', ...rest] = args
  const child = spawn(plyfsProgram(), [verb, '--root', place.store, ...rest], {
    env: place.environment,
    stdio: 'ignore',
    detached: true,
  })
  const ended = once(child, 'exit')
  await Promise.race([
    when,
    ended.then(() => Promise.reject(new Error('it ended by itself'))),
  ])
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  await ended
}

/** Stops what concerns the big layer after so many bytes, and says when that is so. */
function stallAt(
  proxy: FaultyProxy,
  isIt: (one: Exchange) => boolean,
  after: number,
): Promise<void> {
  return new Promise(resolve => {
    proxy.fault = one => {
      if (!isIt(one)) return undefined
      proxy.fault = () => undefined
      return { kind: 'stall', after, reached: resolve }
    }
  })
}

/** Resolves when a file in the directory has so many bytes. */
function hasGrown(directory: string, bytes: number): Promise<void> {
  return new Promise(resolve => {
    const watcher = fs.watch(directory, (_event, name) => {
      const file = path.join(directory, String(name))
      const found = fs.statSync(file, { throwIfNoEntry: false })
      if (found === undefined || found.size < bytes) return
      watcher.close()
      resolve()
    })
  })
}

t.test('plyfs killed in a pull', async t => {
  const { proxy, place } = await makeStage(t, 'pull')
  const name = `${proxy.host}/team/app:1`
  const isIt = (one: Exchange) => one.path.endsWith(`/blobs/${big.digest}`)
  t.equal(await place.mustPlyfs(['images', '-q']), '', 'an empty store')
  const grown = hasGrown(path.join(place.store, 'incoming'), 1_000_000)
  const stalled = stallAt(proxy, isIt, 2_500_000)
  const both = Promise.all([grown, stalled]).then(() => undefined)
  await killWhen(place, ['pull', name], both)
  t.equal(await place.mustPlyfs(['images', '-q']), '', 'no image yet')
  t.notOk(fs.existsSync(blobPath(place.store, big.digest)), 'nothing half is published')
  const part = path.join(place.store, 'incoming', `blob-${big.digest.slice(7)}`)
  const kept = fs.statSync(part).size
  t.ok(kept >= 1_000_000, `${kept} bytes are kept`)

  const before = proxy.log.length
  await place.mustPlyfs(['pull', name])
  const again = proxy.log.slice(before).filter(isIt)
  t.same(
    again.map(one => one.status),
    [206],
  )
  const start = Number(/bytes=(\d+)-/.exec(again[0]?.range ?? '')?.[1] ?? 0)
  t.equal(start, kept, 'from where it ended')
  t.equal(again[0]?.sent, big.size - start, 'the rest alone')
  t.match(await place.mustPlyfs(['images', '-q']), /^[0-9a-f]{12}\n$/)
  t.match(await place.plyfs(['fsck']), { status: 0 })
})

t.test('plyfs killed in a push', async t => {
  const { registry, proxy, place } = await makeStage(t, 'push')
  await place.mustPlyfs(['pull', '-q', `${registry.host}/team/app:1`])
  const name = `${proxy.host}/pushed/app:1`
  await place.mustPlyfs(['tag', `${registry.host}/team/app:1`, name])
  const isIt = (one: Exchange) =>
    one.method === 'PUT' && one.path.includes(big.digest.slice(7))
  await killWhen(place, ['push', name], stallAt(proxy, isIt, 1_000_000))
  t.match(await place.plyfs(['tags', `${registry.host}/pushed/app`]), {
    status: 1,
    stderr: /404/,
  })
  const before = proxy.log.length
  await place.mustPlyfs(['push', name])
  t.equal(proxy.log.slice(before).filter(isIt).length, 1)
  await place.mustSkopeo([
    ...['copy', '--src-tls-verify=false', `docker://${registry.host}/pushed/app:1`],
    `oci:${path.join(place.base, 'copy')}:1`,
  ])
})

t.test('the registry killed in a pull and in a push', async t => {
  const { registry, proxy, place } = await makeStage(t, 'registry')
  const name = `${proxy.host}/team/app:1`
  const restart = async (): Promise<void> => {
    await registry.kill()
    await registry.restart()
  }
  const isIt = (one: Exchange) => one.path.endsWith(`/blobs/${big.digest}`)
  const stalled = stallAt(proxy, isIt, 2_000_000).then(async () => {
    await restart()
    proxy.release()
  })
  const pulled = await place.mustPlyfs(['pull', '-q', name])
  await stalled
  t.equal(pulled, `${name}\n`)
  t.same(
    proxy.log.filter(isIt).map(one => one.status),
    [200, 206],
  )

  const other = `${proxy.host}/again/app:1`
  await place.mustPlyfs(['tag', name, other])
  // A copy by hand would be mounted from the repository it came from: it is not there any more.
  fs.rmSync(path.join(base, 'registry/data'), { recursive: true })
  await restart()
  const isPut = (one: Exchange) =>
    one.method === 'PUT' && one.path.includes(big.digest.slice(7))
  const broken = stallAt(proxy, isPut, 1_000_000).then(async () => {
    await restart()
    proxy.release()
  })
  await place.mustPlyfs(['push', other])
  await broken
  t.equal(proxy.log.filter(one => isPut(one) && one.status === 201).length, 1)
})
