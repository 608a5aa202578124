// Signals by name or number, as `kill`, `stop` and a config's StopSignal have them.
import { constants } from 'node:os'
import { ContainerError } from './container-error.js'

/** Linux's real-time signals begin here (signal(7)). */
const SIGRTMIN = 34
const SIGRTMAX = 64

/** The number. Throws a ContainerError. */
export function signalNumber(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '')
  if (/^\d+$/.test(name) && Number(name) >= 1 && Number(name) <= SIGRTMAX)
    return Number(name)
  const [, base, sign, offset] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? []
  if (base !== undefined) {
    const from = base === 'MIN' ? SIGRTMIN : SIGRTMAX
    const number = from + Number(`${sign ?? '+'}${offset ?? '0'}`)
    if (number >= SIGRTMIN && number <= SIGRTMAX) return number
  }
  const known = Object.entries(constants.signals).find(([one]) => one === `SIG${name}`)
  if (known !== undefined) return known[1]
  throw new ContainerError(`Invalid signal: ${text}`)
}
