// What is printed of a mount's answers.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { renderStats } from '../../../src/cli/commands/stats.js'
import { rowsOfWhich } from '../../../src/cli/commands/which.js'
import { renderCounts, renderRows } from '../../../src/cli/rows.js'
import { VERSION } from '../../../src/mount/version.js'
import type { StatsAnswer, WhichAnswer } from '../../../src/overlay/control.js'

const file: WhichAnswer = {
  name: 'passwd',
  state: 'present',
  type: 'file',
  layer: 'upper',
  layerIndex: null,
  path: '/u/etc/passwd',
  reason: 'copied up',
  merged: ['/u/etc/passwd'],
  mergedTotal: 1,
  opaque: false,
  copiedUp: true,
  whiteoutIn: null,
  redirect: null,
  dataIn: null,
  origins: [],
}

t.test('which: a file', async t => {
  t.equal(
    renderRows(rowsOfWhich('/m/etc/passwd', file)),
    [
      'path  /m/etc/passwd',
      'is    file from the upper',
      'why   copied up',
      'at    /u/etc/passwd',
    ].join('\n'),
  )
})

t.test('which: a merged directory', async t => {
  const merged = ['/u/etc', '/l1/etc']
  const answer: WhichAnswer = { ...file, type: 'directory', merged, mergedTotal: 5 }
  t.same(rowsOfWhich('/m/etc', answer).slice(-3), [
    ['merges', '/u/etc'],
    ['', '/l1/etc'],
    ['', 'and 3 more'],
  ])
})

t.test('which: hidden, and absent', async t => {
  const hidden: WhichAnswer = {
    ...file,
    state: 'whiteout',
    type: null,
    layer: 'lower',
    layerIndex: 1,
    path: null,
    merged: [],
    mergedTotal: 0,
    whiteoutIn: '/l2/etc/passwd',
  }
  const rows = renderRows(rowsOfWhich('/m/x', hidden))
  t.match(rows, /is {9}hidden by lower 1/)
  t.match(rows, /hidden by {2}\/l2\/etc\/passwd/)
  const absent: WhichAnswer = {
    ...hidden,
    state: 'absent',
    layer: null,
    whiteoutIn: null,
  }
  t.match(renderRows(rowsOfWhich('/m/x', absent)), /is {4}absent/)
})

const figures: StatsAnswer = {
  version: '0.1.0',
  pid: 7,
  protocol: '7.45',
  passthrough: true,
  upper: '/u',
  archive: null,
  lowers: 3,
  dataLowers: 1,
  format: 'kernel-trusted',
  uptime: 3725.4,
  nodes: 10,
  directories: 4,
  openFiles: 2,
  backingIds: 1,
  descriptors: 9,
  requests: { LOOKUP: 120, GETATTR: 7 },
  errors: { ENOENT: 3 },
  copyUps: { files: 2, bytes: 1_572_864, directories: 1 },
  ahead: { guessed: 8, right: 7 },
}

t.test('stats', async t => {
  const text = renderStats(figures)
  t.match(text, /server {5}plyfs 0\.1\.0, process 7, up 01:02:05/)
  t.match(text, /protocol {3}FUSE 7\.45, passthrough on/)
  t.match(text, /lowers {5}3, and 1 data-only/)
  t.match(text, /copied up {2}2 files \(1\.5 MiB\), 1 directories/)
  t.match(text, /requests\n {2}LOOKUP {3}120\n {2}GETATTR {4}7/)
  t.match(text, /errors\n {2}ENOENT {2}3$/)
  t.match(
    renderStats({ ...figures, upper: null, errors: {} }),
    /upper {6}none \(read-only\)/,
  )
})

t.test('counts: the largest first', async t => {
  t.same(renderCounts({ A: 1, BB: 20, C: 1 }), ['  BB  20', '  A    1', '  C    1'])
  t.same(renderCounts({}), [])
})

t.test("the version is package.json's", async t => {
  const url = new URL('../../../package.json', import.meta.url)
  t.match(JSON.parse(readFileSync(url, 'utf8')), { version: VERSION })
})
