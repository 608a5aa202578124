// What the floor is held to. Its ratios to kernel overlayfs were measured once with another such
// server, on a quiet machine; one that is slower than that by a third is a bug in the floor, and
// would make its rows too easy.
import type { Mode } from './options.js'
import { atMost, type Target } from './targets.js'
import { TITLES } from './workloads/titles.js'

const SLACK = 1.3

const measured: readonly (readonly [string, string, Mode, number])[] = [
  ['P1', TITLES.findFirst, 'ro', 1.24],
  ['P2', TITLES.findAgain, 'ro', 0.77],
  // 1.5 with files of 35 KB on average, 2.6 with 7.5 KB; the tree's have 24.
  ['P3', TITLES.tarFirst, 'ro', 2.0],
  ['P3', TITLES.tarAgain, 'rw', 1.4],
  ['P5', TITLES.readFirst, 'ro', 3.2],
  ['P5', TITLES.readAgain, 'ro', 2.6],
  ['P5', TITLES.readFirst, 'rw', 4.2],
  ['P5', TITLES.readAgain, 'rw', 2.1],
  ['P6', TITLES.absentFirst, 'ro', 3.4],
  ['P6', TITLES.absentFirst, 'rw', 3.4],
  ['P7', TITLES.create, 'rw', 4.6],
  ['P13', TITLES.parallelFind, 'ro', 4.1],
]

export const floorTargets: readonly Target[] = measured.map(([row, title, mode, ratio]) =>
  atMost(row, title, mode, SLACK * ratio, 'kernel', 'floor'),
)
