// Programs that are refused some system calls, by test/fixtures/refuse-calls.c.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SOURCE = new URL('../fixtures/refuse-calls.c', import.meta.url)

/**
 * The words to put before a command.
 * @param folder to compile the filter into.
 * @param which as the program's source explains them.
 */
export function refusing(
  folder: string,
  which: 'devices' | 'old-kernel' | 'fsconfig' | 'unmount' | 'writing-out',
): [program: string, which: string] {
  const program = `${folder}/refuse-calls`
  execFileSync('cc', ['-Wall', '-Werror', '-o', program, fileURLToPath(SOURCE)])
  return [program, which]
}
