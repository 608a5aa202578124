// What the program says of itself: one line a record, on standard error until the mount serves.
// Silent below `level`; it never throws, since it is called where errors end.
import { writeSync } from 'node:fs'

export type Level = 'error' | 'warn' | 'info' | 'debug'

const order: readonly Level[] = ['error', 'warn', 'info', 'debug']

class Log {
  private threshold = order.indexOf('warn')
  private prefix = 'plyfs'

  /** Records up to `level` are written. */
  setLevel(level: Level): void {
    this.threshold = order.indexOf(level)
  }

  setPrefix(prefix: string): void {
    this.prefix = prefix
  }

  error(message: string, cause?: unknown): void {
    this.write('error', message, cause)
  }
  warn(message: string): void {
    this.write('warn', message)
  }
  info(message: string): void {
    this.write('info', message)
  }
  debug(message: string): void {
    this.write('debug', message)
  }

  private write(level: Level, message: string, cause?: unknown): void {
    if (order.indexOf(level) > this.threshold) return
    const stack =
      cause instanceof Error && this.threshold >= 3 ? `\n${cause.stack ?? ''}` : ''
    try {
      writeSync(2, `${this.prefix}: ${message}${stack}\n`)
    } catch {
      // Nobody listens on standard error any more; there is nowhere else to say so.
    }
  }
}

export const log = new Log()
