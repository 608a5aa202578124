// What is kept of a run, so that it can be repeated: the filesystem, how the layers are built, and
// the steps. File names are latin1 strings, one character a byte.
import { readFileSync, writeFileSync } from 'node:fs'
import type { Layer } from './layers.js'
import { describe } from './flags.js'
import type { Step } from './operation.js'
import { FILESYSTEMS, type Filesystem } from './scratch.js'

export interface Case {
  readonly fs: Filesystem
  /** Lowest first. */
  readonly layers: readonly Layer[]
  readonly steps: readonly Step[]
  /** Further mount options of plyfs. */
  readonly options: string
  /** What went wrong when it was found. */
  readonly found?: string
}

export function readCase(file: string): Case {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!isCase(value)) throw new Error(`${file}: not a case`)
  return value
}

function isCase(value: unknown): value is Case {
  if (typeof value !== 'object' || value === null) return false
  if (!('fs' in value) || !(FILESYSTEMS as readonly unknown[]).includes(value.fs))
    return false
  return 'layers' in value && 'steps' in value && Array.isArray(value.steps)
}

/** One step a line, so that a case can be read and edited. */
export function writeCase(file: string, value: Case): void {
  const lines = (steps: readonly Step[], indent: string): string =>
    steps.map(step => indent + JSON.stringify(step)).join(',\n')
  const layers = value.layers.map(
    layer =>
      `    {"kind": "${layer.kind}", "steps": [\n${lines(layer.steps, '      ')}\n    ]}`,
  )
  const text = `{
  "found": ${JSON.stringify(value.found ?? '')},
  "fs": "${value.fs}",
  "options": ${JSON.stringify(value.options)},
  "layers": [
${layers.join(',\n')}
  ],
  "steps": [
${lines(value.steps, '    ')}
  ]
}
`
  writeFileSync(file, text)
}

/** For people. */
export function tell(value: Case): string {
  const layers = value.layers.map(
    (layer, i) =>
      `layer ${i} (${layer.kind}${i === 0 ? ', lowest' : ''}):\n` +
      layer.steps.map(step => `  ${describe(step)}`).join('\n'),
  )
  const steps = value.steps.map((step, i) => `  ${i}: ${describe(step)}`)
  return [`filesystem: ${value.fs}`, ...layers, 'steps:', ...steps].join('\n')
}
