// `plyfs which [--json] PATH...`: which layer a name on a mount comes from, and why; of the mount of
// an image the layer's digest, and the step that made it, too.
import { type LayerOrigin, layerOrigin } from '../../image/layer-origin.js'
import { askWhich } from '../../mount/ask-mount.js'
import { MountError } from '../../mount/mount-error.js'
import type { WhichAnswer } from '../../overlay/control.js'
import { textOfAnswer, textOfBytes } from '../../bytes/bytes-text.js'
import { asBytes, printError, printLine } from '../output.js'
import { renderRows, type Row } from '../rows.js'

/** 0 when all names are there, 1 when one is hidden or absent, 2 when one could not be asked for. */
export async function which(
  paths: readonly string[],
  options: { json?: boolean },
): Promise<number> {
  let status = 0
  for (const [i, path] of paths.entries()) {
    try {
      const answer = askWhich(path)
      const origins = await originsOf(answer)
      if (options.json === true)
        printLine(asBytes(JSON.stringify(jsonOf(answer, origins))))
      else {
        if (i > 0) printLine('')
        printLine(renderRows([...rowsOfWhich(path, answer), ...originRows(origins)]))
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

/** The layers of a store that an answer names, the topmost first, each once. */
async function originsOf(answer: WhichAnswer): Promise<LayerOrigin[]> {
  const { path, dataIn, whiteoutIn, merged } = answer
  const origins = new Map<string, LayerOrigin>()
  for (const { createdBy, ...origin } of answer.origins)
    origins.set(origin.chainId, {
      ...origin,
      createdBy: createdBy === null ? null : textOfBytes(createdBy),
    })
  if (origins.size > 0) return [...origins.values()]
  for (const place of [path, ...merged, dataIn, whiteoutIn]) {
    const origin = place === null ? null : await layerOrigin(place)
    if (origin !== null) origins.set(origin.chainId, origin)
  }
  return [...origins.values()]
}

function jsonOf(answer: WhichAnswer, origins: readonly LayerOrigin[]): unknown {
  const { origins: _, ...plain } = answer
  const told = textOfAnswer(plain)
  return origins.length === 0 || !isObject(told) ? told : { ...told, layers: origins }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function originRows(origins: readonly LayerOrigin[]): Row[] {
  return origins.flatMap(({ digest, createdBy }): Row[] => [
    ['layer', digest],
    ['made by', createdBy === null ? null : asBytes(createdBy.replace(/\s+/g, ' '))],
  ])
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
