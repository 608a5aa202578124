// The verbs as people and scripts call them: what they print, and how they end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import {
  dockerArchive,
  layoutTar,
  makeImage,
  ociLayout,
} from '../../helpers/image-archives.js'
import { directory, file, makeTar } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { openShop } from './verbs.js'

// The suite ends a file that takes too long.
t.setTimeout(0)

const base = [directory('etc/'), file('etc/hosts', 'localhost\n')]
const one = makeImage([base, [file('etc/one', '1')]], {
  config: { Labels: { kind: 'test' }, Cmd: ['/bin/sh'] },
})
const two = makeImage([base, [file('etc/two', '22')]])
const short = (id: string): string => id.slice(7, 19)

t.test('load, list, look', async t => {
  const { folder, plyfs, tries } = openShop(t)
  fs.writeFileSync(
    `${folder}/odd.name`,
    gzipSync(
      dockerArchive([
        { image: one, tags: ['one:1', 'quay.io/a/b:x'] },
        { image: two, tags: null },
      ]),
    ),
  )
  const said = await plyfs('load', '-i', `${folder}/odd.name`)
  t.equal(
    said,
    `Loaded image: one:1\nLoaded image: quay.io/a/b:x\nLoaded image ID: ${two.id}\n`,
  )
  t.match(await plyfs('images'), /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\n/)
  t.match(
    await plyfs('images'),
    new RegExp(`<none> +<none> +${short(two.id)} +\\d+ \\w+ ago +12B`),
  )
  t.equal(await plyfs('images', '-q'), `${short(two.id)}\n${short(one.id)}\n`)
  t.equal(await plyfs('images', '-q', '--no-trunc', 'one'), `${one.id}\n`)
  t.equal(
    await plyfs('images', '--format', '{{.Repository}}:{{.Tag}}', 'quay.io/a/*'),
    'quay.io/a/b:x\n',
  )
  t.equal(await plyfs('images', '-q', '-f', 'dangling=true'), `${short(two.id)}\n`)
  t.equal(await plyfs('images', '-q', '-f', 'label=kind=test'), `${short(one.id)}\n`)
  t.match(await plyfs('images', '--digests', 'one'), /DIGEST/)
  t.same(
    (JSON.parse(await plyfs('image', 'ls', '--json', 'one')) as { ID: string }[])[0]?.ID,
    short(one.id),
  )
  const history = await plyfs('history', 'one:1')
  t.match(
    history,
    new RegExp(
      `^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n${short(one.id)} .*step 2 +1B\n<missing> .*step 1 +10B\n$`,
    ),
  )
  t.equal(
    await plyfs('inspect', '-f', '{{.Id}} {{json .Config.Cmd}}', 'one:1'),
    `${one.id} ["/bin/sh"]\n`,
  )
  const [inspected] = JSON.parse(await plyfs('inspect', short(one.id))) as Record<
    string,
    unknown
  >[]
  t.match(inspected, {
    Id: one.id,
    RepoTags: ['one:1', 'quay.io/a/b:x'],
    RootFS: { Layers: one.diffIds },
  })
  const missing = await tries(['inspect', 'one:1', 'nobody'])
  t.match(missing, { status: 1, stderr: 'plyfs: no such image: nobody\n' })
  t.match(await tries(['images', '--format', '{{.Nope}}']), {
    status: 1,
    stderr: /no field \.Nope/,
  })
})

t.test('standard input and output, and the ends of names', async t => {
  const { folder, plyfs, tries, root } = openShop(t)
  fs.writeFileSync(`${folder}/in`, layoutTar(ociLayout(one, 'quay.io/x:1')))
  const child = spawn(plyfsProgram(), ['load', '--root', root], {
    stdio: [fs.openSync(`${folder}/in`, 'r'), 'ignore', 'ignore'],
  })
  t.same(await once(child, 'exit'), [0, null])
  await plyfs('save', '-o', `${folder}/a.tar`, 'quay.io/x:1')
  await plyfs('save', '-o', `${folder}/a.tar.gz`, 'quay.io/x:1')
  await plyfs('save', '-o', `${folder}/a.tar.zst`, 'quay.io/x:1')
  const plain = fs.readFileSync(`${folder}/a.tar`)
  t.same(
    gunzipSync(fs.readFileSync(`${folder}/a.tar.gz`)),
    plain,
    'reproducible, and gzip',
  )
  t.equal(fs.readFileSync(`${folder}/a.tar.zst`).readUInt32LE(0), 0xfd2fb528)
  const piped = spawn(plyfsProgram(), ['save', '--root', root, 'quay.io/x:1'], {
    stdio: ['ignore', fs.openSync(`${folder}/b.tar`, 'w'), 'ignore'],
  })
  t.same(await once(piped, 'exit'), [0, null])
  t.same(fs.readFileSync(`${folder}/b.tar`), plain)
  for (const name of ['a.tar', 'a.tar.gz', 'a.tar.zst']) {
    const other = openShop(t)
    t.equal(
      await other.plyfs('load', '-i', `${folder}/${name}`),
      'Loaded image: quay.io/x:1\n',
    )
    t.equal(await other.plyfs('images', '-q', '--no-trunc'), `${one.id}\n`, 'the same ID')
  }
  const failed = await tries(['save', '-o', `${folder}/none.tar`, 'nobody'])
  t.match(failed, { status: 1, stderr: /no such image/ })
  t.same(
    fs.readdirSync(folder).filter(name => name.startsWith('none')),
    [],
    'nothing half written',
  )
})

