// Runs one case on both sides and stops at the first difference.
import { writeFileSync } from 'node:fs'
import { result, type Finding } from './answer.js'
import { Comparer } from './compare.js'
import type { Conductor } from './conductor.js'
import type { Implementation } from './implementations.js'
import { withoutSpentMarks } from './impure-directories.js'
import { foldIndexedLinks } from './indexed-links.js'
import { Model } from './model.js'
import { encode, type Step } from './operation.js'
import type { Filesystem, Scratch } from './scratch.js'
import { Side } from './side.js'
import type { Tally } from './tally.js'
import { compareTrees, toModel, type Difference } from './trees.js'

export interface RunInput {
  readonly scratch: Scratch
  readonly conductor: Conductor
  /** The layers, built. */
  readonly image: string
  readonly fs: Filesystem
  readonly layerCount: number
  readonly first: Implementation
  readonly second: Implementation
  /** The next step, or nothing at the end; asked with the state that the steps before left. */
  readonly next: (model: Model) => Step | undefined
  /** Left out where only the result is asked for: asking a mount for its figures takes time. */
  readonly tally: Tally | undefined
  /** Kinds of differences that are known and being looked past, while others are searched. */
  readonly lookPast: RegExp | undefined
  /** Told each operation with its two answers. */
  readonly trace: ((step: Step, answers: readonly string[]) => void) | undefined
}

export interface RunResult {
  /** The steps that were done, the one that showed the difference last. */
  readonly steps: readonly Step[]
  readonly finding: Finding | undefined
}

export function runCase(input: RunInput): RunResult {
  const { scratch, conductor, fs, layerCount, image } = input
  const begin = Date.now()
  const make = (name: 'a' | 'b', implementation: Implementation): Side =>
    new Side(
      name,
      scratch,
      conductor,
      scratch.copyImage(image),
      fs,
      layerCount,
      implementation,
    )
  const a = make('a', input.first)
  const b = make('b', input.second)
  const execution = new Execution(a, b, begin, input)
  try {
    const finding = execution.run()
    return { steps: execution.steps, finding }
  } finally {
    input.tally?.addRequests(a.requests)
    input.tally?.addRequests(b.requests)
    a.discard()
    b.discard()
  }
}

class Execution {
  readonly steps: Step[] = []
  readonly #model = new Model()
  readonly #comparer: Comparer

  readonly a: Side
  readonly b: Side
  readonly begin: number
  readonly input: RunInput

  constructor(a: Side, b: Side, begin: number, input: RunInput) {
    this.a = a
    this.b = b
    this.begin = begin
    this.input = input
    this.#comparer = new Comparer(this.#model, begin, input.fs)
    this.#noteKernel()
  }

  run(): Finding | undefined {
    const { a, b } = this
    for (const side of [a, b]) side.start()
    const failed = this.#mountBoth()
    if (failed) return failed
    const trees = this.#compareMerged('at the start', true)
    if (trees) return trees
    const tree = a.tree()
    // Not compared: 'whiteouts in directories that do not merge'. A shrunk case may have them.
    if (tree.some(entry => entry.error)) return undefined
    this.#model.load(toModel(tree))
    for (;;) {
      const step = this.input.next(this.#model)
      if (!step) break
      this.steps.push(step)
      const finding = step[0] === '*' ? this.#harness(step[1]) : this.#operation(step)
      if (finding) return finding
    }
    return (
      this.#compareMerged('at the end') ?? this.#unmountBoth() ?? this.#compareUppers()
    )
  }

  #operation(step: Step): Finding | undefined {
    const { a, b } = this
    const [who] = step
    if (who === '*') return undefined
    const workers = [a.worker(who), b.worker(who)]
    const answers = this.input.conductor.ask(workers, encode(step))
    this.input.trace?.(step, answers)
    const [first = 'dead', second = 'dead'] = answers
    this.input.tally?.addResult(step[1], result(first))
    const finding = this.#comparer.compare(step, first, second)
    if (finding && !this.input.lookPast?.test(finding.kind)) return finding
    if (result(first) >= 0) this.#model.apply(step)
    if (result(first) >= 0) this.#comparer.applied(step)
    return undefined
  }

  #noteKernel(): void {
    const [a, b] = [this.a, this.b].map(side => side.implementation.name === 'kernel')
    this.#comparer.kernelSides = [a ?? false, b ?? false]
  }

  #harness(name: string): Finding | undefined {
    switch (name) {
      case 'check':
        return this.#compareMerged('in between')
      case 'drop-caches':
        // Inodes and dentries: what is looked up next is looked up anew.
        writeFileSync('/proc/sys/vm/drop_caches', '2')
        return undefined
      case 'remount':
        return this.#remount()
      case 'swap': {
        const [first, second] = [this.a.implementation, this.b.implementation]
        return this.#remount(() => {
          this.a.implementation = second
          this.b.implementation = first
          this.#comparer.forgetNumbers()
          this.#noteKernel()
        })
      }
      default:
        throw new Error(`unknown step ${name}`)
    }
  }

  #remount(between?: () => void): Finding | undefined {
    const failed = this.#unmountBoth()
    if (failed) return failed
    between?.()
    this.#model.apply(['*', 'remount'])
    this.#comparer.forgetOpenFiles()
    return this.#mountBoth() ?? this.#compareMerged('after a remount', true)
  }

  #mountBoth(): Finding | undefined {
    for (const side of [this.a, this.b]) {
      try {
        side.mount()
      } catch (error) {
        return {
          kind: `mount fails`,
          text: `${side.implementation.name}: ${message(error)}`,
        }
      }
    }
    return undefined
  }

  #unmountBoth(): Finding | undefined {
    for (const side of [this.a, this.b]) {
      try {
        side.unmount(this.input.tally !== undefined)
      } catch (error) {
        return {
          kind: `unmount fails`,
          text: `${side.implementation.name}: ${message(error)}`,
        }
      }
    }
    return undefined
  }

  #compareMerged(when: string, fresh = false): Finding | undefined {
    const differences = compareTrees(this.a.tree(), this.b.tree(), {
      raw: false,
      births: fresh,
      begin: this.begin,
    })
    this.#comparer.walked()
    return this.#toFinding('merged', when, differences)
  }

  /** The raw uppers, when both sides are unmounted. */
  #compareUppers(): Finding | undefined {
    // Which names of an indexed link are there is each side's own, and so is the mark that such a
    // name leaves on its directory.
    const trees = [this.a, this.b].map(side =>
      withoutSpentMarks(foldIndexedLinks(side.upperTree())),
    )
    const differences = compareTrees(trees[0] ?? [], trees[1] ?? [], {
      raw: true,
      births: true,
      begin: this.begin,
    })
    return this.#toFinding('upper', 'at the end', differences)
  }

  #toFinding(
    tree: string,
    when: string,
    differences: readonly Difference[],
  ): Finding | undefined {
    const { lookPast } = this.input
    const found = differences.filter(({ kind }) => !lookPast?.test(`${tree} ${kind}`))
    const [first] = found
    if (!first) return undefined
    const text = found.slice(0, 12).map(difference => difference.text)
    return { kind: `${tree} ${first.kind}`, text: `${when}:\n  ${text.join('\n  ')}` }
  }
}

function message(error: unknown): string {
  // A program that was ended for its time says nothing: then the error names it.
  const hasSaid = error instanceof Error && 'stderr' in error
  const stderr = hasSaid && typeof error.stderr === 'string' ? error.stderr : ''
  return stderr.trim() || String(error)
}
