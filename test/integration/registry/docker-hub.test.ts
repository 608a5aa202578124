// What is particular to Docker Hub: its registry has another name than its images, and its logins
// have a name of their own in Docker's file. A docker-registry plays it, on port 443.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { makeAuthority, sign } from '../../helpers/registry/certificates.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import { makeImage, makeLayer } from '../../helpers/registry/oci-layout.js'
import { makePlace, privateEtc, trust } from '../../helpers/registry/place.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** An address of the loopback that nothing else listens on. */
const ADDRESS = '127.94.43.1'
const base = scratch()
const layout = path.join(base, 'layout')
const image = makeImage(layout, 'first', [makeLayer(layout, 'one', 3000)])
const authority = await makeAuthority(path.join(base, 'ca'))
const server = await sign(authority, 'server', ['DNS:registry-1.docker.io'])
const registry = await DockerRegistry.start(path.join(base, 'hub'), {
  ...{ address: ADDRESS, port: 443, tls: server, user: ['alice', 's3cret'] },
})

t.teardown(() => registry.kill())
t.before(async () => {
  await privateEtc([], `${ADDRESS} registry-1.docker.io\n`)
  trust('docker.io', authority.certificate)
})

t.test('logins and names', async t => {
  const place = makePlace(base, 'place')
  t.match(
    await place.plyfs(['login', '-u', 'alice', '--password-stdin'], { input: 'x' }),
    {
      status: 1,
      stderr: /docker\.io: login, as alice: 401/,
    },
  )
  await place.mustPlyfs(['login', '-u', 'alice', '--password-stdin'], { input: 's3cret' })
  t.same(Object.keys(authsIn(place.authFile)), ['docker.io'])
  t.equal(await place.mustSkopeo(['login', '--get-login', 'docker.io']), 'alice\n')
  await place.mustSkopeo(['copy', image.layout, 'docker://docker.io/library/tool:1'])

  const pulled = await place.mustPlyfs(['pull', '-q', 'tool:1'])
  t.equal(pulled, 'docker.io/library/tool:1\n')
  await place.mustPlyfs(['tag', 'tool:1', 'alice/app'])
  t.match(await place.mustPlyfs(['push', 'alice/app:latest']), /^latest: digest: sha256:/)
  t.equal(await place.mustPlyfs(['tags', 'alice/app']), 'latest\n')
  await place.mustPlyfs(['logout'])
  t.match(await place.plyfs(['tags', 'alice/app']), { status: 1, stderr: /401/ })

  const docker = path.join(place.environment['HOME'] ?? '', '.docker')
  fs.mkdirSync(docker)
  const auth = Buffer.from('alice:s3cret').toString('base64')
  fs.writeFileSync(
    path.join(docker, 'config.json'),
    JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth } } }),
  )
  t.equal(await place.mustPlyfs(['tags', 'alice/app']), 'latest\n')
})

function authsIn(file: string): object {
  const { auths } = JSON.parse(fs.readFileSync(file, 'utf8')) as { auths: object }
  return auths
}