t.test(
  'several images, layers once; a repository without a tag is all its tags',
  async t => {
    const { folder, plyfs } = openShop(t)
    fs.writeFileSync(
      `${folder}/in`,
      dockerArchive([
        { image: one, tags: ['x:1', 'x:2'] },
        { image: two, tags: ['y:1'] },
      ]),
    )
    await plyfs('load', '-q', '-i', `${folder}/in`)
    for (const format of ['docker-archive', 'oci-archive']) {
      const file = `${folder}/${format}`
      await plyfs('save', '-q', '--format', format, '-o', file, 'x', 'y:1', short(two.id))
      const other = openShop(t)
      t.equal(
        await other.plyfs('load', '-i', file),
        'Loaded image: x:1\nLoaded image: x:2\nLoaded image: y:1\n',
      )
      t.same(
        (await other.plyfs('images', '-q', '--no-trunc')).trim().split('\n').toSorted(),
        [one.id, two.id].toSorted(),
      )
    }
  },
)

t.test('tag, rmi, prune, gc, fsck', async t => {
  const { folder, plyfs, tries, root } = openShop(t)
  fs.writeFileSync(`${folder}/in`, dockerArchive([{ image: one, tags: ['x:1'] }]))
  fs.writeFileSync(`${folder}/in2`, dockerArchive([{ image: two, tags: ['x:1'] }]))
  await plyfs('load', '-i', `${folder}/in`)
  await plyfs('tag', 'x:1', 'name/app')
  await plyfs('tag', short(one.id), 'localhost/z:3')
  t.equal(await plyfs('rmi', 'name/app:latest'), 'Untagged: name/app:latest\n')
  t.equal(await plyfs('rmi', 'z:3'), 'Untagged: localhost/z:3\n', 'short for localhost')
  t.match(
    await plyfs('load', '-i', `${folder}/in2`),
    /renaming the old one with ID sha256/,
  )
  t.match(await plyfs('images', '-q', '-f', 'dangling=true'), short(one.id))
  t.match(await plyfs('gc'), /Total reclaimed space: 0B/)
  t.match(await tries(['image', 'prune'], { input: 'n\n' }), { status: 1 })
  const pruned = await tries(['image', 'prune'], { input: 'y\n' })
  t.match(pruned, { status: 0, stdout: new RegExp(`deleted: ${one.id}`) })
  t.match(await tries(['rmi', 'nobody']), { status: 1, stderr: /no such image/ })
  t.match(await tries(['rmi', '-f', 'nobody']), { status: 0 })
  t.match(await plyfs('fsck'), /^1 image, 2 layers, 4 blobs: no problems\n$/)
  fs.chmodSync(
    `${root}/layers/${fs.readdirSync(`${root}/layers`)[0] ?? ''}/diff/etc`,
    0o700,
  )
  t.match(await tries(['fsck']), { status: 1, stdout: /\/etc: mode/ })
  t.match(await tries(['fsck', '--repair']), { status: 0, stdout: /unpacked anew/ })
  t.match(await plyfs('image', 'rm', 'x:1'), /Untagged: x:1\nDeleted: /)
  t.equal(await plyfs('images', '-q'), '')
})

t.test('import', async t => {
  const { folder, plyfs, tries } = openShop(t)
  const tar = makeTar(...base, file('.wh.x'))
  fs.writeFileSync(`${folder}/r`, makeTar(...base))
  const id = (
    await plyfs(
      'import',
      '-c',
      'CMD ["/bin/x"]',
      '-c',
      'ENV A=b',
      '-m',
      'hello',
      `${folder}/r`,
      'r:1',
    )
  ).trim()
  t.match(id, /^sha256:[0-9a-f]{64}$/)
  t.equal(
    await plyfs('inspect', '-f', '{{json .Config}}|{{.Comment}}', 'r:1'),
    '{"Cmd":["/bin/x"],"Env":["A=b"]}|hello\n',
  )
  t.equal(
    (await tries(['import', '-', 'r:2'], { input: tar.toString('latin1') })).status,
    0,
  )
  t.match(await tries(['import', '-c', 'RUN x', `${folder}/r`]), {
    status: 1,
    stderr: /RUN x/,
  })
  t.match(await tries(['import', `${folder}/none`]), {
    status: 1,
    stderr: /no such file/,
  })
  const broken = await tries(['import', '-', 'r:3'], {
    input: 'no tar at all'.repeat(100),
  })
  t.equal(broken.status, 1)
  t.notMatch(await plyfs('images'), 'r +3')
})

t.test('a load that is killed leaves a store that works', async t => {
  const { folder, plyfs, root } = openShop(t)
  const image = makeImage([
    base,
    [{ path: 'big', data: Buffer.alloc(60_000_000, 'x') }],
    [file('z')],
  ])
  fs.writeFileSync(`${folder}/in`, dockerArchive([{ image, tags: ['big:1'] }]))
  for (const when of ['incoming', 'layers']) {
    const child = spawn(plyfsProgram(), ['load', '--root', root, '-i', `${folder}/in`], {
      stdio: 'ignore',
      detached: true,
    })
    const ended = once(child, 'exit')
    fs.mkdirSync(`${root}/${when}`, { recursive: true })
    const seen = new Promise<void>(resolve => {
      const watcher = fs.watch(`${root}/${when}`, () => {
        watcher.close()
        resolve()
      })
    })
    await Promise.race([seen, ended])
    // The launcher has started Node; both go.
    if (child.pid !== undefined && child.exitCode === null)
      process.kill(-child.pid, 'SIGKILL')
    await ended
    t.equal(
      await plyfs('images', '-q'),
      '',
      `no image of a load that was killed (${when})`,
    )
  }
  await plyfs('gc')
  t.same(fs.readdirSync(`${root}/incoming`), [])
  t.same(fs.readdirSync(`${root}/blobs/sha256`), [])
  t.equal(await plyfs('load', '-i', `${folder}/in`), 'Loaded image: big:1\n')
  t.match(await plyfs('fsck'), /no problems/)
})
