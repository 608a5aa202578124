// From `-o` strings to a request. Says what was asked for, in any form of the command; sets no
// default and looks at no file.
import { MountError } from './mount-error.js'
import { emptyRequest, type MountRequest } from './mount-request.js'
import { optionRule } from './option-table.js'
import { splitOptions } from './tokens.js'

/** What becomes of an option that nobody knows. */
export type UnknownOptions = 'refuse' | 'collect'

/**
 * All `-o` strings of a command, in their order, as one request. Throws a MountError that names
 * the option. With `collect`, unknown options are left in `request.unknown`.
 */
export function parseOptions(
  texts: readonly string[],
  unknown: UnknownOptions,
): MountRequest {
  const request = emptyRequest()
  for (const token of texts.flatMap(splitOptions)) {
    const rule = optionRule(token.name)
    if (rule !== undefined) rule(request, token.value, token.name)
    else if (unknown === 'collect') request.unknown.push(token.text)
    else {
      throw new MountError(
        `option ${token.text} is not known`,
        "leave it out; 'plyfs help mount' lists the options",
      )
    }
  }
  return request
}
