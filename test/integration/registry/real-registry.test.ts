// plyfs and skopeo against each other on Debian's docker-registry: what one sends the other gets,
// byte for byte, with and without TLS, with names and passwords.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeAuthority, sign } from '../../helpers/registry/certificates.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import {
  blobPath,
  makeImage,
  makeIndex,
  makeLayer,
} from '../../helpers/registry/oci-layout.js'
import { makePlace, privateEtc, trust } from '../../helpers/registry/place.js'
import { roundTrip, sameInStore } from './round-trip.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const layers = [makeLayer(layout, 'one', 3000), makeLayer(layout, 'two', 200_000)]
const image = makeImage(layout, 'first', layers)
// Larger than a chunk of an upload.
const large = makeImage(layout, 'large', [makeLayer(layout, 'three', 20_000_000)])
const second = makeImage(layout, 'second', layers.slice(0, 1))
const authority = await makeAuthority(path.join(base, 'ca'))
const names = ['DNS:localhost', 'DNS:registry.test', 'IP:127.0.0.1']
const server = await sign(authority, 'server', names)
const user = ['alice', 's3cret'] as const

t.before(() => privateEtc())

t.test('without TLS, where it is allowed', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'plain'))
  t.teardown(() => registry.kill())
  const place = makePlace(base, 'place-plain')

  fs.writeFileSync(
    '/etc/containers/registries.conf',
    `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
  )
  t.teardown(() => fs.rmSync('/etc/containers/registries.conf'))
  await roundTrip(t, place, registry.host, { layout, image: large, second })
})

t.test('HTTPS is demanded, from the loopback too', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'plain2'))
  t.teardown(() => registry.kill())
  const place = makePlace(base, 'place-plain2')
  t.match(await place.plyfs(['tags', `${registry.host}/team/app`]), {
    status: 1,
    stderr: /does not speak TLS; name it in insecureRegistries/,
  })
  place.configure(`insecureRegistries = ["${registry.host}"]\n`)
  t.match(await place.plyfs(['tags', `${registry.host}/team/app`]), {
    status: 1,
    stderr: /404 repository name not known to registry/,
  })
})

t.test('with TLS and htpasswd', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'tls'), {
    tls: server,
    user,
  })
  t.teardown(() => registry.kill())
  const host = `localhost:${registry.port}`
  const place = makePlace(base, 'place-tls')

  t.match(
    await place.plyfs(['login', '-u', user[0], '--password-stdin', host], {
      input: user[1],
    }),
    { status: 1, stderr: /its certificate is not trusted.*certs\.d/ },
  )
  trust(host, authority.certificate)
  t.match(await place.plyfs(['pull', `${host}/team/app:first`]), {
    status: 1,
    stderr: /without a login \('plyfs login localhost:\d+'\): 401/,
  })
  t.match(
    await place.plyfs(['login', '-u', user[0], '--password-stdin', host], {
      input: 'wrong\n',
    }),
    { status: 1, stderr: /as alice: 401/ },
  )
  t.notOk(fs.existsSync(place.authFile), 'nothing is kept of a login that failed')
  await place.mustPlyfs(['login', '-u', user[0], '--password-stdin', host], {
    input: `${user[1]}\n`,
  })
  await roundTrip(t, place, host, { layout, image, second })

  t.equal(await place.mustSkopeo(['login', '--get-login', host]), `${user[0]}\n`)
  await place.mustSkopeo(['logout', host])
  t.match(await place.plyfs(['tags', `${host}/team/app`]), { status: 1, stderr: /401/ })
  await place.mustSkopeo(['login', '-u', user[0], '-p', user[1], host])
  t.match(await place.plyfs(['tags', `${host}/team/app`]), { status: 0 })
  t.match(await place.plyfs(['logout', host]), { status: 0, stdout: /^Removed/ })
  t.match(await place.plyfs(['tags', `${host}/team/app`]), { status: 1, stderr: /401/ })
})

t.test('an unknown certificate, where that is allowed', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'unknown'), { tls: server })
  t.teardown(() => registry.kill())
  const place = makePlace(base, 'place-unknown')
  place.configure(`insecureRegistries = ["${registry.host}"]\n`)
  t.match(await place.plyfs(['tags', `${registry.host}/none`]), {
    status: 1,
    stderr: /404 repository name not known/,
  })
})

t.test('certificates of clients, from both directories', async t => {
  const client = await sign(authority, 'client')
  const registry = await DockerRegistry.start(path.join(base, 'mutual'), {
    tls: server,
    clients: authority.certificate,
  })
  t.teardown(() => registry.kill())
  for (const below of ['/etc/containers', '/etc/docker']) {
    // Names of their own, since what one directory has the other need not have.
    const host = `${below === '/etc/docker' ? '127.0.0.1' : 'localhost'}:${registry.port}`
    const place = makePlace(base, `place-mutual-${path.basename(below)}`)
    trust(host, authority.certificate, undefined, below)
    t.match(await place.plyfs(['tags', `${host}/none`]), {
      status: 1,
      stderr: /TLS failed|the connection broke/,
    })
    trust(host, authority.certificate, client, below)
    t.match(await place.plyfs(['tags', `${host}/none`]), { status: 1, stderr: /404/ })
  }
})

t.test('an index, with platforms', async t => {
  const registry = await DockerRegistry.start(path.join(base, 'index'))
  t.teardown(() => registry.kill())
  const place = makePlace(base, 'place-index')
  place.configure(`insecureRegistries = ["${registry.host}"]\n`)
  const arm = makeImage(layout, 'arm', layers.slice(1), 'arm64')
  const index = makeIndex(layout, [
    ['amd64', second],
    ['arm64', arm],
  ])
  const name = `${registry.host}/multi`
  for (const one of [second, arm])
    await place.mustSkopeo([
      ...['copy', '--dest-tls-verify=false', one.layout],
      `docker://${name}:${one === arm ? 'arm' : 'amd'}`,
    ])
  const put = await fetch(`http://${registry.host}/v2/multi/manifests/latest`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    body: new Uint8Array(index.bytes),
  })
  t.equal(put.status, 201)

  t.match(
    await place.mustPlyfs(['pull', '--platform', 'linux/arm64', name]),
    index.digest,
  )
  sameInStore(t, place, layout, arm)
  t.same(fs.readFileSync(blobPath(place.store, index.digest)), index.bytes)
  await place.mustPlyfs(['pull', '--platform', 'amd64', `${name}@${index.digest}`])
  sameInStore(t, place, layout, second)
  t.match(await place.plyfs(['pull', '--platform', 'linux/s390x', name]), {
    status: 1,
    stderr: /no image for linux\/s390x; it offers linux\/amd64, linux\/arm64/,
  })
  const wrong = `${name}@${image.manifest}`
  t.match(await place.plyfs(['pull', wrong]), { status: 1, stderr: /404/ })
})
