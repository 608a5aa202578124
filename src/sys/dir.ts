// Reading directories as the kernel writes them. What the records say is decoded elsewhere.
import { native } from './native.js'

/** getdents64(2): raw records; the bytes of them, 0 at the end. */
export const getdents64 = native.getdents64
