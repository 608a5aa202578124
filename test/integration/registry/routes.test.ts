// Which servers are asked, and what they are shown: mirrors before the origin, short names, search
// registries, redirects without credentials, proxies, tokens.
import * as fs from 'node:fs'
import * as http from 'node:http'
import * as net from 'node:net'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeAuthority, sign } from '../../helpers/registry/certificates.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import { listen } from '../../helpers/registry/listening.js'
import {
  blobPath,
  makeImage,
  makeLayer,
  type MadeImage,
} from '../../helpers/registry/oci-layout.js'
import { makePlace, privateEtc, trust } from '../../helpers/registry/place.js'
import {
  startStubRegistry,
  type StubRegistry,
} from '../../helpers/registry/stub-registry.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const image = makeImage(layout, 'app', [makeLayer(layout, 'file', 5000)])
let count = 0

t.before(() => privateEtc(['registry.test', 'other.test']))

/** Has the image as REPOSITORY:TAG. */
function serveImage(
  stub: StubRegistry,
  repository: string,
  made: MadeImage = image,
  tag = 'latest',
): void {
  const add = (key: string, digest: string, type: string) =>
    stub.documents.set(`${repository}/${key}`, {
      type,
      bytes: fs.readFileSync(blobPath(layout, digest)),
    })
  const manifest = 'application/vnd.oci.image.manifest.v1+json'
  add(`manifests/${tag}`, made.manifest, manifest)
  add(`manifests/${made.manifest}`, made.manifest, manifest)
  for (const digest of [made.id, ...made.layers.map(one => one.digest)])
    add(`blobs/${digest}`, digest, 'application/octet-stream')
}

const freshPlace = () => makePlace(base, `place-${++count}`)

t.test('mirrors, in their order, then the origin', async t => {
  const [first, second, origin] = await Promise.all([
    startStubRegistry(),
    startStubRegistry(),
    startStubRegistry(),
  ])
  t.teardown(() => Promise.all([first, second, origin].map(stub => stub.close())))
  const place = freshPlace()
  const insecure = [first, second, origin].map(({ host }) => `"${host}"`).join(', ')
  const configure = (more = ''): void =>
    place.configure(`insecureRegistries = [${insecure}]
[[registry]]
prefix = "vendor.example/app"
location = "${origin.host}/real/app"
mirrors = ["127.0.0.1:1/none", "${first.host}/copy/app", "${second.host}/app"]
${more}`)
  configure()
  serveImage(second, 'app')
  const name = 'vendor.example/app:latest'
  t.equal(await place.mustPlyfs(['pull', '-q', name]), `${name}\n`, 'its own name')
  t.ok(first.requests.some(one => one.url.pathname === '/v2/copy/app/manifests/latest'))
  t.equal(origin.requests.length, 0)

  // The origin is the last that is tried; a blob that a mirror lost comes from the next.
  second.documents.clear()
  serveImage(first, 'copy/app')
  first.documents.delete(`copy/app/blobs/${image.layers[0]?.digest ?? ''}`)
  serveImage(origin, 'real/app')
  const fresh = freshPlace()
  fresh.configure(fs.readFileSync(path.join(place.base, 'config.toml'), 'utf8'))
  await fresh.mustPlyfs(['pull', '-q', name])
  t.match(
    origin.requests.map(one => one.url.pathname),
    [`/v2/real/app/blobs/${image.layers[0]?.digest ?? ''}`],
  )

  t.match(await fresh.plyfs(['pull', 'vendor.example/app/deeper:x']), {
    status: 1,
    stderr:
      /127\.0\.0\.1:1: connection refused\n(.*404.*\n){2}.*real\/app\/deeper:x: 404/,
  })

  // Only by digest.
  configure('mirror-by-digest-only = true')
  const asked = first.requests.length
  await place.mustPlyfs(['pull', '-q', name])
  t.equal(first.requests.length, asked, 'no mirror for a tag')
  configure('blocked = true')
  t.match(await place.plyfs(['pull', name]), { status: 1, stderr: /is blocked/ })
})

t.test('short names and search registries of registries.conf', async t => {
  const [one, two] = await Promise.all([startStubRegistry(), startStubRegistry()])
  t.teardown(() => Promise.all([one.close(), two.close()]))
  const place = freshPlace()
  fs.mkdirSync('/etc/containers/registries.conf.d', { recursive: true })
  const conf = '/etc/containers/registries.conf'
  fs.writeFileSync(
    conf,
    `unqualified-search-registries = ["${one.host}", "${two.host}"]
[[registry]]
location = "${one.host}"
insecure = true
[[registry]]
location = "${two.host}"
insecure = true
`,
  )
  fs.writeFileSync(
    `${conf}.d/aliases.conf`,
    `[aliases]\n"short" = "${two.host}/long/name"\n`,
  )
  t.teardown(() =>
    [conf, `${conf}.d`].forEach(file => fs.rmSync(file, { recursive: true })),
  )
  serveImage(two, 'tool', image, '2')
  serveImage(two, 'long/name', image, '3')
  t.equal(await place.mustPlyfs(['pull', '-q', 'tool:2']), `${two.host}/tool:2\n`)
  t.ok(one.requests.length > 0, 'the first was asked first')
  t.equal(await place.mustPlyfs(['pull', '-q', 'short:3']), `${two.host}/long/name:3\n`)
  t.match(await place.mustPlyfs(['inspect', 'tool:2']), `"${two.host}/tool:2"`)
  fs.writeFileSync(
    conf,
    `short-name-mode = "enforcing"\n${fs.readFileSync(conf, 'utf8')}`,
  )
  t.match(await place.plyfs(['pull', 'tool:2']), {
    status: 1,
    stderr: /may be on .*: write the host before it/,
  })
  t.match(await place.mustPlyfs(['inspect', 'tool:2']), `"${two.host}/tool:2"`)
})

