// The storms: what the processes do at once, what lies there before, and what must hold after.
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Play } from './actor.js'
import { appending, checkAppended } from './appending.js'
import { counting, checkCounter } from './counting.js'
import { copying, checkCopied, COPIED_FILES, COPIED_SIZE } from './copying.js'
import { listing, checkListing, PERMANENT } from './listing.js'
import { moving, checkMoved, HOUSES, TOKENS } from './moving.js'
import { owning, checkOwned } from './owning.js'
import { razing, checkRazed } from './razing.js'
import type { Report } from './actor.js'

export interface Storm {
  readonly name: string
  readonly about: string
  readonly play: Play
  /** What the lower layer has below the storm's directory. */
  readonly prepare: (lower: string) => void
  /** Findings in what is there at the end. */
  readonly check: (root: string, reports: readonly Report[]) => string[]
}

export const STORMS: readonly Storm[] = [
  {
    name: 'owning',
    about:
      'each process keeps its own files in one directory: none is lost or has others’ data',
    play: owning,
    prepare: lower => {
      for (let i = 0; i < 50; i++)
        fs.writeFileSync(join(lower, `lower-${i}`), `lower-${i}`)
    },
    check: checkOwned,
  },
  {
    name: 'appending',
    about: 'records appended to one lower file: each is there once and whole',
    play: appending,
    prepare: lower => {
      fs.writeFileSync(join(lower, 'log'), '')
    },
    check: checkAppended,
  },
  {
    name: 'counting',
    about: 'O_EXCL, link and mkdir as locks around a counter: no increment is lost',
    play: counting,
    prepare: lower => {
      fs.writeFileSync(join(lower, 'counter'), '0')
    },
    check: checkCounter,
  },
  {
    name: 'moving',
    about:
      'files and directories of the lower are renamed about: each is somewhere, once',
    play: moving,
    prepare: lower => {
      for (let h = 0; h < HOUSES; h++) fs.mkdirSync(join(lower, `house-${h}`))
      for (let i = 0; i < TOKENS; i++) {
        fs.writeFileSync(join(lower, `house-${i % HOUSES}`, `token-${i}`), `token-${i}`)
      }
    },
    check: checkMoved,
  },
  {
    name: 'listing',
    about:
      'a directory is listed while names come and go: those that stay are there, once',
    play: listing,
    prepare: lower => {
      for (let i = 0; i < PERMANENT; i += 2)
        fs.writeFileSync(join(lower, `stays-${i}`), '')
    },
    check: checkListing,
  },
  {
    name: 'copying',
    about:
      'lower files are written by all at once: every region is old or new, none is lost',
    play: copying,
    prepare: lower => {
      for (let i = 0; i < COPIED_FILES; i++) {
        fs.writeFileSync(join(lower, `copied-${i}`), Buffer.alloc(COPIED_SIZE, '.'))
      }
    },
    check: checkCopied,
  },
  {
    name: 'razing',
    about:
      'trees are removed while others write into them: no wrong errno, nothing half gone',
    play: razing,
    prepare: lower => {
      for (let i = 0; i < 4; i++) {
        fs.mkdirSync(join(lower, `tree-${i}`, 'a', 'b'), { recursive: true })
        fs.writeFileSync(join(lower, `tree-${i}`, 'a', 'b', 'file'), 'lower')
      }
    },
    check: checkRazed,
  },
]
