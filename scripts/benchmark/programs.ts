// The benchmark's own programs in C: the client that does the work, and the floor.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'

const FOLDER = path.join('.build', 'benchmark')
const SOURCES = path.join('scripts', 'benchmark')
const STRICT = ['-O2', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE']

export interface Programs {
  readonly client: string
  readonly floor: string
}

export function compilePrograms(): Programs {
  fs.mkdirSync(FOLDER, { recursive: true })
  return {
    client: compile('client', path.join(SOURCES, 'client')),
    floor: compile('floor', path.join(SOURCES, 'floor')),
  }
}

function compile(name: string, folder: string): string {
  const program = path.resolve(FOLDER, name)
  const sources = fs
    .readdirSync(folder)
    .filter(file => file.endsWith('.c'))
    .map(file => path.join(folder, file))
  execFileSync('gcc', [...STRICT, '-o', program, ...sources, '-lpthread'])
  return program
}
