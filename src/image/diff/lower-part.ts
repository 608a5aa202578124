// What an object of an upper layer is merged with in the layers below, or has its data from
// (ovl_lookup, ovl_check_redirect): the object of its name, or the one its redirect names.
import type { LayerStack, StackDirectory, StackObject } from '../../layer/layer-stack.js'
import type { UpperObject } from '../../layer/read-upper.js'

/**
 * @param beside the lower directory of the object's own, asked for where it is needed.
 * @throws FsError
 */
export function lowerPart(
  stack: LayerStack,
  beside: () => StackDirectory | undefined,
  { name, redirect }: UpperObject,
): StackObject | undefined {
  if (redirect?.startsWith('/') !== true) {
    const directory = beside()
    return directory && stack.lookup(directory, redirect ?? name)
  }
  let at = stack.root()
  let found: StackObject | undefined
  for (const component of redirect.split('/').filter(part => part !== '')) {
    found = at && stack.lookup(at, component)
    at = found?.directory
  }
  return found
}
