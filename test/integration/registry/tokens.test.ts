// plyfs and skopeo against each other on a docker-registry that wants tokens.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeAuthority, sign } from '../../helpers/registry/certificates.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import { makeImage, makeLayer } from '../../helpers/registry/oci-layout.js'
import { makePlace, privateEtc, trust } from '../../helpers/registry/place.js'
import { startTokenServer } from '../../helpers/registry/token-server.js'
import { roundTrip } from './round-trip.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const layout = path.join(base, 'layout')
const layers = [makeLayer(layout, 'one', 3000), makeLayer(layout, 'two', 200_000)]
const image = makeImage(layout, 'first', layers)
const second = makeImage(layout, 'second', layers.slice(0, 1))
const authority = await makeAuthority(path.join(base, 'ca'))
const server = await sign(authority, 'server', ['DNS:localhost', 'IP:127.0.0.1'])
const user = ['alice', 's3cret'] as const

t.before(() => privateEtc())

for (const secure of [false, true])
  t.test(`with a token server, ${secure ? 'with' : 'without'} TLS`, async t => {
    const signing = await sign(authority, `signing-${secure}`)
    const tls = secure ? { tls: server } : {}
    const tokens = await startTokenServer({
      users: Object.fromEntries([user]),
      signing,
      ...tls,
    })
    const registry = await DockerRegistry.start(path.join(base, `token-${secure}`), {
      ...tls,
      token: { ...tokens, certificate: signing.certificate },
    })
    t.teardown(() => Promise.all([registry.kill(), tokens.close()]))
    const place = makePlace(base, `place-token-${secure}`)
    if (secure) trust(registry.host, authority.certificate)
    else {
      const insecure = `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`
      fs.writeFileSync('/etc/containers/registries.conf', insecure)
      t.teardown(() => fs.rmSync('/etc/containers/registries.conf'))
    }
    const login = ['login', '-u', user[0], '--password-stdin', registry.host]
    t.match(await place.plyfs(login, { input: 'wrong' }), {
      status: 1,
      stderr: /token server.*401 incorrect username or password/,
    })
    await place.mustPlyfs(login, { input: user[1] })
    await roundTrip(t, place, registry.host, { layout, image, second })
    const other = `${registry.host}/team/other:first`
    await place.mustPlyfs(['tag', `${registry.host}/team/app:first`, other])
    t.match(await place.plyfs(['push', other]), { status: 0, stderr: /: mounted\n/ })
    const scopes = new Set(tokens.asked.flatMap(one => one.scopes))
    t.ok(scopes.has('repository:team/app:pull'))
    t.ok(scopes.has('repository:team/app:pull,push'))

    await place.mustPlyfs(['logout', registry.host])
    await place.mustPlyfs(['pull', '-q', `${registry.host}/team/app:second`])
    t.equal(tokens.asked.at(-1)?.user, undefined, 'anybody may pull')
    t.match(await place.plyfs(['push', `${registry.host}/team/app:second`]), {
      status: 1,
      stderr: /without a login/,
    })
  })
