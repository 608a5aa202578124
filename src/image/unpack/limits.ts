// What an unpacked layer may be at most. Far above what images hold; a caller may allow more.
import { defaultTarLimits, type TarLimits } from '../../tar/limits.js'

export interface UnpackLimits extends TarLimits {
  /** Directories above a name. */
  readonly depth: number
}

export const defaultUnpackLimits: UnpackLimits = { ...defaultTarLimits, depth: 512 }
