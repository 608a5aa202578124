// Lines on stdout and stderr. Text is latin1, a character a byte, so that names that are not UTF-8
// are printed as they are.
import { writeSync } from 'node:fs'

export function printLine(line: string): void {
  write(1, `${line}\n`)
}

export function printError(line: string): void {
  write(2, `${line}\n`)
}

/** Text of our own or of a library, which is not latin1 but text. */
export function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** All of it, also to a pipe that takes only a part; a pipe that nobody reads takes nothing. */
function write(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
    }
  }
}
