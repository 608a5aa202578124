// The lower layers: a tree like that of an operating system's image, the same on every machine.
// Parts beside it are for the works that change things.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Size } from './options.js'

/** Folders of the merged tree that the workloads use. */
export const PARTS = {
  /** Many files of many sizes, for reading. */
  tree: 'tree',
  /** Small files to be removed. */
  remove: 'remove',
  /** Small files whose modes are changed. */
  change: 'change',
  /** Small files that only fill an archive. */
  more: 'more',
  /** What a git repository holds. */
  checkout: 'checkout',
  /** One large file, `large/file`. */
  large: 'large',
} as const

const FILES_PER_DIRECTORY = 16
const LINK_EVERY = 18
const POOL = 2 << 20

/** Fills the layers, the counts of parts divided as asked; every file is in one of them, directories are in all that need them. */
export function makeTree(layers: readonly string[], size: Size): void {
  const random = generator(20_240_229)
  const content = pool(random)
  const directories = directoryNames(size.files, random)
  for (let i = 0; i < size.files; i++) {
    const directory = directories[random() % directories.length] ?? ''
    const folder = path.join(pick(layers, random), PARTS.tree, directory)
    fs.mkdirSync(folder, { recursive: true })
    const name = path.join(folder, `${word(random)}-${i}${pick(suffixes, random)}`)
    if (i % LINK_EVERY === 0) fs.symlinkSync(`${word(random)}-${i - 1}`, name)
    else write(name, content, fileSize(random), random)
  }
  const [first = ''] = layers
  const part = (name: string, files: number, bytes: number) =>
    flatPart(path.join(first, name), files / size.divisor, bytes, content, random)
  part(PARTS.remove, 5000, 2048)
  part(PARTS.change, 2000, 4096)
  part(PARTS.more, 2000, 2048)
  part(PARTS.checkout, 10_000, 3000)
  fs.mkdirSync(path.join(first, PARTS.large))
  const large = fs.openSync(path.join(first, PARTS.large, 'file'), 'wx')
  for (let done = 0; done < size.large; done += POOL) fs.writeSync(large, content)
  fs.closeSync(large)
}

function flatPart(
  folder: string,
  files: number,
  bytes: number,
  content: Buffer,
  random: () => number,
): void {
  for (let i = 0; i < files; i++) {
    const directory = path.join(folder, `d${Math.floor(i / 50)}`)
    if (i % 50 === 0) fs.mkdirSync(directory, { recursive: true })
    write(path.join(directory, `${word(random)}-${i}`), content, bytes, random)
  }
}

function write(file: string, content: Buffer, size: number, random: () => number): void {
  const at = random() % (POOL - size)
  fs.writeFileSync(file, content.subarray(at, at + size))
}

/** Sizes as found below /usr: most are small, a few hold most of the bytes. */
function fileSize(random: () => number): number {
  const kind = random() % 100
  if (kind < 35) return random() % 1024
  if (kind < 75) return 1024 + (random() % 7168)
  if (kind < 95) return 8192 + (random() % 57_344)
  if (kind < 99) return 65_536 + (random() % 196_608)
  return 262_144 + (random() % 786_432)
}

function directoryNames(files: number, random: () => number): string[] {
  const names = ['']
  const wanted = Math.ceil(files / FILES_PER_DIRECTORY)
  while (names.length < wanted) {
    const parent = names[random() % names.length] ?? ''
    if (parent.split('/').length < 7)
      names.push(`${parent}/${word(random)}${names.length}`)
  }
  return names
}

const syllables = [
  'lib',
  'con',
  'ter',
  'ra',
  'me',
  'sys',
  'dox',
  'py',
  'un',
  'ic',
  'ode',
  'ux',
]
const suffixes = ['', '.so', '.py', '.h', '.gz', '.conf', '.html', '.png']

function word(random: () => number): string {
  let text = ''
  for (let n = 1 + (random() % 5); n > 0; n--) text += pick(syllables, random)
  return text
}

function pick<T>(list: readonly T[], random: () => number): T {
  const found = list[random() % list.length]
  if (found === undefined) throw new Error('an empty list')
  return found
}

/** Bytes that do not compress. */
function pool(random: () => number): Buffer {
  const bytes = Buffer.alloc(POOL)
  for (let at = 0; at < POOL; at += 4) bytes.writeUInt32LE(random(), at)
  return bytes
}

/** xorshift32: the same numbers everywhere. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
}
