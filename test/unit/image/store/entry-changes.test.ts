// What verbs do to the list of images: a tag has one image, moving it leaves the other untagged.
import t from 'tap'
import { digestOf } from '../../../../src/image/model/digest.js'
import {
  addDigest,
  addEntry,
  addName,
  removeDigest,
  removeImage,
  removeName,
} from '../../../../src/image/store/entry-changes.js'
import {
  type Entry,
  formatIndexFile,
  parseIndexFile,
} from '../../../../src/image/store/index-file.js'

const A = 'docker.io/library/a:latest'
const B = 'docker.io/library/b:latest'

function entry(
  id: string,
  manifest: string,
  names: string[] = [],
  digests: string[] = [],
): Entry {
  const descriptor = { mediaType: 'm', digest: digestOf(manifest), size: 1 }
  return {
    id: digestOf(id),
    names,
    digests,
    manifest: descriptor,
    source: descriptor,
    indexes: [],
    added: '2024-01-01T00:00:00Z',
    size: 5,
  }
}

const shown = (entries: readonly Entry[]) =>
  entries.map(({ id, names, digests }) => [id, names, digests])

t.test('a moved tag leaves the old image untagged', async t => {
  const before = [entry('1', 'm1', [A])]
  const after = addEntry(before, entry('2', 'm2', [A]))
  t.same(shown(after), [
    [digestOf('2'), [A], []],
    [digestOf('1'), [], []],
  ])
})

t.test('the same image again keeps its names and gets more', async t => {
  const after = addEntry([entry('1', 'm1', [A])], entry('1', 'm1', [B], ['x@d']))
  t.same(shown(after), [[digestOf('1'), [A, B], ['x@d']]])
})

t.test(
  'another manifest of an image takes the place of one that nothing leads to',
  async t => {
    const after = addEntry([entry('1', 'm1', [A])], entry('1', 'm2', [A]))
    t.same(
      after.map(({ manifest }) => manifest.digest),
      [digestOf('m2')],
    )
    const kept = addEntry([entry('1', 'm1', [A], ['x@d'])], entry('1', 'm2', [A]))
    t.equal(kept.length, 2, 'a digest leads to it')
  },
)

t.test('names are added, moved, removed', async t => {
  const two = [entry('1', 'm1', [A]), entry('2', 'm2', [B])]
  t.same(shown(addName(two, digestOf('1'), digestOf('m1'), B)), [
    [digestOf('1'), [A, B], []],
    [digestOf('2'), [], []],
  ])
  t.same(shown(removeName(two, A))[0], [digestOf('1'), [], []])
  t.same(removeImage(two, digestOf('1')).length, 1)
})

t.test('with the last name of a repository its digests go', async t => {
  const C = 'docker.io/library/a:2'
  const list = [entry('1', 'm1', [C, A], ['docker.io/library/a@d', 'quay.io/x@d'])]
  const once = removeName(list, A)
  t.same(once[0]?.digests, ['docker.io/library/a@d', 'quay.io/x@d'])
  t.same(removeName(once, C)[0]?.digests, ['quay.io/x@d'])
  t.same(removeDigest(list, 'quay.io/x@d')[0]?.digests, ['docker.io/library/a@d'])
  t.same(addDigest(list, digestOf('1'), digestOf('m1'), 'z@d')[0]?.digests.length, 3)
})

t.test('the index file holds all of it', async t => {
  const entries = [
    entry('1', 'm1', [A, B], ['x@d']),
    { ...entry('2', 'm2'), source: { mediaType: 'd', digest: digestOf('s'), size: 9 } },
  ]
  const strange = [
    {
      manifest: {
        mediaType: 'm',
        digest: digestOf('z'),
        size: 1,
        annotations: { k: 'v' },
      },
      name: null,
    },
  ]
  const text = formatIndexFile({ entries, strange })
  t.same(parseIndexFile(Buffer.from(text)), { entries, strange })
  t.equal(formatIndexFile(parseIndexFile(Buffer.from(text))), text)
})
