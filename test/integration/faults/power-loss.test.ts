// The power is lost while lower files are changed: whatever the disk has kept of what no flush
// promised, each file is wholly old or wholly new, and what was flushed is there. The disk is one
// that forgets (test/helpers/disk). By hand: `--images N` of each filesystem, `--seed N`.
import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { errnoName } from '../../../src/errno/errno.js'
import { MS_RDONLY } from '../../../src/sys/constants.js'
import { mount, umount2 } from '../../../src/sys/mount.js'
import { Random } from '../../../scripts/fuzzer/random.js'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { ForgetfulDisk } from '../../helpers/disk/forgetful-disk.js'
import { type Loss, PAGE, RecordedDisk } from '../../helpers/disk/recorded-disk.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'
import { refusing } from '../../helpers/refuse-calls.js'
import { must, run } from '../../helpers/run.js'
import { type ChangeKind, LosableChange } from './losable-changes.js'

const { t } = await isolated(import.meta.url, { silence: 200_000 })
t.setTimeout(0)

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
})
const IMAGES = Number(values.images)
const SEED = Number(values.seed)

const MIB = 1 << 20
/** Writes into a file and flushes it, again and again. */
const FLUSHER =
  'while dd if=/dev/zero "of=$0" bs=1 count=1 conv=notrunc,fsync; do :; done'

/** Lines after which nothing more is looked for. */
const MOST_TOLD = 20
const KINDS = ['ext4', 'xfs'] as const
type Kind = (typeof KINDS)[number]

const MKFS = {
  ext4: ['mkfs.ext4', '-q', '-F', '-b', '4096', '-E', 'nodiscard,lazy_itable_init=1'],
  xfs: ['mkfs.xfs', '-q', '-f', '-K', '-s', 'size=4096'],
} as const

/** Changed files: a third by chmod(1), the others one by one. */
const FILES = 120

interface Story {
  readonly disk: ForgetfulDisk
  readonly kind: Kind
  readonly changes: readonly FolderChange[]
  /** The length of the record when all was done. */
  readonly end: number
}

interface FolderChange {
  readonly folder: string
  readonly change: LosableChange
}

/** Changes files of two lowers, one of them on the disk of the upper, while the disk records. */
async function happen(kind: Kind, through: readonly string[] = []): Promise<Story> {
  const random = new Random(SEED)
  const disk = await ForgetfulDisk.make(320 * MIB)
  const [mkfs, ...args] = MKFS[kind]
  await must(mkfs, [...args, disk.device])
  const point = freshDirectory(scratch(), kind)
  const far = freshDirectory((await sharedFilesystem('tmpfs')).root, 'lower')
  const near = `${point}/lower`
  const upper = `${point}/upper`
  const work = `${point}/work`
  mountDisk(disk, kind, point, 0)
  for (const directory of [near, upper, work]) calls.mkdir(directory)
  const byHand = [...makeLower(near, 'near', random), ...makeLower(far, 'far', random)]
  const byProgram = makeLower(far, 'all', random, 'chmod')
  umountDisk(point)
  await disk.settle()

  mountDisk(disk, kind, point, 0)
  const mounted = await mountPlyfs({ lower: [near, far], upper, work }, { through })
  // Whoever flushes commits what others have done so far, at any moment.
  const stop = new AbortController()
  const flusher = run('sh', ['-c', FLUSHER, `${point}/other`], { signal: stop.signal })
  const program = must('chmod', ['-R', '600', `${mounted.point}/all`])
  for (const [i, { folder, change }] of byHand.entries()) {
    change.make(`${mounted.point}/${folder}`, () => disk.position)
    if (i % 10 === 0) flush(`${point}/mine`)
    await setImmediate()
  }
  await program
  stop.abort()
  await flusher
  const end = disk.position
  t.same(await mounted.end(), [])
  umountDisk(point)
  return { disk, kind, changes: [...byHand, ...byProgram], end }
}

function makeLower(
  lower: string,
  folder: string,
  random: Random,
  kind?: ChangeKind,
): FolderChange[] {
  calls.mkdir(`${lower}/${folder}`)
  return Array.from({ length: FILES / 3 }, (_, i) => {
    const change = new LosableChange(`f${i}`, random, kind)
    change.makeLower(`${lower}/${folder}`)
    return { folder, change }
  })
}

