// A tree that several remove at once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import t from 'tap'

t.test('several processes remove one tree, and none minds the others', async t => {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-remove-tree-'))
  t.teardown(() => fs.rmSync(place, { recursive: true, force: true }))
  const tree = path.join(place, 'tree')
  for (let i = 0; i < 40; i += 1)
    for (let j = 0; j < 40; j += 1)
      fs.mkdirSync(path.join(tree, String(i), String(j)), { recursive: true })
  const module = new URL('../../../../src/image/store/remove-tree.js', import.meta.url)
  const script = `
    const { removeTree } = await import(process.argv[1])
    process.stdout.write('ready')
    process.stdin.once('data', () => { removeTree(process.argv[2]); process.exit() })
  `
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script, module.href, tree], {
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  )
  const said: Buffer[] = []
  const ended = children.map(child => {
    child.stderr.on('data', (piece: Buffer) => said.push(piece))
    return once(child, 'close')
  })
  await Promise.all(children.map(child => once(child.stdout, 'data')))
  for (const child of children) child.stdin.end('go')
  const statuses = (await Promise.all(ended)).map(([code]) => code as unknown)
  t.same(statuses, [0, 0, 0, 0], Buffer.concat(said).toString())
  t.notOk(fs.existsSync(tree))
})
