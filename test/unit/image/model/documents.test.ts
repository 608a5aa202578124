// Manifests, indexes, configs, platforms, chain ids: what is read, and what is refused.
import t from 'tap'
import { chainIds } from '../../../../src/image/model/chain.js'
import { parseConfig } from '../../../../src/image/model/config.js'
import { digestOf, parseDigest } from '../../../../src/image/model/digest.js'
import {
  choosePlatform,
  ociManifestOf,
  parseManifest,
} from '../../../../src/image/model/manifest.js'
import { MEDIA } from '../../../../src/image/model/media-types.js'
import {
  formatPlatform,
  parsePlatform,
  platformFit,
} from '../../../../src/image/model/platform.js'
import { makeImage, manifestOf } from '../../../helpers/image-archives.js'
import { file } from '../../../helpers/make-tar.js'

const image = makeImage([[file('a', '1')], [file('b', '2')]])

t.test('manifests of both kinds', async t => {
  for (const kind of ['oci', 'docker'] as const) {
    const { bytes, mediaType } = manifestOf(image, kind)
    const found = parseManifest(bytes, mediaType)
    t.match(found, { kind: 'manifest', mediaType, config: { digest: image.id } })
    t.match(parseManifest(bytes), { mediaType }, 'its own type is believed')
    t.match(parseManifest(bytes, 'text/plain'), { mediaType }, 'a foreign type is not')
  }
})

t.test('the OCI manifest over Docker’s layers has the OCI types', async t => {
  const { bytes } = manifestOf(image, 'docker')
  const docker = parseManifest(bytes)
  if (docker.kind !== 'manifest') throw new Error('an index')
  const made = ociManifestOf(docker.config, docker.layers)
  const found = parseManifest(made.bytes, made.mediaType)
  t.match(found, {
    kind: 'manifest',
    mediaType: MEDIA.ociManifest,
    config: { mediaType: MEDIA.ociConfig, digest: image.id },
    layers: [{ mediaType: MEDIA.ociLayerGzip }, { mediaType: MEDIA.ociLayerGzip }],
  })
  t.same(ociManifestOf(docker.config, docker.layers).bytes, made.bytes, 'reproducible')
})

t.test('what is no manifest is refused', async t => {
  const layer = { mediaType: 'x', digest: digestOf('l'), size: 1 }
  const config = { mediaType: 'x', digest: digestOf('c'), size: 1 }
  for (const [what, document, code] of [
    ['not JSON', '{', 'malformed'],
    ['a list', '[]', 'malformed'],
    ['schema 1', { schemaVersion: 1, name: 'x' }, 'unsupported'],
    ['no config', { layers: [layer] }, 'malformed'],
    ['both kinds', { manifests: [], layers: [], config }, 'malformed'],
    ['an artifact', { mediaType: 'application/x', layers: [] }, 'unsupported'],
    ['negative size', { config, layers: [{ ...layer, size: -1 }] }, 'malformed'],
    ['odd size', { config, layers: [{ ...layer, size: 1.5 }] }, 'malformed'],
    ['short digest', { config, layers: [{ ...layer, digest: 'sha256:1' }] }, 'invalid'],
    [
      'foreign layers',
      {
        config,
        layers: [
          {
            ...layer,
            mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          },
        ],
      },
      'unsupported',
    ],
  ] as const) {
    const text = typeof document === 'string' ? document : JSON.stringify(document)
    t.throws(() => parseManifest(Buffer.from(text)), { name: 'ImageError', code }, what)
  }
  const index = Buffer.from(
    JSON.stringify({ mediaType: MEDIA.ociIndex, layers: [], config }),
  )
  t.throws(() => parseManifest(index), { code: 'malformed' }, 'a type of the other kind')
})

t.test('the platform that serves best', async t => {
  const offer = (platform: object, name: string) => ({
    mediaType: MEDIA.ociManifest,
    digest: digestOf(name),
    size: 1,
    platform,
  })
  const list = {
    manifests: [
      offer({ os: 'linux', architecture: 'arm', variant: 'v6' }, 'armv6'),
      offer({ os: 'linux', architecture: 'arm', variant: 'v7' }, 'armv7'),
      offer({ os: 'linux', architecture: 'amd64' }, 'amd64'),
      offer({ os: 'unknown', architecture: 'unknown' }, 'attestation'),
      offer({ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'arm64'),
    ],
  }
  const index = parseManifest(Buffer.from(JSON.stringify(list)))
  if (index.kind !== 'index') throw new Error('no index')
  for (const [wanted, name] of [
    ['linux/amd64', 'amd64'],
    ['x86_64', 'amd64'],
    ['linux/arm64', 'arm64'],
    ['linux/arm64/v8', 'arm64'],
    ['linux/arm/v7', 'armv7'],
    ['linux/arm', 'armv7'],
    ['linux/arm/v6', 'armv6'],
    ['armhf', 'armv7'],
  ] as const)
    t.equal(
      choosePlatform(index, parsePlatform(wanted), 'x').digest,
      digestOf(name),
      wanted,
    )
  t.throws(() => choosePlatform(index, parsePlatform('linux/s390x'), 'x'), {
    code: 'not-found',
    message: /linux\/s390x.*linux\/arm\/v6/,
  })
  t.throws(() => parsePlatform('a/b/c/d'), { code: 'invalid' })
  t.throws(() => parsePlatform('linux/'), { code: 'invalid' })
  t.equal(formatPlatform(parsePlatform('linux/arm/v7')), 'linux/arm/v7')
  t.equal(platformFit(parsePlatform('linux/arm/v7'), parsePlatform('linux/arm/v6')), 0)
})

t.test('configs', async t => {
  const config = parseConfig(image.config)
  t.same(config.diffIds, image.diffIds)
  t.same(config.platform, { os: 'linux', architecture: 'amd64' })
  t.match(config.history[0], { createdBy: 'step 1', emptyLayer: false })
  t.same(parseConfig(Buffer.from('{}')).diffIds, [], 'an empty one is no error')
  t.same(parseConfig(Buffer.from('{"history":null,"config":null}')).run, {})
  for (const text of [
    '[]',
    '{"rootfs":{"type":"other"}}',
    '{"rootfs":{"diff_ids":["x"]}}',
    '{"history":[1]}',
  ])
    t.throws(() => parseConfig(Buffer.from(text)), { name: 'ImageError' }, text)
})

t.test('chain ids', async t => {
  const [a, b, c] = ['a', 'b', 'c'].map(digestOf)
  if (a === undefined || b === undefined || c === undefined) throw new Error('three')
  const ab = digestOf(`${a} ${b}`)
  t.same(chainIds([a, b, c]), [a, ab, digestOf(`${ab} ${c}`)])
  t.same(chainIds([]), [])
})

t.test('digests of other kinds are refused by name', async t => {
  t.throws(() => parseDigest(`sha512:${'a'.repeat(128)}`), { code: 'unsupported' })
  t.throws(() => parseDigest('sha256:zz'), { code: 'invalid' })
  t.throws(() => parseDigest(`sha256:${'A'.repeat(64)}`), { code: 'invalid' })
})
