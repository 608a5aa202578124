// A whole tree that was changed as a layer: what differs from its record and nothing else, whatever
// kind of thing it is, and the same bytes each time.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { bytesOf, collect } from '../../../src/bytes/byte-source.js'
import { treeToTar, wholeTreeToTar } from '../../../src/image/diff/tree-to-tar.js'
import { recordInventory } from '../../../src/image/inventory/record-inventory.js'
import { TarReader } from '../../../src/tar/reader.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import {
  block,
  character,
  dir,
  fifo,
  file,
  hardlink,
  makeTree,
  socket,
  symlink,
  type Tree,
} from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)

const MUCH = 1 << 28
let count = 0

/** A tree, its record, and a change by a shell; then what the layer has. */
async function layerOf(tree: Tree, script: string): Promise<string[]> {
  const folder = path.join(scratch(), `tree-${count++}`)
  const root = `${folder}/tree`
  fs.mkdirSync(root, { recursive: true })
  makeTree(root, tree)
  fs.writeFileSync(`${folder}/inventory`, recordInventory(root, null))
  execFileSync('sh', ['-ec', script], { cwd: root })
  const pack = (): Promise<Buffer> =>
    collect(treeToTar(root, `${folder}/inventory`), MUCH)
  const tar = await pack()
  t.ok(tar.equals(await pack()), 'the same bytes each time')
  return listing(tar)
}

async function listing(tar: Buffer): Promise<string[]> {
  const reader = new TarReader(bytesOf(tar))
  const found: string[] = []
  for (;;) {
    const header = await reader.next()
    if (header === undefined) return found
    const { path: name, type, linkname, sparse, xattrs } = header
    const marks = [sparse === undefined ? '' : 'sparse', ...xattrs.keys()]
    found.push([name, type, linkname, ...marks].filter(part => part !== '').join(' '))
  }
}

t.test('nothing where nothing was changed', async t => {
  const tree = { d: dir({ f: file('x') }), c: character(0, 0), l: symlink('d') }
  t.same(await layerOf(tree, 'cat d/f > /dev/null; ls -lR > /dev/null'), [])
})

t.test('what is new, of every kind', async t => {
  const script = [
    'mkdir -p new/deep; echo x > new/deep/f; ln new/deep/f new/f',
    'mkfifo new/p; mknod new/c c 0 0; mknod new/b b 8 1; ln -s /a/b new/s',
    `python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('new/sock')"`,
    'truncate -s 4M new/holes; printf odd > "new/$(printf \'\\377 \\nx\')"',
  ].join('\n')
  t.same(await layerOf({ old: file('') }, script), [
    ...['new/ directory', 'new/b block', 'new/c char', 'new/deep/ directory'],
    ...['new/deep/f file', 'new/f link new/deep/f', 'new/holes file sparse'],
    ...['new/p fifo', 'new/s symlink /a/b', 'new/\xff \nx file'],
  ])
})

t.test('what is gone, and what is something else now', async t => {
  const tree = {
    d: dir({ gone: file('x'), sub: dir({ f: file('x') }) }),
    'folder-to-file': dir({ f: file('x') }),
    'file-to-folder': file('x'),
    'folder-to-link': dir({ f: file('x') }),
    again: dir({ old: file('x'), same: file('x') }),
    kept: dir({ f: file('x') }),
    p: fifo(),
    s: socket(),
    b: block(8, 1),
  }
  const script = [
    'rm -r d/gone d/sub p s b',
    'rm -r folder-to-file; echo x > folder-to-file',
    'rm file-to-folder; mkdir file-to-folder; echo x > file-to-folder/f',
    'rm -r folder-to-link; ln -s kept folder-to-link',
    'rm -r again; mkdir again; echo x > again/same',
  ].join('\n')
  t.same(await layerOf(tree, script), [
    ...['again/ directory', 'again/.wh.old file', 'again/same file', '.wh.b file'],
    ...['d/ directory', 'd/.wh.gone file', 'd/.wh.sub file'],
    ...['file-to-folder/ directory', 'file-to-folder/f file'],
    ...['folder-to-file file', 'folder-to-link symlink kept'],
    ...['.wh.p file', '.wh.s file'],
  ])
})

t.test('all names of a file that was changed through one', async t => {
  const tree = { a: file('x'), d: dir({ b: hardlink('a') }), other: file('x') }
  t.same(await layerOf(tree, 'echo more >> d/b'), [
    ...['a file', 'd/ directory', 'd/b link a'],
  ])
  t.same(await layerOf(tree, 'ln other d/c'), [
    ...['d/ directory', 'd/c file', 'other link d/c'],
  ])
})

t.test('attributes, of directories too, whatever they are called', async t => {
  const tree = { d: dir({ kept: file('x') }), f: file('x'), kept: dir({}) }
  const script = [
    'setfattr -n user.mark -v 1 d; chmod 600 f',
    'setfattr -n trusted.overlay.opaque -v y f',
  ].join('\n')
  t.same(await layerOf(tree, script), [
    ...['d/ directory user.mark', 'f file trusted.overlay.opaque'],
  ])
})

t.test('a whole tree has all of it', async t => {
  const root = path.join(scratch(), 'whole')
  fs.mkdirSync(root)
  makeTree(root, {
    d: dir({ f: file('x'), g: hardlink('d/f') }),
    'd.x': file(''),
    c: character(0, 0),
    s: socket(),
  })
  t.same(await listing(await collect(wholeTreeToTar(root), MUCH)), [
    ...['./ directory', 'c char', 'd/ directory', 'd/f file', 'd/g link d/f'],
    'd.x file',
  ])
})
