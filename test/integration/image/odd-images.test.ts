// Images that are legal and unusual: nothing but whiteouts, opaque directories, hard links across
// layers, odd names and orders. Their merged trees are those of others.
import * as fs from 'node:fs'
import {
  layoutTar,
  type MadeImage,
  makeImage,
  ociLayout,
} from '../../helpers/image-archives.js'
import { isolated } from '../../helpers/isolated.js'
import { directory, file, hardlink, symlink } from '../../helpers/make-tar.js'
import { compareMerged } from './merged.js'
import { openShop } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 115_000, total: 118_000 })
t.setTimeout(0)

const time = { mtime: 1_000_000_000 }
const root = directory('./', time)
const base = [
  root,
  directory('d/', { ...time, mode: 0o2750, uid: 5, gid: 6 }),
  file('d/one', 'one', { ...time, mode: 0o4711, uid: 7 }),
  hardlink('d/two', 'd/one'),
  file('d/three', '3', time),
  directory('d/sub/', time),
  file('d/sub/f', 'f', time),
  directory('e/', time),
  file('e/x', 'x', time),
  symlink('e/link', '../d/one', time),
  { path: 'e/fifo', flag: '6', ...time },
  { path: 'e/null', flag: '3', major: 1, minor: 3, ...time },
  file('top', 'top', time),
]
const longName = 'n'.repeat(255)

const images: Readonly<Record<string, MadeImage>> = {
  whiteouts: makeImage([
    base,
    [root, file('.wh.top'), file('d/.wh.one'), file('e/.wh.fifo')],
    [root, file('.wh.e'), file('.wh.absent'), file('d/sub/.wh.f')],
  ]),
  'everything hidden': makeImage([base, [root, file('.wh..wh..opq')]]),
  opaque: makeImage([
    base,
    [root, directory('d/', time), file('d/.wh..wh..opq'), file('d/new', 'n', time)],
    [
      root,
      directory('d/', time),
      file('d/again', 'a', time),
      directory('e/', time),
      file('e/y', 'y', time),
      file('e/.wh..wh..opq'),
    ],
  ]),
  'hard links across layers': makeImage([
    base,
    [
      root,
      directory('d/', time),
      hardlink('d/four', 'd/three'),
      hardlink('top2', 'top'),
      hardlink('top3', 'top'),
      hardlink('link2', 'e/link'),
    ],
  ]),
  'hard links to a file of several names': makeImage([
    [
      root,
      directory('d/', time),
      directory('e/', time),
      directory('f/', time),
      file('d/one', 'one', { ...time, mode: 0o4711, uid: 7 }),
      hardlink('d/two', 'd/one'),
      hardlink('e/three', 'd/one'),
      hardlink('f/hidden', 'd/one'),
      hardlink('d/replaced', 'd/one'),
    ],
    [
      root,
      directory('d/', time),
      file('d/replaced', 'new', time),
      hardlink('d/four', 'd/one'),
      hardlink('d/five', 'd/two'),
      directory('f/', time),
      file('f/.wh.hidden'),
    ],
    [
      root,
      directory('d/', time),
      directory('e/', time),
      hardlink('e/six', 'd/five'),
      file('d/one', 'another one', time),
      hardlink('e/seven', 'd/one'),
    ],
  ]),
  'types that change': makeImage([
    base,
    [
      root,
      directory('e/', time),
      directory('e/x/', time),
      file('e/x/in', 'in', time),
      file('d', 'd', time),
      symlink('e/null', 'x', time),
    ],
    [root, directory('d/', time), file('d/new', 'new', time)],
  ]),
  'odd names': makeImage([
    [
      root,
      directory('dir /', time),
      file('dir /a\\b,c:d"e', '1', time),
      file('dir /new\nline', '2', time),
      file('dir /-rf', '3', time),
      file('dir /\x01\x7f', '4', time),
      { path: 'dir /x', pax: { path: `dir /${longName}` }, data: '5', ...time },
      file('dir /\xff\xfe', '6', time),
      file('...', '7', time),
    ],
    [
      root,
      directory('dir /', time),
      file('dir /.wh.-rf'),
      { path: 'x', pax: { path: 'dir /.wh.\xff\xfe' } },
    ],
  ]),
  'odd orders': makeImage([
    base,
    [
      file('./d/sub/g', 'g', time),
      file('d/three', 'first', time),
      file('/d/three', 'second', time),
      directory('d/sub/', { ...time, mode: 0o700 }),
      directory('d/', { ...time, uid: 9 }),
      root,
    ],
  ]),
}

for (const [name, image] of Object.entries(images))
  t.test(name, async t => {
    const shop = openShop(t)
    const archive = `${shop.folder}/image.tar`
    fs.writeFileSync(archive, layoutTar(ociLayout(image, 'quay.io/odd/one:1')))
    await shop.plyfs('load', '-q', '-i', archive)
    t.ok((await compareMerged(t, shop, 'quay.io/odd/one:1')) > 0)
  })
