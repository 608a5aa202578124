// File handles and the identity of filesystems, as the index and `origin` of an overlay need them.
import { native } from './native.js'

/** name_to_handle_at(2): bytes used in `handle`; `out[0]` is the mount id. */
export const name_to_handle_at = native.name_to_handle_at

/** open_by_handle_at(2); needs CAP_DAC_READ_SEARCH; -ESTALE: the file is gone. */
export const open_by_handle_at = native.open_by_handle_at

/** FS_IOC_GETFSUUID (Linux 6.9): length of the UUID; -ENOTTY where there is none. */
export const getfsuuid = native.getfsuuid
