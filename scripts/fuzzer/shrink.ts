// Makes a failing case short: leaves out steps, then parts of the layers, for as long as the same
// kind of difference is still found (delta debugging, after Zeller and Hildebrandt's ddmin).
import type { Case } from './case.js'
import type { Finding } from './answer.js'
import type { Layer } from './layers.js'
import type { Step } from './operation.js'

/** Runs a case from its layers on. */
export type Trial = (candidate: Case) => {
  finding: Finding | undefined
  stepsUsed: number
}

export function shrink(
  start: Case,
  kind: string,
  trial: Trial,
  say: (text: string) => void,
): Case {
  let best = start
  let tries = 0
  const fails = (candidate: Case): boolean => {
    tries++
    const { finding, stepsUsed } = trial(candidate)
    if (finding?.kind !== kind) return false
    best = {
      ...candidate,
      steps: candidate.steps.slice(0, stepsUsed),
      found: `${kind}: ${finding.text}`,
    }
    return true
  }
  // Most of the operations that change nothing matter to nothing: a good guess to begin with.
  fails({
    ...best,
    steps: best.steps.filter((step, i, all) => i === all.length - 1 || changes(step)),
  })
  for (;;) {
    const before = sizeOf(best)
    const steps = best.steps
    minimize(steps.length, keep =>
      fails({ ...best, steps: steps.filter((_, i) => keep.has(i)) }),
    )
    shrinkLayers(() => best, fails)
    say(`  ${sizeOf(best)} steps left after ${tries} tries`)
    if (sizeOf(best) === before) return best
  }
}

const LOOKING = new Set([
  ...[
    'stat',
    'lstat',
    'fstat',
    'statfs',
    'access',
    'list',
    'dirread',
    'dirseek',
    'readlink',
  ],
  ...[
    'read',
    'pread',
    'seekdata',
    'mapread',
    'getxattr',
    'listxattr',
    'fgetxattr',
    'flistxattr',
  ],
  ...['getflags', 'getxflags', 'getlock', 'flock', 'lock', 'exec', 'fsync', 'syncfs'],
  ...['check', 'drop-caches', 'umask'],
])

function changes([, name]: Step): boolean {
  return !LOOKING.has(name)
}

function sizeOf(value: Case): number {
  return value.layers.reduce((sum, layer) => sum + layer.steps.length, value.steps.length)
}

function shrinkLayers(best: () => Case, fails: (candidate: Case) => boolean): void {
  for (let i = best().layers.length - 1; i >= 0; i--) {
    const { layers } = best()
    const layer = layers[i]
    if (!layer) continue
    const replaced = (steps: Layer['steps']): Layer[] =>
      layers.map((other, j) => (j === i ? { ...layer, steps } : other))
    const without = layers.filter((_, j) => j !== i)
    if (
      without.length > 0 &&
      without[0]?.kind === 'raw' &&
      fails({ ...best(), layers: without })
    ) {
      continue
    }
    minimize(layer.steps.length, keep =>
      fails({ ...best(), layers: replaced(layer.steps.filter((_, j) => keep.has(j))) }),
    )
  }
}

/** Finds a small set of indices for which `fails` holds; all of them together are known to. */
function minimize(count: number, fails: (keep: ReadonlySet<number>) => boolean): void {
  let kept = Array.from({ length: count }, (_, i) => i)
  if (count > 0 && fails(new Set())) return
  let parts = 2
  while (kept.length > 1) {
    const length = Math.ceil(kept.length / parts)
    let smaller: number[] | undefined
    // From the end: later steps depend on earlier ones.
    for (
      let at = (Math.ceil(kept.length / length) - 1) * length;
      at >= 0 && !smaller;
      at -= length
    ) {
      const candidate = [...kept.slice(0, at), ...kept.slice(at + length)]
      if (fails(new Set(candidate))) smaller = candidate
    }
    if (smaller) {
      kept = smaller
      parts = Math.max(parts - 1, 2)
    } else if (length === 1) {
      return
    } else {
      parts = Math.min(parts * 2, kept.length)
    }
  }
}
