// The verbs that look into root filesystems: `ls` and `cat` without a mount, `export`, `diff` of
// writable layers, `which` on the mount of an image; on a real image, beside umoci's unpacking of it.
import * as fs from 'node:fs'
import { createHash } from 'node:crypto'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, symlink } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { buildReal, NAME } from './real-image.js'
import { openShop, type Shop, tool } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 115_000 })
t.setTimeout(0)

const small = makeImage([
  [
    directory('etc/'),
    file('etc/hosts', 'localhost\n'),
    file('etc/gone', 'gone'),
    symlink('lib', 'usr/lib'),
    symlink('out', '../../../../etc/hosts'),
    symlink('loop', 'loop'),
    directory('usr/lib/'),
    file('usr/lib/a', 'aaa', { mode: 0o4755, uid: 7, gid: 8 }),
  ],
  [file('etc/one', '1'), file('etc/.wh.gone'), file('etc/\xff\xfe', 'odd')],
])
const point = `${scratch()}/mnt`
fs.mkdirSync(point)

async function openSmall(t: Parameters<typeof openShop>[0]): Promise<Shop> {
  const shop = openShop(t)
  const archive = dockerArchive([{ image: small, tags: ['small:1'] }])
  fs.writeFileSync(`${shop.folder}/small.tar`, archive)
  await shop.plyfs('load', '-q', '-i', `${shop.folder}/small.tar`)
  return shop
}

/** Runs a script on the image's mount, with a writable layer. */
async function onMount(
  shop: Shop,
  options: readonly string[],
  script: string,
): Promise<string> {
  await shop.plyfs('mount', ...options, 'small:1', point)
  try {
    return await must('sh', ['-euc', script], { cwd: point })
  } finally {
    await must('umount', [point])
  }
}

/** Everything that a tree shows but directories' sizes, and the contents. */
function picture(root: string): Promise<string> {
  const script = [
    `find . -type d -printf '%P %y %m %U %G %T@\\n' -o -printf '%P %y %m %U %G %s %T@ %l %n\\n' | LC_ALL=C sort`,
    `find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`,
    `getfattr -R -h -d -m '^(user|security)' . | sed '/^$/d'`,
  ].join('; ')
  return must('sh', ['-c', script], { cwd: root, limit: 60_000 })
}

t.test('ls and cat', async t => {
  const { plyfs, tries } = await openSmall(t)
  t.equal(await plyfs('ls', 'small:1'), 'etc\nlib\nloop\nout\nusr\n')
  t.equal(await plyfs('ls', 'small:1', 'lib'), 'a\n', 'a link is followed')
  t.equal(await plyfs('ls', 'small:1', '/lib/a'), '/lib/a\n')
  t.match(await plyfs('ls', '-l', 'small:1', '/usr/lib'), /^-rwsr-xr-x 7:8 3 .* a\n$/)
  t.match(
    await plyfs('ls', '-l', 'small:1', 'lib'),
    /^lrwxrwxrwx 0:0 7 .* lib -> usr\/lib\n$/,
  )
  const listed = JSON.parse(await plyfs('ls', '--json', 'small:1', 'etc')) as unknown
  t.match(listed, [
    { name: 'hosts', type: 'file', mode: '0644', size: 10 },
    { name: 'one' },
    { name: '\udcff\udcfe' },
  ])
  t.equal(await plyfs('cat', 'small:1', '/etc/hosts', 'lib/a'), 'localhost\naaa')
  t.equal(await plyfs('cat', 'small:1', 'out'), 'localhost\n', 'no link leads out')
  for (const [path, what] of [
    ['/etc/gone', 'no such file or directory'],
    ['/etc/hosts/x', 'not a directory'],
    ['/etc', 'is a directory'],
    ['loop', 'too many symbolic links'],
  ] as const)
    t.match(await tries(['cat', 'small:1', path]), {
      status: 1,
      stdout: '',
      stderr: what,
    })
  t.match(await tries(['ls', 'nobody']), { status: 1, stderr: 'no such image' })
})

