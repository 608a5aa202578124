// How the value of one option is understood: the few kinds of option there are. Each function
// makes a rule; the table of rules by name is option-table.ts.
import { MountError } from './mount-error.js'
import type { MountRequest } from './mount-request.js'

/** Puts one option into the request. `value` is null where the option has no `=`. */
export type OptionRule = (
  request: MountRequest,
  value: string | null,
  name: string,
) => void

/** An option that is on by being there; `=0`, `=off` and the like take it back. */
export function flag(set: (request: MountRequest, on: boolean) => void): OptionRule {
  return (request, value, name) => set(request, value === null || isOn(name, value))
}

/** `on` or `off`, said in full. */
export function onOff(set: (request: MountRequest, on: boolean) => void): OptionRule {
  return (request, value, name) => set(request, isOn(name, value))
}

/** One word of a list. */
export function choice<const Word extends string>(
  words: readonly Word[],
  set: (request: MountRequest, word: Word) => void,
): OptionRule {
  return (request, value, name) => {
    const word = words.find(each => each === value)
    if (word === undefined) throw notUnderstood(name, value, words)
    set(request, word)
  }
}

/** A whole number in decimal, within bounds. */
export function integer(
  least: number,
  most: number,
  set: (request: MountRequest, value: number) => void,
): OptionRule {
  return (request, value, name) => {
    const number = value !== null && /^[0-9]{1,16}$/.test(value) ? Number(value) : -1
    if (number < least || number > most) {
      throw new MountError(
        `option ${written(name, value)} needs a number from ${least} to ${most}`,
        'correct it or leave it out',
      )
    }
    set(request, number)
  }
}

/** Text that is understood later. */
export function text(set: (request: MountRequest, value: string) => void): OptionRule {
  return (request, value, name) => {
    if (value === null) {
      throw new MountError(`option ${name} has no value`, `write ${name}=VALUE`)
    }
    set(request, value)
  }
}

/** Bits of mount(2): `on` are set, `off` are taken away; the later option wins. */
export function mountFlags(on: number, off: number): OptionRule {
  return request => {
    request.flagsOn = (request.flagsOn & ~off) | on
    request.flagsOff = (request.flagsOff & ~on) | off
  }
}

/** An option that others need and that changes nothing here. */
export const accepted: OptionRule = () => undefined

/** An option whose meaning cannot be had. */
export function refused(cause: string, remedy: string): OptionRule {
  return (_request, _value, name) => {
    throw new MountError(`option ${name}: ${cause}`, remedy)
  }
}

function isOn(name: string, value: string | null): boolean {
  if (value === 'on' || value === '1') return true
  if (value === 'off' || value === '0') return false
  throw notUnderstood(name, value, ['on', 'off'])
}

function notUnderstood(
  name: string,
  value: string | null,
  words: readonly string[],
): MountError {
  const allowed = words.map(word => `${name}=${word}`).join(', ')
  return new MountError(
    `option ${written(name, value)} is not understood`,
    `write one of ${allowed}`,
  )
}

function written(name: string, value: string | null): string {
  return value === null ? name : `${name}=${value}`
}
