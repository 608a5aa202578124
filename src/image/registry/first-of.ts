// The first of several places that has what is wanted.
import { ImageError } from '../model/errors.js'

/**
 * Tries places in order. What is not there, refused or out of reach is looked for at the next one;
 * any other failure ends the search.
 * @throws the only place's error, or one ImageError that tells of all.
 */
export async function firstOf<P, T>(
  places: readonly P[],
  attempt: (place: P) => Promise<T>,
): Promise<T> {
  const errors: ImageError[] = []
  for (const place of places) {
    try {
      return await attempt(place)
    } catch (error) {
      if (!(error instanceof ImageError) || !isPassable(error)) throw error
      errors.push(error)
    }
  }
  const [first, second] = errors
  if (first === undefined) throw new Error('there was no place to try')
  if (second === undefined) throw first
  // The last one is the registry itself, after its mirrors.
  const last = errors.at(-1) ?? first
  const messages = errors.map(({ message }) => message)
  throw new ImageError(last.code, messages.join('\n  '), last.place)
}

function isPassable({ code }: ImageError): boolean {
  return ['not-found', 'unauthorized', 'network', 'registry'].includes(code)
}
