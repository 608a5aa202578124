// Extended attributes of one inode, never of what a symlink points to. Values and lists are bytes;
// what an attribute means is none of this file's business.
import { native } from './native.js'

/** The value's length; the value is in the buffer. -ENODATA: none; -ERANGE: buffer too small. */
export const getxattrat = native.getxattrat

/** Sets an attribute; flags XATTR_CREATE, XATTR_REPLACE. */
export const setxattrat = native.setxattrat

/** NUL-separated names and their length. */
export const listxattrat = native.listxattrat

/** Which of many names have an attribute that begins with a prefix; see native.ts. */
export const xattrPrefixBatch = native.xattrPrefixBatch

/** Removes an attribute; -ENODATA: there is none. */
export const removexattrat = native.removexattrat
