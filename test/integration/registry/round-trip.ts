// What one tool sends to a registry the other gets, byte for byte: plyfs and skopeo, both ways.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { blobPath, type MadeImage } from '../../helpers/registry/oci-layout.js'
import type { Place } from '../../helpers/registry/place.js'
import { must } from '../../helpers/run.js'

/** Images to send, in the layout that they were made in. */
export interface Goods {
  readonly layout: string
  readonly image: MadeImage
  readonly second: MadeImage
}

/** skopeo sends, plyfs gets; plyfs sends under another name, skopeo gets the same. */
export async function roundTrip(
  t: Test,
  place: Place,
  host: string,
  { layout, image, second }: Goods,
): Promise<void> {
  const name = `${host}/team/app`
  await place.mustSkopeo(['copy', image.layout, `docker://${name}:first`])
  await place.mustSkopeo(['copy', second.layout, `docker://${name}:second`])

  const pulled = await place.mustPlyfs(['pull', '-q', `${name}:first`])
  t.equal(pulled, `${name}:first\n`)
  sameInStore(t, place, layout, image)
  const stored = await place.mustSkopeo([
    'inspect',
    '--config',
    '--raw',
    `oci:${place.store}:${name}:first`,
  ])
  t.equal(digestOf(stored), image.id, 'skopeo reads it in the store')
  const bundle = path.join(place.base, 'umoci')
  const unpack = ['unpack', '--image', `${place.store}:${name}:first`, bundle]
  await must('umoci', unpack, { limit: 60_000 })
  t.ok(fs.readdirSync(path.join(bundle, 'rootfs')).length > 0, 'and umoci unpacks it')
  await place.mustPlyfs(['pull', `${name}:second`])
  t.same((await place.mustPlyfs(['tags', name])).split('\n').filter(Boolean).toSorted(), [
    'first',
    'second',
  ])

  const all = await place.mustPlyfs(['pull', '-a', '-q', name])
  t.equal(all, `${name}:first\n${name}:second\n`)
  const copy = path.join(place.base, 'from-plyfs')
  t.match(await place.mustPlyfs(['push', name]), /\n2 tags of /)
  await place.mustSkopeo(['copy', `docker://${name}:first`, `oci:${copy}:first`])
  sameInLayout(t, copy, image)
}

/** The store has the very bytes: config (the image's ID), manifest, layers. */
export function sameInStore(
  t: Test,
  place: Place,
  layout: string,
  made: MadeImage,
): void {
  for (const digest of [made.id, made.manifest, ...made.layers.map(one => one.digest)])
    t.same(
      fs.readFileSync(blobPath(place.store, digest)),
      fs.readFileSync(blobPath(layout, digest)),
      digest,
    )
}

function sameInLayout(t: Test, copy: string, made: MadeImage): void {
  const index = JSON.parse(fs.readFileSync(path.join(copy, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[]
  }
  t.equal(index.manifests[0]?.digest, made.manifest)
  t.ok(fs.existsSync(blobPath(copy, made.id)), 'the same config')
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
