// The command's arguments as bytes. Node decodes them as UTF-8 and loses names that are not; the
// kernel still has them.
import { readFileSync } from 'node:fs'

/** What follows the script's name, as latin1 strings. */
export function rawArguments(): string[] {
  return lastWords(
    readFileSync('/proc/self/cmdline', 'latin1'),
    Math.max(process.argv.length - 2, 0),
  )
}

/** The last `count` of the NUL-terminated words of /proc/PID/cmdline (proc_pid_cmdline(5)). */
export function lastWords(cmdline: string, count: number): string[] {
  const words = cmdline.split('\0').slice(0, -1)
  return count === 0 ? [] : words.slice(-count)
}