function flush(file: string): void {
  calls.withOpen(file, C.O_WRONLY | C.O_CREAT, fd => {
    calls.pwrite(fd, 'x', 0)
    calls.fsync(fd)
  })
}

/** What is wrong in so many images, a line a file. */
async function examine(story: Story, images: number): Promise<string[]> {
  const { disk, kind, changes, end } = story
  const random = new Random(SEED + 1)
  const point = freshDirectory(scratch(), 'image')
  const wrong: string[] = []
  for (let seed = 0; seed < images && wrong.length < MOST_TOLD; seed++) {
    const loss: Loss = {
      position: random.below(end + 1),
      seed,
      kept: random.pick([0, 0.1, 0.5, 0.9, 1]),
      whole: random.chance(0.5),
    }
    await disk.lose(loss)
    mountDisk(disk, kind, point, MS_RDONLY)
    for (const { folder, change } of changes) {
      const found = change.check(`${point}/upper/${folder}`, loss.position)
      if (found !== '') wrong.push(`${folder}: ${found} (${JSON.stringify(loss)})`)
    }
    umountDisk(point)
  }
  return wrong
}

function mountDisk(disk: ForgetfulDisk, kind: Kind, point: string, flags: number): void {
  const error = mount(disk.device, point, kind, flags, '')
  if (error < 0) throw new Error(`mount of ${kind}: ${errnoName(error)}`)
}

function umountDisk(point: string): void {
  const error = umount2(point, 0)
  if (error < 0) throw new Error(`umount: ${errnoName(error)}`)
}

t.test('the disk loses what no flush promised, and nothing else', async t => {
  const disk = new RecordedDisk()
  const page = (byte: number): Buffer => Buffer.alloc(PAGE, byte)
  disk.answer(disk.write(0, page(1)))
  disk.settle()
  disk.answer(disk.write(0, Buffer.concat([page(2), page(2)])))
  const underWay = disk.write(PAGE, page(3))
  disk.flush()
  disk.answer(underWay)
  disk.answer(disk.write(2 * PAGE, page(4)))
  const held = (position: number, kept: number): number[] => {
    disk.lose({ position, seed: 1, kept, whole: true })
    const all = Buffer.alloc(3 * PAGE)
    disk.read(0, all)
    return [0, 1, 2].map(at => all[at * PAGE + PAGE - 1] ?? -1)
  }
  t.same(held(0, 1), [1, 0, 0], 'before all of it')
  t.same(held(1, 0), [1, 0, 0], 'written, and lost')
  t.same(held(1, 1), [2, 2, 0], 'written, and kept')
  t.same(held(4, 0), [2, 2, 0], 'flushed, but for what was under way')
  t.same(held(4, 1), [2, 3, 4], 'all of it')
  disk.write(0, page(9))
  t.same(held(4, 1), [2, 3, 4], 'what was written to an image goes with it')
  const torn = Array.from({ length: 200 }, (_, seed) => {
    disk.lose({ position: 1, seed, kept: 0.5, whole: false })
    const both = Buffer.alloc(2 * PAGE)
    disk.read(0, both)
    return `${both[0] ?? 0}${both[PAGE] ?? 0}`
  })
  t.same([...new Set(torn)].sort(), ['10', '12', '20', '22'], 'page by page')
})

for (const kind of KINDS) {
  t.test(`changed files on ${kind}`, async t => {
    const story = await happen(kind)
    const wrong = await examine(story, IMAGES)
    t.comment(`${IMAGES} images of a record of ${story.end} writes and flushes`)
    await story.disk.end()
    t.same(wrong, [])
  })

  // It would be seen: the same with data that goes to the disk when the kernel likes.
  t.test(`copies that are not written before they have a name, on ${kind}`, async t => {
    const story = await happen(kind, refusing(scratch(), 'writing-out'))
    const wrong = await examine(story, IMAGES)
    await story.disk.end()
    t.match(wrong, [/neither old nor new/])
  })
}
