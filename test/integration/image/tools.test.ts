// Others read what we write, and we read what they write: podman, buildah, skopeo, umoci, dockerd;
// archives and the store itself. The image ID is the same everywhere.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { must, run } from '../../helpers/run.js'
import { openShop, podmanStorage, tool } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 600_000 })
t.setTimeout(0)

const env = podmanStorage(scratch())
const NAME = 'quay.io/plyfs/real:1'

/** Two layers of real files: the second removes, replaces and adds. Made once. */
async function buildReal(): Promise<string> {
  const archive = `${scratch()}/real.oci.tar`
  const buildah = (...args: string[]): Promise<string> => tool('buildah', args, env)
  const base = (await buildah('from', 'scratch')).trim()
  const root = (await buildah('mount', base)).trim()
  fs.mkdirSync(`${root}/usr/share`, { recursive: true })
  const copy =
    'tar -C / -cf - usr/include/linux etc/alternatives etc/ssl | tar -C "$1" -xpf -'
  await must('sh', ['-c', copy, 'sh', root])
  await must('setfattr', ['-n', 'user.note', '-v', 'kept', `${root}/usr/share`])
  fs.linkSync(`${root}/usr/include/linux/stat.h`, `${root}/usr/share/hard`)
  fs.writeFileSync(`${root}/usr/cap`, 'x', { mode: 0o4755 })
  await must('setcap', ['cap_net_raw=ep', `${root}/usr/cap`])
  await buildah('config', '--cmd', '/bin/true', '--label', 'made=here', base)
  await buildah('commit', '-q', base, 'quay.io/plyfs/base:1')
  const next = (await buildah('from', 'quay.io/plyfs/base:1')).trim()
  const top = (await buildah('mount', next)).trim()
  fs.rmSync(`${top}/etc/alternatives`, { recursive: true })
  fs.rmSync(`${top}/usr/include/linux/types.h`)
  fs.appendFileSync(`${top}/usr/include/linux/stat.h`, '#\n')
  fs.mkdirSync(`${top}/etc/alternatives`)
  fs.writeFileSync(`${top}/etc/alternatives/new`, 'new')
  await buildah('commit', '-q', next, NAME)
  await tool(
    'skopeo',
    ['copy', '-q', `containers-storage:${NAME}`, `oci-archive:${archive}:${NAME}`],
    env,
  )
  return archive
}

/** Everything that find can tell of a tree, sorted. */
async function described(root: string): Promise<string[]> {
  const format = String.raw`%P|%y|%m|%U:%G|%s|%T@|%l|%n\n`
  const listed = await must('find', [
    root,
    '-mindepth',
    '1',
    '!',
    '-type',
    'd',
    '-printf',
    format,
  ])
  const folders = await must('find', [
    root,
    '-mindepth',
    '1',
    '-type',
    'd',
    '-printf',
    String.raw`%P|%y|%m|%U:%G|%T@\n`,
  ])
  const sums = await must('sh', [
    '-c',
    'cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum',
    'sh',
    root,
  ])
  const xattrs = await must('sh', [
    '-c',
    'cd "$1" && find . -print0 | sort -z | xargs -0 getfattr -h -d -m "^(user|security)" 2>&1 | grep -v "^$"',
    'sh',
    root,
  ])
  return [listed, folders, sums, xattrs].flatMap(text => text.split('\n').toSorted())
}

const archive = await buildReal()

