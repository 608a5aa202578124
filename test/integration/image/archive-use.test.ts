// What is done with an image that is mounted from its archive: writing above it, asking it, mounting
// it again.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { makeFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { file } from '../../helpers/make-tar.js'
import { isMounted, mountPlyfs, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

// What is in it is made in the test's namespace.
const { image, mounted, noise, plain, plyfs, point, root, write, zstd } =
  await import('./full-image.js')
const archive = write('full.tar', plain)
const packed = write(
  'packed.tar',
  dockerArchive([{ image, tags: ['full:1'] }], { gzipLayers: true }),
)

t.test('holes are holes', async t => {
  await mounted(() => {
    const map = execFileSync('cp', [
      '--sparse=auto',
      `${point}/holes`,
      `${scratch()}/copied`,
    ])
    t.equal(map.length, 0)
    t.ok(fs.statSync(`${scratch()}/copied`).blocks * 512 < 100_000)
  }, archive)
})

t.test('--rw: what is changed is copied up', async t => {
  for (const at of [archive, packed]) {
    await mounted(
      async () => {
        const before = fs.statSync(`${point}/usr/copy`).ino
        const kept = fs.readFileSync(`${point}/usr/copy`)
        fs.appendFileSync(`${point}/usr/copy`, 'more')
        t.ok(fs.readFileSync(`${point}/usr/again`).subarray(0, -4).equals(kept))
        t.equal(fs.statSync(`${point}/usr/again`).ino, before, 'the names stay one file')
        fs.appendFileSync(`${point}/holes`, 'end')
        const holes = fs.readFileSync(`${point}/holes`)
        t.equal(holes.toString('latin1', 4096 * 300, 4096 * 300 + 6), 'second')
        t.equal(holes.length, 4096 * 500 + 20)
        t.ok(fs.statSync(`${point}/holes`).blocks * 512 < 100_000, 'holes stay holes')
        fs.chmodSync(`${point}/usr/cap`, 0o755)
        fs.renameSync(`${point}/usr/share`, `${point}/usr/moved`)
        fs.unlinkSync(`${point}/etc/passwd`)
        fs.rmSync(`${point}/opaque`, { recursive: true })
        fs.mkdirSync(`${point}/opaque`)
        t.same(fs.readdirSync(`${point}/opaque`), [])
        t.equal(fs.readFileSync(`${point}/etc/other-name`, 'utf8'), 'root:x:0:0\n')
        const caps = await must('getcap', [`${point}/usr/cap`])
        t.match(caps, /cap_net_raw/)
      },
      '--rw',
      at,
    )
  }
  const name = '--rw=kept'
  const ino = await mounted(
    () => {
      fs.appendFileSync(`${point}/usr/copy`, 'more')
      return fs.statSync(`${point}/usr/copy`).ino
    },
    name,
    archive,
  )
  await mounted(
    () => {
      t.equal(fs.statSync(`${point}/usr/copy`).ino, ino, 'its number, at the next mount')
      t.equal(fs.statSync(`${point}/usr/again`).ino, ino)
    },
    name,
    archive,
  )
})

t.test('a copy-up that finds no room says so, and leaves the file as it was', async t => {
  const { root: small } = await makeFilesystem('tmpfs', 12 << 20)
  for (const at of [archive, packed])
    await mounted(
      async () => {
        await run('dd', ['if=/dev/zero', `of=${small}/filler`, 'bs=64k'])
        const big = `${point}/usr/share/big`
        const ran = await run('sh', ['-c', `echo more >> ${big}`], { limit: 20_000 })
        t.match(ran.stderr, /No space left/, at)
        fs.rmSync(`${small}/filler`)
        t.equal(fs.statSync(big).size, 3_000_000)
        await must('sh', ['-c', `echo more >> ${big}`], { limit: 20_000 })
        t.equal(fs.statSync(big).size, 3_000_005)
      },
      '--root',
      small,
      '--rw',
      at,
    )
})

t.test('statfs, and fsync of what is changed in its attributes alone', async t => {
  for (const at of [archive, packed]) {
    await mounted(() => t.ok(fs.statfsSync(point).blocks > 0), at)
    await mounted(
      async () => {
        await must('sh', ['-c', `chmod 600 ${point}/usr/share/big`])
        await must('sync', [`${point}/usr/share/big`])
        t.equal(fs.statSync(`${point}/usr/share/big`).mode & 0o777, 0o600)
      },
      '--rw',
      '-o',
      'metacopy=on',
      at,
    )
  }
})

t.test('which, and stats', async t => {
  await mounted(async () => {
    const told = await must(plyfsProgram(), ['which', `${point}/usr/again`])
    t.match(told, new RegExp(`layer +${image.diffIds[2] ?? ''}`))
    t.match(told, /made by +step 3/)
    t.match(told, /file from lower 0/)
    const answer = JSON.parse(
      await must(plyfsProgram(), ['which', '--json', `${point}/etc`]),
    ) as { layers: { diffId: string }[] }
    t.same(
      answer.layers.map(({ diffId }) => diffId),
      [image.diffIds[1], image.diffIds[0]],
    )
    t.match(await must(plyfsProgram(), ['stats', point]), `archive    ${archive}`)
  }, archive)
})

t.test('the index is kept, and made anew for another archive', async t => {
  const at = write('changing.tar', plain)
  const folder = path.join(root, 'archives')
  const seen = (): number =>
    fs.readdirSync(folder).filter(name => name.endsWith('.index')).length
  const before = seen()
  await mounted(() => undefined, at)
  t.equal(seen(), before + 1)
  const reads = async (): Promise<number> => {
    const log = path.join(scratch(), 'strace')
    const args = ['-f', '-qq', '-e', 'trace=pread64', '-y', '-o', log, plyfsProgram()]
    // strace stays with the server until the mount is gone.
    const traced = must('strace', [...args, 'mount', '--root', root, at, point], {
      limit: 60_000,
    })
    while (!isMounted(point)) await new Promise(resolve => setTimeout(resolve, 50))
    fs.readdirSync(point)
    await must('umount', [point])
    await traced
    return fs
      .readFileSync(log, 'latin1')
      .split('\n')
      .filter(line => line.includes('changing.tar')).length
  }
  t.ok((await reads()) < 6, 'only documents are read from an archive that is known')
  const other = makeImage([[file('other', 'another image')]])
  fs.writeFileSync(at, dockerArchive([{ image: other, tags: ['o:1'] }]))
  t.same(await mounted(() => fs.readdirSync(point), at), ['other'])
  fs.unlinkSync(at)
  const swept = await plyfs('gc')
  t.match(swept.stdout, /removed index of an archive/)
  t.equal(seen(), before)
})

t.test('while a compressed file is decoded others are answered', async t => {
  const [below, upper, work] = ['below', 'upper', 'work'].map(name => {
    const folder = path.join(scratch(), `outer-${name}`)
    fs.mkdirSync(folder)
    return folder
  }) as [string, string, string]
  const zstdLayers = dockerArchive([{ image, tags: ['full:1'] }], { pack: zstd })
  fs.writeFileSync(`${below}/zstd.tar`, zstdLayers)
  fs.copyFileSync(packed, `${below}/gzip.tar`)
  // The archive lies on a mount whose server can be stopped: what is read of it then waits.
  const outer = await mountPlyfs({ lower: [below], upper, work })
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    for (const pid of outer.pids()) process.kill(pid, name)
  }
  for (const name of ['gzip.tar', 'zstd.tar']) {
    const at = `${outer.point}/${name}`
    const copy = `${scratch()}/copy-of-big`
    await mounted(async () => {
      const big = `${point}/usr/share/big`
      const reader = spawn('sh', [
        '-c',
        `exec 3<${big} 4>${copy}; echo; read go; cat <&3 >&4`,
      ])
      const ended = once(reader, 'exit')
      try {
        await once(reader.stdout, 'data')
        await must('dd', [`if=${at}`, 'iflag=nocache', 'count=0'])
        signal('SIGSTOP')
        reader.stdin.end('go\n')
        const limit = { limit: 10_000 }
        let asked = await run(plyfsProgram(), ['stats', '--json', point], limit)
        while (asked.status === 0 && !asked.stdout.includes('"READ":'))
          asked = await run(plyfsProgram(), ['stats', '--json', point], limit)
        t.equal(asked.status, 0, `${name}: the mount answers`)
        const other = await run('stat', [`${point}/usr/share/deep/er/x`], limit)
        t.equal(other.status, 0, `${name}: for other names`)
      } finally {
        signal('SIGCONT')
        await ended
      }
      t.ok(fs.readFileSync(copy, 'latin1') === noise(3_000_000), `${name} is read`)
    }, at)
  }
  // The last server may still have the archive open.
  await must('umount', ['-l', outer.point])
  await outer.end()
})
