// Everything that Debian's tools can tell of a tree, to compare one with another: type, mode, owner,
// times, links' targets, groups of hard links, contents, attributes.
import { must } from './run.js'

const OUTPUT = { encoding: 'latin1', limit: 60_000 } as const

/** Devices and inodes are replaced by the first name of each group of hard links. */
const FORMAT = String.raw`%D:%i|%y|%m|%U:%G|%s|%T@|%l|%n|%P\0`

/** Lines in no order that means anything, the same for trees that are the same. */
export async function described(root: string): Promise<string[]> {
  const found = await must('find', [root, '-printf', FORMAT], OUTPUT)
  const sums = inside(
    root,
    'find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z | tr "\\0" "\\n"',
  )
  const xattrs = inside(
    root,
    'find . -print0 | sort -z | xargs -0 -r getfattr -h -e hex -d -m "^(user|security|trusted)" 2>&1 | grep -v "^$" || true',
  )
  const texts = await Promise.all([sums, xattrs])
  return [entries(found), ...texts.map(text => text.split('\n'))].flat().toSorted()
}

function entries(found: string): string[] {
  const firsts = new Map<string, string>()
  const lines = found
    .split('\0')
    .filter(line => line !== '')
    .toSorted((one, two) => (nameOf(one) < nameOf(two) ? -1 : 1))
  return lines.map(line => {
    const [inode = '', type = '', mode, owner, size, time, target, links] =
      line.split('|')
    const name = nameOf(line)
    // What a directory's size and links are is the filesystem's own affair.
    if (type === 'd') return [name, type, mode, owner, time].join('|')
    const first = firsts.get(inode) ?? name
    firsts.set(inode, first)
    return [name, type, mode, owner, size, time, target, links, first].join('|')
  })
}

function nameOf(line: string): string {
  return line.split('|').slice(8).join('|')
}

function inside(root: string, script: string): Promise<string> {
  return must('sh', ['-c', `cd "$1" && ${script}`, 'sh', root], OUTPUT)
}
