// Trees that are deeper than a path may be long: tar allows them, and a program comes to any depth,
// one directory at a time.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink, type TarPiece } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** Three times as long as PATH_MAX. */
const LEVELS = 300
const NAME = 'directory-'.repeat(4)
const deep = `${NAME}/`.repeat(LEVELS)

/** An entry whose names ustar has no room for. */
function long(piece: TarPiece): TarPiece {
  const { path, link, ...rest } = piece
  const linkpath = link === undefined ? {} : { linkpath: link }
  return { ...rest, path: 'x', pax: { path, ...linkpath } }
}

const image = makeImage([
  [
    long(directory(deep, { mode: 0o750, uid: 5, gid: 6 })),
    long(file(`${deep}kept`, 'kept', { mode: 0o640, uid: 7 })),
    long(file(`${deep}linked`, 'linked')),
    long(hardlink(`${deep}other`, `${deep}linked`)),
    long(file(`${deep}gone`, 'gone')),
    long(file(`${deep}hidden/x`, 'hidden')),
  ],
  [
    long(file(`${deep}added`, 'added')),
    long(file(`${deep}.wh.gone`)),
    long(file(`${deep}hidden/.wh..wh..opq`)),
    long(file(`${deep}hidden/shown`, 'shown')),
    long(hardlink('near', `${deep}linked`)),
  ],
])
const archive = path.join(scratch(), 'deep.tar')
fs.writeFileSync(archive, dockerArchive([{ image, tags: ['deep:1'] }]))
const store = path.join(scratch(), 'store')
const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)

async function plyfs(verb: string, ...args: string[]): Promise<string> {
  const words = [...verb.split(' '), '--root', store, ...args]
  const ran = await run(plyfsProgram(), words, { limit: 60_000 })
  if (ran.status !== 0) throw new Error(`${verb}: ${short(ran.stderr)}`)
  return short(ran.stdout)
}

function short(text: string): string {
  return text.replaceAll(`${NAME}/`, '*').replaceAll(/\*+/g, '…')
}

const DOWN = `
import os, subprocess, sys
os.chdir(sys.argv[1])
for _ in range(${LEVELS}): os.chdir('${NAME}')
sys.exit(subprocess.call(['sh', '-ec', sys.argv[2]]))`

/** What a script says that runs in the deepest directory. */
function below(script: string): string {
  const args = ['-c', DOWN, point, script]
  return short(execFileSync('python3', args, { encoding: 'utf8', timeout: 60_000 }))
}

async function mounted(work: () => void, ...args: string[]): Promise<void> {
  await plyfs('mount', ...args, point)
  try {
    work()
  } finally {
    await must('umount', [point])
  }
}

const LOOK = `stat -c '%n %F %a %u %g %h' . * hidden/*; cat kept other added hidden/shown`
const SEEN = [
  '. directory 750 5 6 1',
  'added regular file 644 0 0 1',
  'hidden directory 755 0 0 1',
  'kept regular file 640 7 0 1',
  'linked regular file 644 0 0 3',
  'other regular file 644 0 0 3',
  'hidden/shown regular file 644 0 0 1',
  'keptlinkedaddedshown',
].join('\n')

t.test('it is unpacked, checked and shown', async t => {
  await plyfs('load', '-q', '-i', archive)
  for (const how of [
    ['deep:1'],
    ['--verify=full', 'deep:1'],
    ['--driver=overlay2', 'deep:1'],
    ['--driver=vfs', 'deep:1'],
    [archive],
  ])
    await mounted(
      () => {
        // Which directories count as merged, and have one link, is the driver's.
        const seen = below(LOOK).replace(/^(.* directory .*) \d+$/gm, '$1 1')
        t.equal(seen, SEEN, how.join(' '))
        t.equal(fs.readFileSync(`${point}/near`, 'utf8'), 'linked')
      },
      ...how,
    )
  t.match(await plyfs('fsck'), 'no problems')
  t.equal(await plyfs('cat', 'deep:1', `${deep}other`), 'linked')
  t.match(await plyfs('ls', 'deep:1', deep), /^added\nhidden\nkept\nlinked\nother\n$/)
})

t.test('it is changed, and the change is told and exported', async t => {
  for (const [name, ...how] of [
    ['ours', 'deep:1'],
    ['kernels', '--driver=overlay2', 'deep:1'],
    ['copy', '--driver=vfs', 'deep:1'],
  ] as const) {
    await mounted(
      () => {
        below('echo more >>linked; rm kept; mkdir new; echo x >new/x; chmod 700 .')
        t.equal(below('cat other'), 'linkedmore\n')
      },
      `--rw=${name}`,
      ...how,
    )
    const lines = (await plyfs('diff', name)).trimEnd().split('\n')
    t.same(
      lines.filter(line => !line.endsWith(NAME)),
      [...['D /…kept', 'C /…linked', 'A /…new', 'A /…new/x', 'C /…other', 'C /near']],
      name,
    )
    t.equal(lines.length, LEVELS + 6, name)
    const tar = path.join(scratch(), 'export.tar')
    await plyfs('export', '-o', tar, name)
    const listed = short(await must('tar', ['-tvf', tar]))
    t.match(listed, /^-rw-r--r-- 0\/0 +11 .* …linked$/m, name)
    t.notMatch(listed, /…(kept|gone|hidden\/x)$/m, name)
  }
})

t.test(
  'what is too deep to be told or packed is named, and removed all the same',
  async t => {
    const make = `
import os, sys
os.chdir(sys.argv[1])
for _ in range(int(sys.argv[2])):
    os.mkdir('d')
    os.chdir('d')`
    for (const driver of ['plyfs', 'vfs'])
      for (const [depth, fits] of [
        [700, true],
        [5000, false],
      ] as const) {
        const name = `deep-${driver}-${depth}`
        await mounted(
          () => void execFileSync('python3', ['-c', make, point, String(depth)]),
          ...[`--driver=${driver}`, `--rw=${name}`, 'deep:1'],
        )
        for (const verb of ['diff', 'export']) {
          const more = verb === 'export' ? ['-o', `${scratch()}/too-deep.tar`] : []
          const words = [verb, '--root', store, ...more, name]
          const ran = await run(plyfsProgram(), words, { limit: 60_000 })
          if (fits)
            t.equal(ran.status, 0, `${words.join(' ')}: ${ran.stderr.slice(0, 300)}`)
          else
            t.match(ran.stderr, /^plyfs: .*'d' lies in more than 768 others; .*\n$/, name)
        }
        await plyfs('writable rm', name)
      }
  },
)

t.test('a mount tells where a deep name comes from', async t => {
  await mounted(() => {
    const told = below(`${plyfsProgram()} which added other`)
    t.match(told, /is +file from lower 0\n/)
    t.match(told, `layer    sha256:`)
  }, 'deep:1')
})

t.test('it is removed', async t => {
  await plyfs('writable rm', 'ours', 'kernels', 'copy')
  await plyfs('rmi', 'deep:1')
  await plyfs('gc')
  t.same(fs.readdirSync(`${store}/layers`), [])
  t.same(fs.readdirSync(`${store}/flat/vfs`), [])
})
