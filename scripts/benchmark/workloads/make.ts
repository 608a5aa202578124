// Building a C project with `make -j4` in two mounts at once: what compilers do is small reads,
// look-ups of headers in many places, and new files.
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { performance } from 'node:perf_hooks'
import { cpuSeconds } from '../../processes/marked.js'
import { settle } from '../disk.js'
import type { Driver, Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import { onMount } from '../measure.js'
import type { Stage } from '../stage.js'
import { atMost } from '../targets.js'
import { inTurn } from '../turns.js'
import type { Workload } from './workload.js'

const TITLE = 'make -j4 of a C project in two mounts at once'
const SOURCES = 40
const HEADERS = 80
const LIMIT_MS = 300_000

export const make: Workload = {
  name: 'make',
  ids: ['P13'],
  async run(turn) {
    if (!turn.modes.includes('rw')) return []
    const figures: Figure[] = []
    for (const driver of inTurn(turn, ['kernel', 'plyfs'])) {
      settle(turn.stage.disk)
      try {
        figures.push(await buildTwice(driver, turn.stage))
      } catch (error) {
        turn.failed(driver.name, TITLE, error)
      }
    }
    return figures
  },
  targets: () => [atMost('P13', TITLE, 'rw', 1.5, 'kernel')],
}

async function buildTwice(driver: Driver, stage: Stage): Promise<Figure> {
  const project = makeProject(stage)
  const [first, second] = [mountOf(stage, project, 1), mountOf(stage, project, 2)]
  return onMount(driver, first, 'rw', [], one =>
    onMount(driver, second, 'rw', [], async two => {
      const before = cpuSeconds(one.mark) + cpuSeconds(two.mark)
      const started = performance.now()
      await Promise.all([build(one.at), build(two.at)])
      return {
        row: 'P13',
        title: TITLE,
        mode: 'rw',
        driver: driver.name,
        value: (performance.now() - started) / 1000,
        unit: 's',
        clientCpu: 0,
        serverCpu: cpuSeconds(one.mark) + cpuSeconds(two.mark) - before,
        proof: `${objects(one.at) + objects(two.at)} objects`,
        untimed: false,
      }
    }),
  )
}

async function build(root: string): Promise<void> {
  const child = spawn('make', ['-s', '-j4', '-C', path.join(root, 'project')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`make ended with status ${status}`)
}

function objects(root: string): number {
  const names = fs.readdirSync(path.join(root, 'project'))
  return names.filter(name => name.endsWith('.o')).length
}

function mountOf(stage: Stage, project: string, number: number): Layers {
  const folder = stage.folder(`make${number}`)
  const layers: Layers = {
    lowers: [project, path.join(project, '..', 'make-empty')],
    merged: project,
    upper: path.join(folder, 'upper'),
    work: path.join(folder, 'work'),
    mountPoint: path.join(folder, 'mnt'),
  }
  fs.mkdirSync(layers.mountPoint)
  return layers
}

/** Sources that include many headers, through a path of several directories. */
function makeProject(stage: Stage): string {
  const layer = path.join(stage.disk, 'make-layer')
  if (fs.existsSync(layer)) return layer
  fs.mkdirSync(path.join(stage.disk, 'make-empty'))
  const project = path.join(layer, 'project')
  const folders = ['include', 'include/base', 'include/more']
  for (const folder of folders)
    fs.mkdirSync(path.join(project, folder), { recursive: true })
  const headers = Array.from({ length: HEADERS }, (_, i) => `h${i}.h`)
  headers.forEach((name, i) => {
    const text = `#pragma once\nstatic inline int h${i}(int x) { return x * ${i} + 1; }\n`
    fs.writeFileSync(path.join(project, folders[i % folders.length] ?? '', name), text)
  })
  const includes = headers.map(name => `#include "${name}"`).join('\n')
  const calls = headers.map((_, i) => `x = h${i}(x);`).join(' ')
  const sources = SOURCES / stage.sizes.size.divisor
  for (let i = 0; i < sources; i++) {
    const text = `#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n${includes}\nint f${i}(int x) { ${calls} return x; }\n`
    fs.writeFileSync(path.join(project, `f${i}.c`), text)
  }
  const objects = Array.from({ length: sources }, (_, i) => `f${i}.o`).join(' ')
  const flags = folders.map(folder => `-I${folder}`).join(' ')
  const rules = `CFLAGS = -O1 ${flags}\nlib.a: ${objects}\n\tar rcs $@ $^\n`
  fs.writeFileSync(path.join(project, 'Makefile'), rules)
  return layer
}
