// Which mounts may be served together: those that no stranger can keep waiting.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import t from 'tap'
import { liesOnDisks } from '../../../src/mount/on-disks.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-on-disks-'))
t.teardown(() => fs.rmSync(folder, { recursive: true }))

const layers = (lowers: readonly string[], upper: string | null = null) => ({
  lowers,
  dataLowers: [],
  upper,
  archive: null,
})

t.test('directories on a disk do, whichever they are', async t => {
  const kind = fs.statfsSync(folder).type
  const isDisk = [0xef53, 0x58465342, 0x9123683e, 0x01021994].includes(kind)
  t.equal(liesOnDisks(layers([folder], folder)), isDisk, `of type ${kind.toString(16)}`)
})

t.test('a layer elsewhere, or nowhere, does not', async t => {
  for (const other of ['/proc', `${folder}/missing`]) {
    t.notOk(liesOnDisks(layers([folder, other])), other)
    t.notOk(liesOnDisks(layers([folder], other)), `above: ${other}`)
    t.notOk(liesOnDisks({ ...layers([folder]), dataLowers: [other] }), `data: ${other}`)
  }
})
