// Questions to the person at the terminal (/dev/tty, whatever standard input is). Secrets are not
// shown; the terminal is as it was afterwards, also when the question is broken off.
import * as fs from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { ReadStream } from 'node:tty'
import { ImageError } from '../image/model/errors.js'

/** A line. @throws ImageError `invalid` when there is no terminal, or no answer. */
export function ask(question: string): Promise<string> {
  return onTerminal(question, false)
}

/** A line that is not shown while it is typed. @throws ImageError `invalid`, as `ask`. */
export function askSecret(question: string): Promise<string> {
  return onTerminal(question, true)
}

async function onTerminal(question: string, secret: boolean): Promise<string> {
  const input = openTerminal(question)
  const output = fs.createWriteStream('/dev/tty')
  output.write(question)
  // In terminal mode readline sets the terminal raw and echoes itself, or not.
  const echo = new Writable({
    write: (part: Buffer, _encoding, done) => {
      if (!secret) output.write(part)
      done()
    },
  })
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0 })
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('close', () => reject(new ImageError('invalid', 'no answer')))
      lines.once('SIGINT', () => reject(new ImageError('invalid', 'broken off')))
    })
  } finally {
    lines.close()
    input.destroy()
    output.end('\n')
  }
}

function openTerminal(question: string): ReadStream {
  try {
    return new ReadStream(fs.openSync('/dev/tty', 'r'))
  } catch (error) {
    const what = question.replace(/: $/, '').toLowerCase()
    throw new ImageError(
      'invalid',
      `there is no terminal to ask for the ${what}; use -u and --password-stdin`,
      {},
      error,
    )
  }
}
