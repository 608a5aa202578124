// Uploads of large blobs: in chunks, resumed where the registry says that it stands, anew where it
// has lost them, in one piece where it knows no chunks; and on docker-registry.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import { startFaultyProxy } from '../../helpers/registry/faulty-proxy.js'
import { blobPath, makeImage, makeLayer } from '../../helpers/registry/oci-layout.js'
import { makePlace, privateEtc } from '../../helpers/registry/place.js'
import {
  startStubUploads,
  type StubUploads,
} from '../../helpers/registry/stub-uploads.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const MIB = 1024 * 1024
const big = makeLayer(layout, 'big', 36 * MIB)
const image = makeImage(layout, 'app', [big])
const place = makePlace(base, 'place')
const source = await DockerRegistry.start(path.join(base, 'source'))
const insecure: string[] = [source.host]

t.teardown(() => source.kill())
t.before(async () => {
  await privateEtc()
  await place.mustSkopeo([
    ...['copy', '--dest-tls-verify=false', image.layout],
    `docker://${source.host}/app:1`,
  ])
  allow()
  await place.mustPlyfs(['pull', '-q', `${source.host}/app:1`])
})

function allow(...hosts: string[]): void {
  insecure.push(...hosts)
  const list = insecure.map(host => `"${host}"`).join(', ')
  place.configure(`insecureRegistries = [${list}]\n`)
}

/** The name of the image on another registry. */
async function nameOn(host: string): Promise<string> {
  allow(host)
  const name = `${host}/app:1`
  await place.mustPlyfs(['tag', `${source.host}/app:1`, name])
  return name
}

async function pushTo(stub: StubUploads): Promise<string[]> {
  await place.mustPlyfs(['push', await nameOn(stub.host)])
  return stub.log.filter(line => /^(PATCH|PUT|GET) upload/.test(line))
}

const C = 16 * MIB
const range = (from: number, to = from + C) => `${from}-${Math.min(to, big.size) - 1}`

t.test('in chunks', async t => {
  const stub = await startStubUploads()
  t.teardown(() => stub.close())
  t.same((await pushTo(stub)).toSorted(), [
    `PATCH upload ${range(0)} -> 202`,
    `PATCH upload ${range(C)} -> 202`,
    `PATCH upload ${range(2 * C)} -> 202`,
    // The config goes in one piece, the other ends the chunks.
    'PUT upload  -> 201',
    'PUT upload  -> 201',
  ])
  t.same(stub.blobs.get(big.digest), fs.readFileSync(blobPath(layout, big.digest)))
})

t.test('resumed where the registry stands', async t => {
  const stub = await startStubUploads()
  t.teardown(() => stub.close())
  stub.breakAfter = 5 * MIB
  const lines = await pushTo(stub)
  t.equal(lines.filter(line => line === 'GET upload  -> 204').length, 1)
  t.notOk(lines.includes(`PATCH upload ${range(0)} -> 202`))
  const starts = lines.flatMap(
    line => /^PATCH upload (\d+)-.* 202$/.exec(line)?.[1] ?? [],
  )
  t.equal(starts.length, 2, 'what was left in chunks')
  t.ok(Number(starts[0]) > 5 * MIB)
  t.ok(stub.received < big.size + MIB, `${stub.received} bytes of ${big.size}`)
  t.ok(stub.blobs.has(big.digest))
})

t.test('anew where it has lost them', async t => {
  const stub = await startStubUploads()
  t.teardown(() => stub.close())
  stub.breakAfter = 5 * MIB
  stub.forgetful = true
  const lines = await pushTo(stub)
  t.ok(lines.includes('GET upload  -> 404'))
  t.ok(lines.includes(`PATCH upload ${range(0)} -> 202`))
  t.ok(stub.blobs.has(big.digest))
})

t.test('in one piece where chunks are not known', async t => {
  const stub = await startStubUploads()
  t.teardown(() => stub.close())
  stub.withoutChunks = true
  const lines = await pushTo(stub)
  t.equal(lines.filter(line => line.startsWith('PATCH')).length, 1)
  t.ok(stub.blobs.has(big.digest))
})

t.test('docker-registry, with a chunk that breaks', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'target'))
  const proxy = await startFaultyProxy(registry.port)
  t.teardown(() => Promise.all([registry.kill(), proxy.close()]))
  let chunks = 0
  proxy.fault = one =>
    one.method === 'PATCH' && ++chunks === 2
      ? { kind: 'break-request', after: 3 * MIB }
      : undefined
  await place.mustPlyfs(['push', await nameOn(proxy.host)])
  t.ok(chunks > 3)
  const copy = path.join(base, 'copy')
  await place.mustSkopeo([
    ...['copy', '--src-tls-verify=false', `docker://${registry.host}/app:1`],
    `oci:${copy}:1`,
  ])
  t.same(
    fs.readFileSync(blobPath(copy, big.digest)),
    fs.readFileSync(blobPath(layout, big.digest)),
  )
})
