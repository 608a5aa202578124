// Where images are had, by the configuration.
import t from 'tap'
import { parseRegistryTable } from '../../../../src/image/config/registry-table.js'
import { noSettings, type Settings } from '../../../../src/image/config/settings.js'
import { parseReference } from '../../../../src/image/model/reference.js'
import {
  hostEndpoint,
  ownEndpoint,
  pullEndpoints,
} from '../../../../src/image/registry/endpoint.js'

const settings: Settings = {
  ...noSettings,
  insecureRegistries: ['build.lan:5000'],
  registries: [
    { prefix: 'docker.io', mirrors: ['hub.mirror/docker'] },
    {
      prefix: 'docker.io/library',
      mirror: [
        { location: 'one.mirror/lib', 'pull-from-mirror': 'tag-only' },
        { location: 'two.mirror/lib', insecure: true },
        { location: 'three.mirror/lib', 'pull-from-mirror': 'digest-only' },
      ],
    },
    { prefix: 'vendor.example/app', location: 'inside.example/copy/app' },
    { prefix: '*.wild.example', insecure: true },
    { prefix: 'bad.example', blocked: true },
  ].map(values => parseRegistryTable({ where: 'test', values })),
}

const places = (name: string) =>
  pullEndpoints(parseReference(name), settings).map(
    ({ host, repository, insecure }) =>
      `${host}/${repository}${insecure ? ' insecure' : ''}`,
  )

const DIGEST = `sha256:${'0'.repeat(64)}`

t.test('mirrors, then the origin; the longest prefix counts', async t => {
  t.same(places('me/app'), ['hub.mirror/docker/me/app', 'docker.io/me/app'])
  t.same(places('nginx'), [
    'one.mirror/lib/nginx',
    'two.mirror/lib/nginx insecure',
    'docker.io/library/nginx',
  ])
  t.same(places(`nginx@${DIGEST}`), [
    'two.mirror/lib/nginx insecure',
    'three.mirror/lib/nginx',
    'docker.io/library/nginx',
  ])
})

t.test('remapped, insecure, blocked', async t => {
  t.same(places('vendor.example/app/part'), ['inside.example/copy/app/part'])
  t.same(places('vendor.example/apple'), ['vendor.example/apple'])
  t.same(places('a.wild.example/x'), ['a.wild.example/x insecure'])
  t.same(places('wild.example/x'), ['wild.example/x'])
  t.same(places('build.lan:5000/x'), ['build.lan:5000/x insecure'])
  t.same(places('build.lan:50001/x'), ['build.lan:50001/x'])
  t.throws(() => places('bad.example/x'), { code: 'registry' })
  t.throws(() => hostEndpoint('bad.example', settings), { code: 'registry' })
})

t.test('pushed to its own name', async t => {
  const own = (name: string) => ownEndpoint(parseReference(name), settings)
  t.match(own('nginx'), { host: 'docker.io', repository: 'library/nginx' })
  t.match(own('vendor.example/app'), { host: 'vendor.example', repository: 'app' })
  t.throws(() => own('bad.example/x'), { code: 'registry' })
})
