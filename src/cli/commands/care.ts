// `plyfs gc` and `plyfs fsck [--repair]`: the care of a store.
import { checkStore, type Problem } from '../../image/fsck.js'
import { collectGarbage } from '../../image/gc.js'
import { formatBytes } from '../bytes-size.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { asBytes, printLine } from '../output.js'
import { showProgress } from '../progress.js'
import { openContainers } from './lifecycle.js'
import { openStore, type StoreFlags, tellWaiting } from './store-session.js'

export interface GcFlags extends StoreFlags {
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Prints what went; 0. Throws an ImageError. */
export async function gc(flags: GcFlags): Promise<number> {
  const dryRun = flags.dryRun === true
  // What is left of containers keeps images.
  const { store } = dryRun
    ? { store: await openStore(flags) }
    : await openContainers(flags)
  const swept = await collectGarbage(store, {
    dryRun,
    onWait: tellWaiting,
  })
  if (flags.json === true) {
    printLine(JSON.stringify(swept, null, 2))
    return 0
  }
  const verb = dryRun ? 'would remove' : 'removed'
  if (flags.quiet !== true) {
    for (const digest of swept.blobs) printLine(`${verb} blob ${digest}`)
    for (const chainId of swept.layers) printLine(`${verb} layer ${chainId}`)
    for (const name of swept.leftovers) printLine(`${verb} leftover ${name}`)
    for (const name of swept.archives) printLine(`${verb} index of an archive ${name}`)
    for (const name of swept.flat) printLine(`${verb} tree ${name}`)
    for (const name of swept.writable) printLine(`${verb} writable layer ${name}`)
  }
  printLine(`Total reclaimed space: ${formatBytes(swept.bytes)}`)
  return 0
}

export interface FsckFlags extends StoreFlags {
  readonly repair?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Prints what is wrong; 0, or 1 when something is and was not repaired. Throws an ImageError. */
export async function fsck(flags: FsckFlags): Promise<number> {
  const store = await openStore(flags)
  const progress = showProgress(flags.quiet === true || !process.stderr.isTTY)
  try {
    const report = await checkStore(store, {
      repair: flags.repair === true,
      progress,
      onWait: tellWaiting,
    })
    progress.close()
    if (flags.json === true)
      printLine(asBytes(JSON.stringify(textOfAnswer(report), null, 2)))
    else {
      report.problems.forEach(tell)
      const { images, layers, blobs, problems } = report
      const found = counted(problems.length, 'problem')
      const sizes = [
        counted(images, 'image'),
        counted(layers, 'layer'),
        counted(blobs, 'blob'),
      ]
      printLine(`${sizes.join(', ')}: ${found}`)
    }
    return report.problems.some(({ repaired }) => repaired === null) ? 1 : 0
  } finally {
    progress.close()
  }
}

function counted(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`
}

function tell({ text, repaired }: Problem): void {
  printLine(repaired === null ? text : `${text} (${repaired})`)
}
