// What goes wrong between plyfs and a registry, made by a proxy that breaks connections and keeps a
// log: broken transfers go on where they ended, nothing is sent twice, waits are obeyed.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { isolated, scratch } from '../../helpers/isolated.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import {
  type Exchange,
  type FaultyProxy,
  startFaultyProxy,
} from '../../helpers/registry/faulty-proxy.js'
import {
  blobPath,
  digestOf,
  makeImage,
  makeLayer,
} from '../../helpers/registry/oci-layout.js'
import { makePlace, type Place, privateEtc } from '../../helpers/registry/place.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const small = makeLayer(layout, 'small', 4000)
const big = makeLayer(layout, 'big', 3_000_000)
const image = makeImage(layout, 'app', [small, big])
let count = 0

t.before(() => privateEtc())

interface Stage {
  readonly registry: DockerRegistry
  readonly proxy: FaultyProxy
  readonly place: Place
}

/** A registry that has the image as team/app:1, the proxy before it, and a fresh place. */
async function makeStage(t: Test): Promise<Stage> {
  const name = `stage-${++count}`
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

const isBlob = (digest: string) => (one: Exchange) =>
  one.method === 'GET' && one.path.endsWith(`/blobs/${digest}`)

/** PUTs that ended an upload, and blobs that were mounted: by digest. */
function arrivals(log: readonly Exchange[]): string[] {
  return log
    .filter(one => one.status === 201 && /[?&](digest|mount)=/.test(one.path))
    .map(one => decodeURIComponent(/(?:digest|mount)=([^&]*)/.exec(one.path)?.[1] ?? ''))
}

t.test('a broken pull resumes with the rest alone', async t => {
  const { proxy, place } = await makeStage(t)
  let broken = 0
  proxy.fault = one =>
    isBlob(big.digest)(one) && broken++ < 2
      ? { kind: 'break-answer', after: 1_000_000 }
      : undefined
  await place.mustPlyfs(['pull', `${proxy.host}/team/app:1`])

  const gets = proxy.log.filter(isBlob(big.digest))
  t.same(
    gets.map(one => one.status),
    [200, 206, 206],
  )
  const carried = gets.reduce((sum, one) => sum + one.sent, 0)
  // A server may have handed on less than it read; what arrived is not asked for again.
  const starts = gets.map(one => Number(/bytes=(\d+)-/.exec(one.range ?? '')?.[1] ?? 0))
  t.same(starts[0], 0)
  t.ok(
    (starts[1] ?? 0) > 0 && (starts[2] ?? 0) > (starts[1] ?? 0),
    `from ${starts.join()}`,
  )
  t.ok(carried <= big.size + 2 * 65_536, `${carried} bytes for ${big.size}`)
  t.equal(digestOf(fs.readFileSync(blobPath(place.store, big.digest))), big.digest)
})

t.test('a server that knows no ranges is read from the beginning', async t => {
  const { proxy, place } = await makeStage(t)
  let broken = 0
  proxy.fault = one => {
    if (!isBlob(big.digest)(one)) return undefined
    return broken++ === 0
      ? { kind: 'break-answer', after: 500_000 }
      : { kind: 'no-range' }
  }
  await place.mustPlyfs(['pull', `${proxy.host}/team/app:1`])
  t.same(
    proxy.log.filter(isBlob(big.digest)).map(one => one.status),
    [200, 200],
  )
})

t.test('a range that cannot be had', async t => {
  const { proxy, place } = await makeStage(t)
  let asked = 0
  proxy.fault = one => {
    if (!isBlob(big.digest)(one)) return undefined
    asked++
    if (asked === 1) return { kind: 'break-answer', after: 500_000 }
    return asked === 2 ? { kind: 'answer', status: 416 } : undefined
  }
  await place.mustPlyfs(['pull', `${proxy.host}/team/app:1`])
  t.same(
    proxy.log.filter(isBlob(big.digest)).map(one => one.status),
    [200, 416, 200],
  )
})

t.test('a blob with other bytes', async t => {
  const { registry, proxy, place } = await makeStage(t)
  const stored = path.join(base, `stage-${count}`, 'data/docker/registry/v2/blobs/sha256')
  const hex = big.digest.replace('sha256:', '')
  const data = path.join(stored, hex.slice(0, 2), hex, 'data')
  const bytes = fs.readFileSync(data)
  bytes[1_000_000] = ~(bytes.at(1_000_000) ?? 0) & 255
  fs.writeFileSync(data, bytes)
  t.match(await place.plyfs(['pull', `${proxy.host}/team/app:1`]), {
    status: 1,
    stderr: new RegExp(`${big.digest} has the contents of sha256`),
  })
  t.notOk(fs.existsSync(blobPath(place.store, big.digest)), 'nothing of it stays')
  bytes[1_000_000] = ~(bytes.at(1_000_000) ?? 0) & 255
  fs.writeFileSync(data, bytes)
  await registry.kill()
  await registry.restart()
  await place.mustPlyfs(['pull', `${proxy.host}/team/app:1`])
})

t.test('429 with Retry-After is obeyed, 503 is tried again', async t => {
  const { proxy, place } = await makeStage(t)
  const times: number[] = []
  proxy.fault = one => {
    if (!one.path.includes('/manifests/')) return undefined
    times.push(Date.now())
    if (times.length === 1)
      return { kind: 'answer', status: 429, headers: { 'retry-after': '2' } }
    return times.length === 2 ? { kind: 'answer', status: 503 } : undefined
  }
  const ran = await place.plyfs(['pull', '-q', `${proxy.host}/team/app:1`])
  t.match(ran, { status: 0, stderr: /429 .*trying again in 2\.\d s\n.*503 .*trying/ })
  const [first = 0, second = 0, third = 0] = times
  t.ok(second - first >= 1990, `${second - first} ms`)
  t.ok(third - second >= 300, `${third - second} ms`)
})

t.test('a server that stays broken is given up', async t => {
  const { proxy, place } = await makeStage(t)
  proxy.fault = one =>
    one.path.includes('/manifests/')
      ? { kind: 'answer', status: 429, headers: { 'retry-after': '86400' } }
      : undefined
  t.match(await place.plyfs(['pull', `${proxy.host}/team/app:1`]), {
    status: 1,
    stderr: /^plyfs: 127.0.0.1:\d+: manifest team\/app:1: 429/,
  })
  t.equal(proxy.log.filter(one => one.path.includes('/manifests/')).length, 1)
})

t.test('no blob is sent twice, and another repository lends', async t => {
  const { proxy, place } = await makeStage(t)
  await place.mustPlyfs(['pull', '-q', `${proxy.host}/team/app:1`])
  const record = path.join(place.store, 'index.json')
  t.ok(fs.existsSync(record))

  // Another repository of the same host: everything is mounted.
  await place.mustPlyfs(['tag', `${proxy.host}/team/app:1`, `${proxy.host}/other/app:1`])
  await place.mustPlyfs(['tag', `${proxy.host}/team/app:1`, `${proxy.host}/other/app:2`])
  const before = proxy.log.length
  const pushed = await place.mustPlyfs(['push', `${proxy.host}/other/app`])
  t.match(pushed, /^1: digest: sha256:.*\n2: digest: sha256:.*\n2 tags of /)
  const log = proxy.log.slice(before)
  t.same(
    arrivals(log).toSorted(),
    [image.id, small.digest, big.digest].toSorted(),
    'each arrived once',
  )
  const mounts = log.filter(one => /[?&]mount=/.test(one.path))
  t.same(
    mounts.map(one => one.status),
    [201, 201, 201],
  )
  t.equal(log.filter(one => one.method === 'PATCH').length, 0)
  t.ok(log.every(one => one.method !== 'PUT' || one.path.includes('/manifests/')))

  // Again: nothing is sent at all.
  const again = proxy.log.length
  await place.mustPlyfs(['push', `${proxy.host}/other/app:1`])
  t.same(arrivals(proxy.log.slice(again)), [])
})

t.test('a broken push goes on', async t => {
  const { proxy, place, registry } = await makeStage(t)
  await place.mustPlyfs(['pull', '-q', `${registry.host}/team/app:1`])
  const name = `${proxy.host}/new/app:1`
  await place.mustPlyfs(['tag', `${registry.host}/team/app:1`, name])
  let broken = 0
  proxy.fault = one =>
    one.method === 'PUT' && one.path.includes(big.digest.slice(7)) && broken++ === 0
      ? { kind: 'break-request', after: 1_000_000 }
      : undefined
  await place.mustPlyfs(['push', name])
  t.ok(broken > 1, 'it was broken')
  t.same(arrivals(proxy.log).toSorted(), [image.id, small.digest, big.digest].toSorted())
  const put = proxy.log.filter(one => one.path.includes('digest=') && one.status === 201)
  t.equal(put.filter(one => one.path.includes(small.digest.slice(7))).length, 1)
  await place.mustSkopeo([
    ...['copy', '--src-tls-verify=false', `docker://${registry.host}/new/app:1`],
    `oci:${path.join(place.base, 'copy')}:1`,
  ])
})

t.test('an answer that got lost: the blob is there and not sent again', async t => {
  const { proxy, place, registry } = await makeStage(t)
  await place.mustPlyfs(['pull', '-q', `${registry.host}/team/app:1`])
  const name = `${proxy.host}/lost/app:1`
  await place.mustPlyfs(['tag', `${registry.host}/team/app:1`, name])
  let lost = 0
  proxy.fault = one =>
    one.method === 'PUT' && one.path.includes(big.digest.slice(7)) && lost++ === 0
      ? { kind: 'swallow-answer' }
      : undefined
  await place.mustPlyfs(['push', name])
  t.equal(arrivals(proxy.log).filter(digest => digest === big.digest).length, 1)
  const body = proxy.log.filter(one => one.path.includes(big.digest.slice(7)))
  t.equal(body.filter(one => one.method === 'PUT').length, 1)
})
