// Which of an archive's images is meant. Pure.
import type { Digest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { fullName, parseReference, type Reference } from '../model/reference.js'

export interface Choosable {
  readonly id: Digest
  readonly names: readonly Reference[]
}

/**
 * The image of a name, of an ID or a prefix of it; without one the only image.
 * @param prefix what a command names the archive by, for the error.
 * @throws ImageError `ambiguous` or `not-found`, which list the images.
 */
export function chooseImage<Image extends Choosable>(
  images: readonly Image[],
  ref: string | null,
  archive: string,
  prefix: string,
): Image {
  const [only, ...more] = images
  if (only === undefined) throw new ImageError('malformed', `${archive} has no image`)
  const list = images.map(describe).join(', ')
  if (ref === null) {
    if (more.length === 0) return only
    throw new ImageError(
      'ambiguous',
      `${archive} has several images: ${list}; name one: ${prefix}:NAME`,
    )
  }
  const wanted = namesOf(ref)
  const found = images.filter(
    ({ id, names }) =>
      names.some(name => wanted.includes(fullName(name))) || isIdOf(ref, id),
  )
  const [image, ...others] = found
  if (image !== undefined && others.length === 0) return image
  throw new ImageError(
    image === undefined ? 'not-found' : 'ambiguous',
    image === undefined
      ? `${archive} has no image ${ref}; it has ${list}`
      : `${ref} may be several images of ${archive}; it has ${list}`,
  )
}

/** What a written name may mean: layouts name images by a bare word. */
function namesOf(ref: string): string[] {
  return [ref, `localhost/${ref}`].flatMap(text => {
    try {
      return [fullName(parseReference(text))]
    } catch (error) {
      if (error instanceof ImageError) return []
      throw error
    }
  })
}

function isIdOf(ref: string, id: Digest): boolean {
  const hex = ref.replace(/^sha256:/, '')
  return /^[0-9a-f]{4,64}$/.test(hex) && id.startsWith(`sha256:${hex}`)
}

function describe({ id, names }: Choosable): string {
  return names.length === 0 ? id.slice(7, 19) : names.map(fullName).join(' = ')
}
