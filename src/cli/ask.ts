// Questions to the person at the terminal (/dev/tty, whatever standard input is). Secrets are not
// shown; the terminal is as it was afterwards, also when a question is broken off.
import * as fs from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { ReadStream, WriteStream } from 'node:tty'
import { ImageError } from '../image/model/errors.js'

export class Terminal {
  private readonly input: ReadStream
  private readonly output: WriteStream
  private readonly lines: Interface
  /** Lines in their order, also those that are typed before they are asked for. */
  private readonly typed: AsyncIterator<string>
  private secret = false

  private constructor(descriptor: number) {
    this.input = new ReadStream(descriptor)
    this.output = new WriteStream(fs.openSync('/dev/tty', 'w'))
    // In terminal mode readline takes the echo away from the terminal and does it itself.
    const echo = new Writable({
      write: (part: Buffer, _encoding, done) => {
        if (!this.secret) this.output.write(part)
        done()
      },
    })
    const { input } = this
    this.lines = createInterface({ input, output: echo, terminal: true, historySize: 0 })
    this.lines.on('SIGINT', () => this.lines.close())
    this.typed = this.lines[Symbol.asyncIterator]()
  }

  /** @param remedy what to do where there is none. @throws ImageError `invalid` then. */
  static open(remedy: string): Terminal {
    try {
      return new Terminal(fs.openSync('/dev/tty', 'r'))
    } catch (error) {
      throw new ImageError(
        'invalid',
        `there is no terminal to ask at; ${remedy}`,
        {},
        error,
      )
    }
  }

  /** A line. @throws ImageError `invalid` when it is broken off. */
  async ask(question: string): Promise<string> {
    this.output.write(question)
    const line = await this.typed.next()
    if (line.done === true) throw new ImageError('invalid', 'there was no answer')
    return line.value
  }

  /** A line that is not shown while it is typed. @throws ImageError, as `ask`. */
  async askSecret(question: string): Promise<string> {
    this.secret = true
    try {
      return await this.ask(question)
    } finally {
      this.secret = false
      this.output.write('\n')
    }
  }

  close(): void {
    this.lines.close()
    this.input.destroy()
    this.output.destroy()
  }
}