t.test('a redirect shows no credentials to another host', async t => {
  const [stub, target] = await Promise.all([startStubRegistry(), startStubRegistry()])
  t.teardown(() => Promise.all([stub.close(), target.close()]))
  const place = freshPlace()
  place.configure(`insecureRegistries = ["${stub.host}", "${target.host}"]\n`)
  serveImage(stub, 'app')
  serveImage(target, 'app')
  stub.handle = ({ url, headers }, response) => {
    if (headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="stub"' }).end()
      return true
    }
    if (!url.pathname.includes('/blobs/')) return false
    const location = url.searchParams.has('again')
      ? `http://${target.host}${url.pathname}`
      : `${url.pathname}?again`
    response.writeHead(307, { location }).end()
    return true
  }
  const auth = Buffer.from('alice:s3cret').toString('base64')
  fs.writeFileSync(place.authFile, JSON.stringify({ auths: { [stub.host]: { auth } } }))
  await place.mustPlyfs(['pull', '-q', `${stub.host}/app`])
  const again = stub.requests.filter(one => one.url.searchParams.has('again'))
  t.ok(again.length > 0 && again.every(one => one.headers.authorization !== undefined))
  t.equal(target.requests.length, 2)
  t.ok(target.requests.every(one => one.headers.authorization === undefined))
  t.ok(target.requests.every(one => one.url.pathname.includes('/blobs/')))
})

t.test('a redirect from TLS to plain HTTP is refused', async t => {
  const authority = await makeAuthority(path.join(base, 'ca-redirect'))
  const pair = await sign(authority, 'server', ['DNS:localhost'])
  const https = await import('node:https')
  const server = https.createServer(
    { cert: fs.readFileSync(pair.certificate), key: fs.readFileSync(pair.key) },
    (_request, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()
    },
  )
  const listening = await listen(server)
  t.teardown(() => listening.close())
  const host = `localhost:${listening.port}`
  trust(host, authority.certificate)
  t.match(await freshPlace().plyfs(['pull', `${host}/app`]), {
    status: 1,
    stderr: /redirects to 127\.0\.0\.1:9 without TLS/,
  })
})

t.test('HTTPS_PROXY, HTTP_PROXY and NO_PROXY', async t => {
  const authority = await makeAuthority(path.join(base, 'ca-proxy'))
  const tls = await sign(authority, 'server', ['DNS:registry.test'])
  const registry = await DockerRegistry.start(path.join(base, 'proxied'), { tls })
  const stub = await startStubRegistry()
  stub.tags.set('app', ['through', 'it'])
  const seen: string[] = []
  const proxy = http.createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    const ours = request.headers['proxy-authorization']
    if (ours !== `Basic ${Buffer.from('me:p@ss').toString('base64')}`) {
      response.writeHead(407).end()
      return
    }
    const url = new URL(request.url ?? '')
    const forward = http.request(
      { host: '127.0.0.1', port: url.port, path: url.pathname + url.search },
      answer => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      },
    )
    forward.end()
  })
  proxy.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    seen.push(`CONNECT ${request.url ?? ''}`)
    const port = Number((request.url ?? '').split(':')[1])
    const upstream = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  const listening = await listen(proxy)
  t.teardown(() => Promise.all([registry.kill(), stub.close(), listening.close()]))

  const secure = `registry.test:${registry.port}`
  const plain = `other.test:${stub.port}`
  trust(secure, authority.certificate)
  const place = freshPlace()
  place.configure(`insecureRegistries = ["${plain}"]\n`)
  const url = `http://me:p%40ss@${listening.host}`
  const env = { ...place.environment, HTTPS_PROXY: url, http_proxy: url }
  t.match(await place.plyfs(['tags', `${secure}/none`], { env }), { stderr: /404/ })
  t.same(seen.splice(0), [`CONNECT ${secure}`])
  t.match(await place.plyfs(['tags', `${plain}/app`], { env }), {
    stdout: 'through\nit\n',
  })
  t.same(
    seen.splice(0).filter(line => line.startsWith('GET')),
    [`GET http://${plain}/v2/app/tags/list?n=1000`],
  )
  const direct = { ...env, NO_PROXY: '.test' }
  t.match(await place.plyfs(['tags', `${plain}/app`], { env: direct }), { status: 0 })
  t.same(seen, [])
})
