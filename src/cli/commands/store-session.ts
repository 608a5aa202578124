// What the verbs on the store have in common: opening it with the names of registries.conf.
import { loadConfiguration } from '../../image/config/configuration.js'
import { currentEnvironment } from '../../image/config/environment.js'
import { candidateReferences } from '../../image/config/short-names.js'
import type { NameRules } from '../../image/model/name-rules.js'
import { fullName, parseReference, splitReference } from '../../image/model/reference.js'
import { Store } from '../../image/store/store.js'
import { printError } from '../output.js'

export interface StoreFlags {
  readonly root?: string
}

/** The store of `--root`, or the user's; made when it is not there. @throws ImageError. */
export function openStore({ root }: StoreFlags): Promise<Store> {
  return Store.open({
    create: true,
    names: localNames(),
    ...(root === undefined ? {} : { root }),
  })
}

/**
 * What a name may mean among images that are here: what it may mean elsewhere, then Docker Hub,
 * under which archives have their names, and localhost, under which others build.
 */
function localNames(): NameRules {
  // No choice is asked for: what is here is known.
  const settings = {
    ...loadConfiguration(currentEnvironment()),
    shortNameMode: 'permissive' as const,
  }
  return {
    candidates: text => {
      const found = [...candidateReferences(text, settings), parseReference(text)]
      if (splitReference(text).host === undefined)
        found.push(parseReference(`localhost/${text}`))
      return [...new Map(found.map(one => [fullName(one), one])).values()]
    },
  }
}

/** Told once, when another command has the store. */
export function tellWaiting(): void {
  printError('plyfs: waiting for another command that uses the store')
}