t.test('the merged tree is what umoci unpacks', async t => {
  const shop = openShop(t)
  t.equal(await shop.plyfs('load', '-i', archive), `Loaded image: ${NAME}\n`)
  const template = '{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}'
  const lower = (await shop.plyfs('inspect', '-f', template, NAME)).trim()
  const merged = freshDirectory(scratch(), 'merged')
  await must('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${lower}`, 'overlay', merged])
  await tool('umoci', [
    'unpack',
    '--image',
    `${shop.root}:${NAME}`,
    `${shop.folder}/umoci`,
  ])
  const [ours, theirs] = [
    await described(merged),
    await described(`${shop.folder}/umoci/rootfs`),
  ]
  await must('umount', [merged])
  t.same(ours, theirs)
  t.ok(ours.length > 500)
})

t.test('skopeo and umoci read the store', async t => {
  const shop = openShop(t)
  const docker = `${shop.folder}/docker.tar`
  await tool('skopeo', [
    'copy',
    '-q',
    `oci-archive:${archive}:${NAME}`,
    `docker-archive:${docker}:quay.io/plyfs/d:1`,
  ])
  await shop.plyfs('load', '-q', '-i', archive)
  await shop.plyfs('load', '-q', '-i', docker)
  fs.writeFileSync(`${shop.folder}/root.tar`, await tarOf('/etc/ssl'))
  await shop.plyfs('import', '-q', `${shop.folder}/root.tar`, 'imported')
  for (const name of [NAME, 'quay.io/plyfs/d:1', 'docker.io/library/imported:latest']) {
    const inspected = await tool('skopeo', [
      'inspect',
      '--raw',
      `oci:${shop.root}:${name}`,
    ])
    t.match(JSON.parse(inspected), { schemaVersion: 2 }, name)
    const config = await tool('skopeo', [
      'inspect',
      '--config',
      '--raw',
      `oci:${shop.root}:${name}`,
    ])
    const id = (await shop.plyfs('inspect', '-f', '{{.Id}}', name)).trim()
    t.equal(`sha256:${await digestOf(config)}`, id, 'the config, byte for byte')
    await tool('umoci', [
      'unpack',
      '--image',
      `${shop.root}:${name}`,
      `${shop.folder}/u-${name.replace(/\W/g, '_')}`,
    ])
  }
})

t.test('what skopeo puts into the store is an image of it', async t => {
  const shop = openShop(t)
  await shop.plyfs('images')
  await tool('skopeo', [
    'copy',
    '-q',
    `oci-archive:${archive}:${NAME}`,
    `oci:${shop.root}:${NAME}`,
  ])
  t.match(await shop.plyfs('images'), /quay\.io\/plyfs\/real +1 /)
  t.match(await shop.tries(['fsck', '--repair']), { status: 0, stdout: /not unpacked/ })
  t.match(await shop.plyfs('fsck'), /no problems/)
  await shop.plyfs('tag', NAME, 'mine:1')
  t.match(await shop.plyfs('rmi', NAME), /^Untagged: [^D]*$/)
  await shop.plyfs('gc')
  t.match(await shop.plyfs('fsck'), /no problems/)
})

t.test('podman loads what we save, and the reverse', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  const id = (await shop.plyfs('images', '-q', '--no-trunc')).trim()
  for (const format of ['docker-archive', 'oci-archive']) {
    const file = `${shop.folder}/${format}`
    await shop.plyfs('save', '-q', '--format', format, '-o', file, NAME)
    const own = podmanStorage(`${shop.folder}/${format}-podman`)
    t.match(await tool('podman', ['load', '-q', '-i', file], own), NAME)
    const listed = await tool('podman', ['images', '-q', '--no-trunc'], own)
    t.equal(listed.trim(), id, 'the same ID')
    const saved = `${file}-podman.tar`
    await tool('podman', ['save', '-q', '--format', format, '-o', saved, NAME], own)
    const other = openShop(t)
    t.equal(await other.plyfs('load', '-q', '-i', saved), `Loaded image: ${NAME}\n`)
    t.equal((await other.plyfs('images', '-q', '--no-trunc')).trim(), id)
    t.match(await other.plyfs('fsck'), /no problems/)
  }
})

t.test('skopeo reads our archives', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  await shop.plyfs('tag', NAME, 'quay.io/plyfs/two:2')
  for (const [format, transport] of [
    ['docker-archive', 'docker-archive'],
    ['oci-archive', 'oci-archive'],
    ['oci-dir', 'oci'],
  ] as const) {
    const file = `${shop.folder}/${format}`
    await shop.plyfs(
      'save',
      '-q',
      '--format',
      format,
      '-o',
      file,
      NAME,
      'quay.io/plyfs/two:2',
    )
    for (const name of [NAME, 'quay.io/plyfs/two:2'])
      t.match(
        JSON.parse(await tool('skopeo', ['inspect', `${transport}:${file}:${name}`])),
        { Labels: { made: 'here' } },
        `${format} ${name}`,
      )
  }
})

t.test('dockerd loads what we save, gzip too, and the reverse', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  const id = (await shop.plyfs('images', '-q', '--no-trunc')).trim()
  const daemon = await startDocker(shop.folder)
  t.teardown(() => daemon.stop())
  for (const ending of ['.tar', '.tar.gz']) {
    const file = `${shop.folder}/d${ending}`
    await shop.plyfs('save', '-q', '-o', file, NAME)
    t.match(await daemon.docker('load', '-q', '-i', file), NAME)
    t.equal((await daemon.docker('images', '-q', '--no-trunc')).trim(), id)
    await daemon.docker('tag', NAME, 'second:2')
    const saved = `${shop.folder}/saved${ending}`
    await daemon.docker('save', '-o', saved, NAME, 'second:2')
    const other = openShop(t)
    t.equal(
      (await other.plyfs('load', '-q', '-i', saved)).split('\n').toSorted().join('|'),
      `|Loaded image: ${NAME}|Loaded image: second:2`,
    )
    t.equal((await other.plyfs('images', '-q', '--no-trunc')).trim(), id)
    await daemon.docker('rmi', '-f', id)
  }
})

async function startDocker(folder: string) {
  const socket = `unix://${folder}/docker.sock`
  const daemon: ChildProcess = spawn(
    'dockerd',
    [
      ...[
        '--iptables=false',
        '--ip6tables=false',
        '--bridge=none',
        '--storage-driver=vfs',
      ],
      ...['--data-root', `${folder}/docker`, '--exec-root', `${folder}/docker-run`],
      ...['--pidfile', `${folder}/docker.pid`, '-H', socket],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    daemon.stderr?.on('data', (part: Buffer) => {
      said.push(part.toString())
      if (said.join('').includes('API listen on')) resolve()
    })
    daemon.once('exit', () => reject(new Error(`dockerd ended: ${said.join('')}`)))
  })
  return {
    docker: (...args: string[]) => tool('docker', ['-H', socket, ...args]),
    stop: async () => {
      const ended = once(daemon, 'exit')
      daemon.kill('SIGTERM')
      await ended
    },
  }
}

function tarOf(folder: string): Promise<Buffer> {
  const file = `${scratch()}/tar-of.tar`
  return must('tar', ['-cf', file, '-C', folder, '.']).then(() => fs.readFileSync(file))
}

async function digestOf(text: string): Promise<string> {
  const ran = await run('sha256sum', [], { input: text })
  return ran.stdout.slice(0, 64)
}
