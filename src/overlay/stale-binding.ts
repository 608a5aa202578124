// An upper with an index belongs to its lowers, and the index to its upper (ovl_verify_origin).
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'

/** ESTALE: the layers were used with others before. `message` is the cause alone. */
export class StaleBinding extends FsError {
  readonly remedy = 'use the same layers, or mount with index=off'

  constructor(cause: string) {
    super(E.ESTALE, 'index')
    this.message = cause
  }
}
