// Every offset and size in src/fuse/abi/structs.ts is the C compiler's. There a structure's size
// is `size`, and a field of that name `size_`.
import t from 'tap'
import * as structs from '../../src/fuse/abi/structs.js'
import { native, ST, STAT_WORDS } from '../../src/sys/native.js'

const abi = native.abi()

/** The protocol's structures that a server of a disk filesystem meets. */
const NEEDED = [
  'fuse_attr',
  'fuse_kstatfs',
  'fuse_in_header',
  'fuse_out_header',
  'fuse_init_in',
  'fuse_init_out',
  'fuse_entry_out',
  'fuse_attr_out',
  'fuse_open_in',
  'fuse_open_out',
  'fuse_create_in',
  'fuse_read_in',
  'fuse_write_in',
  'fuse_write_out',
  'fuse_release_in',
  'fuse_setattr_in',
  'fuse_getattr_in',
  'fuse_mknod_in',
  'fuse_mkdir_in',
  'fuse_rename_in',
  'fuse_rename2_in',
  'fuse_link_in',
  'fuse_getxattr_in',
  'fuse_getxattr_out',
  'fuse_setxattr_in',
  'fuse_fsync_in',
  'fuse_fallocate_in',
  'fuse_lseek_in',
  'fuse_lseek_out',
  'fuse_copy_file_range_in',
  'fuse_copy_file_range_out',
  'fuse_ioctl_in',
  'fuse_ioctl_out',
  'fuse_dirent',
  'fuse_direntplus',
  'fuse_forget_in',
  'fuse_forget_one',
  'fuse_batch_forget_in',
  'fuse_interrupt_in',
  'fuse_statx_in',
  'fuse_statx_out',
  'fuse_statx',
  'fuse_sx_time',
  'fuse_backing_map',
  'fuse_notify_inval_inode_out',
  'fuse_notify_inval_entry_out',
  'fuse_notify_delete_out',
  'fuse_notify_store_out',
  'fuse_notify_retrieve_out',
  'fuse_notify_prune_out',
]

t.test('the addon knows the structures', async t => {
  for (const name of NEEDED) {
    const structure = abi[name]
    t.ok(structure !== undefined && structure.size > 0, name)
    for (const [field, [offset, size]] of Object.entries(structure?.fields ?? {})) {
      t.ok(offset + size <= (structure?.size ?? 0), `${name}.${field} lies inside`)
    }
  }
  t.strictSame(abi['fuse_in_header']?.fields['unique'], [8, 8])
  t.equal(abi['fuse_init_out']?.size, 64)
})

t.test('structs.ts', async t => {
  for (const [name, structure] of Object.entries(structs)) {
    if (!name.startsWith('fuse_')) continue
    const real = abi[name]
    if (real === undefined) {
      t.fail(`${name} is no structure of the kernel`)
      continue
    }
    for (const [field, value] of Object.entries(structure as Record<string, number>)) {
      if (field === 'size') t.equal(value, real.size, `sizeof ${name}`)
      else t.equal(value, real.fields[field.replace(/_$/, '')]?.[0], `${name}.${field}`)
    }
  }
})

t.test('a stat record begins as fuse_attr', async t => {
  const fields = abi['fuse_attr']?.fields ?? {}
  const renamed: Record<string, string> = { atimeNsec: 'atimensec' }
  for (const name of Object.keys(ST)) {
    const field = renamed[name] ?? name.replace('Nsec', 'nsec')
    if (fields[field] !== undefined) {
      t.equal(ST[name as keyof typeof ST] * 4, fields[field][0], name)
    }
  }
  t.equal(ST.dev * 4, abi['fuse_attr']?.size)
  t.equal(ST.mask, STAT_WORDS - 1)
})