t.test('diff and export of a writable layer', async t => {
  const shop = await openSmall(t)
  const { plyfs, folder, tries } = shop
  await onMount(shop, ['--rw=idle'], 'cat etc/hosts')
  t.equal(await plyfs('diff', 'idle'), '', 'reading changes nothing')
  const changes = [
    'C /etc',
    'A /etc/d',
    'A /etc/d/f',
    'C /etc/hosts',
    'D /etc/one',
    'A /new',
    'C /usr',
    'D /usr/lib',
    'A /usr/lib64',
    'A /usr/lib64/a',
  ].join('\n')
  const script = [
    'echo x >new; mkdir etc/d; echo y >etc/d/f; rm etc/one; echo z >>etc/hosts',
    'mv usr/lib usr/lib64',
    `${plyfsProgram()} diff .`,
  ].join('; ')
  const told = await onMount(shop, ['--rw=mine'], script)
  t.equal(told, `${changes}\n`, 'by the mount')
  t.equal(await plyfs('diff', 'mine'), `${changes}\n`, 'by its name')
  t.equal(await onMount(shop, ['--rw'], `>x; ${plyfsProgram()} diff .`), 'A /x\n')
  t.equal(await onMount(shop, [], `${plyfsProgram()} diff .`), '', 'of a read-only mount')

  const json = JSON.parse(await plyfs('diff', '--json', 'mine')) as unknown[]
  t.same(json[0], { kind: 'C', path: '/etc' })
  const replaced =
    'rm -r etc; mkdir etc; echo n >etc/hosts; echo m >etc/new; >usr/lib/.x; rm usr/lib/.x'
  await onMount(shop, ['--rw=other'], replaced)
  t.equal(
    await plyfs('diff', 'other'),
    [
      'C /etc',
      'C /etc/hosts',
      'A /etc/new',
      'D /etc/one',
      'C /usr',
      'C /usr/lib',
      'D /etc/\xff\xfe',
    ]
      .toSorted((one, two) => (one.slice(2) < two.slice(2) ? -1 : 1))
      .join('\n')
      .replace('\xff\xfe', '\ufffd\ufffd') + '\n',
    'a directory in the place of another',
  )

  await plyfs('export', '-o', `${folder}/mine.tar`, 'mine')
  fs.mkdirSync(`${folder}/mine`)
  await must('tar', ['-C', `${folder}/mine`, '--xattrs', '-xpf', `${folder}/mine.tar`])
  await shop.plyfs('mount', '--rw=mine', 'small:1', point)
  const mounted = await picture(point)
  await must('umount', [point])
  t.equal(await picture(`${folder}/mine`), mounted, 'what is exported is what is mounted')
  t.match(await tries(['diff', 'nobody']), { status: 1 })
  t.match(await tries(['diff', folder]), { status: 1, stderr: 'not on a plyfs mount' })
})

t.test('which tells the digest of a layer and the step that made it', async t => {
  const shop = await openSmall(t)
  const which = (path: string): string => `${plyfsProgram()} which ${path} || true`
  const digests = (text: string): string[] =>
    [...text.matchAll(/^layer +(\S+)\nmade by +(.*)$/gm)].map(
      ([, one = '', by = '']) => `${one} ${by}`,
    )
  const [base = '', top = ''] = small.diffIds
  const told = await onMount(shop, [], which('etc/hosts'))
  t.same(digests(told), [`${base} step 1`])
  t.same(digests(await onMount(shop, [], which('etc'))), [
    `${top} step 2`,
    `${base} step 1`,
  ])
  t.same(
    digests(await onMount(shop, [], which('etc/gone'))),
    [`${top} step 2`],
    'a whiteout',
  )
  const json = await onMount(shop, [], `${plyfsProgram()} which --json etc/hosts`)
  t.match(JSON.parse(json), { layers: [{ digest: base, createdBy: 'step 1' }] })
})

t.test('a real image', async t => {
  const archive = await buildReal()
  const shop = openShop(t)
  const { folder, plyfs, root } = shop
  await plyfs('load', '-q', '-i', archive)
  await plyfs('export', '-o', `${folder}/root.tar`, NAME)
  fs.mkdirSync(`${folder}/exported`)
  await must('tar', [
    ...['-C', `${folder}/exported`, '--xattrs', '--xattrs-include=*', '-xpf'],
    `${folder}/root.tar`,
  ])
  await tool('umoci', ['unpack', '--image', `${root}:${NAME}`, `${folder}/umoci`])
  const expected = await picture(`${folder}/umoci/rootfs`)
  t.equal(await picture(`${folder}/exported`), expected, 'exported as umoci unpacks it')
  const sum = (path: string): string =>
    createHash('sha256').update(fs.readFileSync(path)).digest('hex')
  const again = openShop(t)
  await again.plyfs('load', '-q', '-i', archive)
  await again.plyfs('export', '-o', `${again.folder}/root.tar`, NAME)
  t.equal(sum(`${again.folder}/root.tar`), sum(`${folder}/root.tar`), 'the same bytes')
  const there = `${folder}/umoci/rootfs`
  for (const path of ['', 'usr/include/linux', 'etc/alternatives', 'etc/ssl']) {
    const names = fs.readdirSync(`${there}/${path}`).sort()
    t.same((await plyfs('ls', NAME, `/${path}`)).trimEnd().split('\n'), names, `/${path}`)
  }
  for (const path of ['usr/include/linux/stat.h', 'etc/alternatives/new'])
    t.equal(await plyfs('cat', NAME, path), fs.readFileSync(`${there}/${path}`, 'utf8'))
  const piped = await run('sh', [
    ...['-c', `"$0" export --root "$1" "$2" | tar -tf - | wc -l`],
    ...[plyfsProgram(), root, NAME],
  ])
  t.ok(Number(piped.stdout) > 100, 'to standard output')
})
