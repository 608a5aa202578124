// The addon and the running kernel: a small server's answers are taken, its notifications too,
// and the end of the mount is seen. The mount is used by other processes only.
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { MNT_DETACH, O_RDWR } from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'
import { mount, umount2 } from '../../src/sys/mount.js'
import { FILES, type ServerReport, type ServerRequest } from './fuse-server.js'
import { isRoot, openDescriptors, place, succeed } from './place.js'

const execute = promisify(execFile)

/** What a program prints; it is killed when it hangs. */
async function run(program: string, ...args: string[]): Promise<string> {
  const options = { timeout: 20_000, killSignal: 'SIGKILL', maxBuffer: 1 << 24 } as const
  return (await execute(program, args, { ...options, encoding: 'latin1' })).stdout
}

const COPY = `
import os, sys
a = os.open(sys.argv[1], os.O_RDONLY)
b = os.open(sys.argv[2], os.O_RDWR)
print(os.copy_file_range(a, b, 70000, 5, 11))
`

const missing = !isRoot()
  ? 'needs root'
  : !fs.existsSync('/dev/fuse')
    ? 'needs /dev/fuse'
    : false

t.test('a server', { skip: missing }, async t => {
  const { at } = place(t)
  fs.mkdirSync(at('files'))
  fs.mkdirSync(at('mnt'))
  const content = Buffer.alloc(100_000, '0123456789abcdef').toString('latin1')
  for (const name of FILES) fs.writeFileSync(at(`files/${name}`), content)
  const open = (): number => succeed(openat2(-100, '/dev/fuse', O_RDWR, 0, 0))
  const setup: ServerRequest = { folder: at('files'), device: open(), clone: open() }
  const data = `fd=${setup.device},rootmode=40000,user_id=0,group_id=0,allow_other`
  succeed(mount('native', at('mnt'), 'fuse.native', 0, data))
  t.teardown(() => umount2(at('mnt'), MNT_DETACH))
  const script = fileURLToPath(new URL('./fuse-server.js', import.meta.url))
  const worker = new Worker(script, { workerData: setup })
  const report = new Promise<ServerReport>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const file = (name: string): string => at(`mnt/${name}`)

  for (const name of FILES) t.equal(await run('cat', file(name)), content, name)
  await run(
    'dd',
    `of=${file('now')}`,
    'if=/dev/zero',
    'bs=1',
    'count=3',
    'conv=notrunc,fsync',
  )
  t.equal(await run('cat', file('now')), '\0\0\0' + content.slice(3))
  t.equal(fs.readFileSync(at('files/now'), 'latin1').slice(0, 4), '\0\0\0' + '3')
  await run('fallocate', '-l', '200000', file('now'))
  t.equal(fs.statSync(at('files/now')).size, 200_000)
  t.equal(await run('python3', '-c', COPY, file('now'), file('clone')), '70000\n')
  t.equal(fs.readFileSync(at('files/clone'), 'latin1').slice(11, 16), '56789')
  t.equal((await run('stat', '-c', '%W', file('now'))).trim(), '1000000000', 'STATX')
  await t.rejects(run('cat', file('absent')), /No such file/)
  await run('umount', at('mnt'))
  const got = await report
  await worker.terminate()
  close(setup.device)
  close(setup.clone)

  t.equal(got.end, -19, 'ENODEV')
  t.ok(got.now > 0, `answered ${got.now} reads at once, ${got.later} later`)
  t.ok((got.requests[15] ?? 0) > 0)
  t.strictSame(
    got.completions.filter(result => result < 0),
    [],
  )
  t.strictSame(got.replyErrnos, [2], 'the second answer to one request is ENOENT')
  const cached = 4 * Math.ceil(100_000 / 131_072)
  t.ok((got.requests[15] ?? 0) < 3 * cached, 'passthrough reads none')
  for (const opcode of [1, 3, 14, 15, 16, 18, 20, 26, 43, 52, 53]) {
    t.ok((got.requests[opcode] ?? 0) > 0, `opcode ${opcode} was asked`)
  }
  // Node opens some of its own for children and threads: only ours are looked for.
  const left = openDescriptors().filter(line => /\/dev\/fuse|\/files\//.test(line))
  t.strictSame(left, [])
})
