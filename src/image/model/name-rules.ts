// Which images a written name may mean. Docker knows one way; registries.conf adds short names and
// search registries, which whoever reads that file brings in.
import { parseReference, type Reference } from './reference.js'

export interface NameRules {
  /**
   * What a text may mean, the likeliest first; never empty.
   * @throws ImageError `invalid`.
   */
  candidates(text: string): readonly Reference[]
}

/** docker.io, `library/`, `latest`. */
export const dockerNames: NameRules = { candidates: text => [parseReference(text)] }
