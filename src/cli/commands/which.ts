// `plyfs which [--json] PATH...`: which layer a name on a mount comes from, and why.
import { askWhich } from '../../mount/ask-mount.js'
import { MountError } from '../../mount/mount-error.js'
import type { WhichAnswer } from '../../overlay/control.js'
import { textOfAnswer } from '../bytes-text.js'
import { asBytes, printError, printLine } from '../output.js'
import { renderRows, type Row } from '../rows.js'

/** 0 when all names are there, 1 when one is hidden or absent, 2 when one could not be asked for. */
export function which(paths: readonly string[], options: { json?: boolean }): number {
  let status = 0
  for (const [i, path] of paths.entries()) {
    try {
      const answer = askWhich(path)
      if (options.json === true) printLine(asBytes(JSON.stringify(textOfAnswer(answer))))
      else {
        if (i > 0) printLine('')
        printLine(renderRows(rowsOfWhich(path, answer)))
      }
      if (answer.state !== 'present') status = Math.max(status, 1)
    } catch (error) {
      if (!(error instanceof MountError)) throw error
      printError(`plyfs: ${error.message}`)
      status = 2
    }
  }
  return status
}

/** What is printed of an answer, one fact a row; names are bytes. */
export function rowsOfWhich(path: string, answer: WhichAnswer): Row[] {
  return [
    ['path', path],
    ['is', describe(answer)],
    ['why', answer.reason],
    ['at', answer.path],
    ['data in', answer.dataIn],
    ['redirect', answer.redirect],
    [answer.state === 'whiteout' ? 'hidden by' : 'stops at', answer.whiteoutIn],
    ...(answer.mergedTotal > 1 ? mergedRows(answer) : []),
  ]
}

function describe({ state, type, layer, layerIndex, opaque }: WhichAnswer): string {
  if (state === 'absent') return 'absent'
  const where = layer === 'lower' ? `lower ${layerIndex ?? 0}` : 'the upper'
  if (state === 'whiteout') return `hidden by ${where}`
  return `${opaque ? 'opaque ' : ''}${type ?? 'object'} from ${where}`
}

function mergedRows({ merged, mergedTotal }: WhichAnswer): Row[] {
  const more = mergedTotal - merged.length
  return [
    ...merged.map((path, i): Row => [i === 0 ? 'merges' : '', path]),
    ['', more > 0 ? `and ${more} more` : null],
  ]
}
