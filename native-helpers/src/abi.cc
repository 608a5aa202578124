// Sizes and offsets of the kernel's FUSE structures, as this compiler sees them, for the test of
// src/fuse/abi/structs.ts. Read from the system's linux/fuse.h; what that may lack comes from
// fuse_recent.h and is added under the same C name.
#include <cstddef>
#include <type_traits>

#include "addon.h"
#include "fuse_recent.h"
#include "result.h"

// Adds the fields of one structure to `fields`.
class StructureTable {
 public:
  StructureTable(napi_env env, napi_value all) : env_(env), all_(all) {}

  void structure(const char* name, size_t size) {
    bool known = false;
    napi_has_named_property(env_, all_, name, &known);
    if (known) {
      napi_value entry = nullptr;
      napi_get_named_property(env_, all_, name, &entry);
      napi_get_named_property(env_, entry, "fields", &fields_);
      return;
    }
    napi_value entry = nullptr;
    napi_create_object(env_, &entry);
    napi_create_object(env_, &fields_);
    napi_set_named_property(env_, entry, "size", toNumber(env_, static_cast<int64_t>(size)));
    napi_set_named_property(env_, entry, "fields", fields_);
    napi_set_named_property(env_, all_, name, entry);
  }

  void field(const char* name, size_t offset, size_t size) {
    napi_value pair = nullptr;
    napi_create_array_with_length(env_, 2, &pair);
    napi_set_element(env_, pair, 0, toNumber(env_, static_cast<int64_t>(offset)));
    napi_set_element(env_, pair, 1, toNumber(env_, static_cast<int64_t>(size)));
    napi_set_named_property(env_, fields_, name, pair);
  }

 private:
  napi_env env_;
  napi_value all_;
  napi_value fields_ = nullptr;
};

// The size of a member; 0 for an array without a length, with which a structure ends.
template <class Member>
constexpr size_t memberSize() {
  if constexpr (std::is_unbounded_array_v<Member>) {
    return 0;
  } else {
    return sizeof(Member);
  }
}

// A field that a later header renamed or took away is left out.
#define FIELD(name)                                                             \
  [&]<class S>(S*) {                                                            \
    if constexpr (requires { &S::name; }) {                                     \
      table.field(#name, offsetof(S, name), memberSize<decltype(S::name)>());   \
    }                                                                           \
  }(static_cast<Structure*>(nullptr))

// include/uapi/linux/fuse.h as installed (protocol 7.38 on Debian 12).
static void addSystem(StructureTable& table) {
  {
    using Structure = struct ::fuse_attr;
    table.structure("fuse_attr", sizeof(Structure));
    FIELD(ino);
    FIELD(size);
    FIELD(blocks);
    FIELD(atime);
    FIELD(mtime);
    FIELD(ctime);
    FIELD(atimensec);
    FIELD(mtimensec);
    FIELD(ctimensec);
    FIELD(mode);
    FIELD(nlink);
    FIELD(uid);
    FIELD(gid);
    FIELD(rdev);
    FIELD(blksize);
    FIELD(flags);
  }
  {
    using Structure = struct ::fuse_kstatfs;
    table.structure("fuse_kstatfs", sizeof(Structure));
    FIELD(blocks);
    FIELD(bfree);
    FIELD(bavail);
    FIELD(files);
    FIELD(ffree);
    FIELD(bsize);
    FIELD(namelen);
    FIELD(frsize);
    FIELD(padding);
    FIELD(spare);
  }
  {
    using Structure = struct ::fuse_file_lock;
    table.structure("fuse_file_lock", sizeof(Structure));
    FIELD(start);
    FIELD(end);
    FIELD(type);
    FIELD(pid);
  }
  {
    using Structure = struct ::fuse_entry_out;
    table.structure("fuse_entry_out", sizeof(Structure));
    FIELD(nodeid);
    FIELD(generation);
    FIELD(entry_valid);
    FIELD(attr_valid);
    FIELD(entry_valid_nsec);
    FIELD(attr_valid_nsec);
    FIELD(attr);
  }
  {
    using Structure = struct ::fuse_forget_in;
    table.structure("fuse_forget_in", sizeof(Structure));
    FIELD(nlookup);
  }
  {
    using Structure = struct ::fuse_forget_one;
    table.structure("fuse_forget_one", sizeof(Structure));
    FIELD(nodeid);
    FIELD(nlookup);
  }
  {
    using Structure = struct ::fuse_batch_forget_in;
    table.structure("fuse_batch_forget_in", sizeof(Structure));
    FIELD(count);
    FIELD(dummy);
  }
  {
    using Structure = struct ::fuse_getattr_in;
    table.structure("fuse_getattr_in", sizeof(Structure));
    FIELD(getattr_flags);
    FIELD(dummy);
    FIELD(fh);
  }
  {
    using Structure = struct ::fuse_attr_out;
    table.structure("fuse_attr_out", sizeof(Structure));
    FIELD(attr_valid);
    FIELD(attr_valid_nsec);
    FIELD(dummy);
    FIELD(attr);
  }
  {
    using Structure = struct ::fuse_mknod_in;
    table.structure("fuse_mknod_in", sizeof(Structure));
    FIELD(mode);
    FIELD(rdev);
    FIELD(umask);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_mkdir_in;
    table.structure("fuse_mkdir_in", sizeof(Structure));
    FIELD(mode);
    FIELD(umask);
  }
  {
    using Structure = struct ::fuse_rename_in;
    table.structure("fuse_rename_in", sizeof(Structure));
    FIELD(newdir);
  }
  {
    using Structure = struct ::fuse_rename2_in;
    table.structure("fuse_rename2_in", sizeof(Structure));
    FIELD(newdir);
    FIELD(flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_link_in;
    table.structure("fuse_link_in", sizeof(Structure));
    FIELD(oldnodeid);
  }
  {
    using Structure = struct ::fuse_setattr_in;
    table.structure("fuse_setattr_in", sizeof(Structure));
    FIELD(valid);
    FIELD(padding);
    FIELD(fh);
    FIELD(size);
    FIELD(lock_owner);
    FIELD(atime);
    FIELD(mtime);
    FIELD(ctime);
    FIELD(atimensec);
    FIELD(mtimensec);
    FIELD(ctimensec);
    FIELD(mode);
    FIELD(unused4);
    FIELD(uid);
    FIELD(gid);
    FIELD(unused5);
  }
  {
    using Structure = struct ::fuse_open_in;
    table.structure("fuse_open_in", sizeof(Structure));
    FIELD(flags);
    FIELD(open_flags);
  }
  {
    using Structure = struct ::fuse_create_in;
    table.structure("fuse_create_in", sizeof(Structure));
    FIELD(flags);
    FIELD(mode);
    FIELD(umask);
    FIELD(open_flags);
  }
  {
    using Structure = struct ::fuse_open_out;
    table.structure("fuse_open_out", sizeof(Structure));
    FIELD(fh);
    FIELD(open_flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_release_in;
    table.structure("fuse_release_in", sizeof(Structure));
    FIELD(fh);
    FIELD(flags);
    FIELD(release_flags);
    FIELD(lock_owner);
  }
  {
    using Structure = struct ::fuse_flush_in;
    table.structure("fuse_flush_in", sizeof(Structure));
    FIELD(fh);
    FIELD(unused);
    FIELD(padding);
    FIELD(lock_owner);
  }
  {
    using Structure = struct ::fuse_read_in;
    table.structure("fuse_read_in", sizeof(Structure));
    FIELD(fh);
    FIELD(offset);
    FIELD(size);
    FIELD(read_flags);
    FIELD(lock_owner);
    FIELD(flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_write_in;
    table.structure("fuse_write_in", sizeof(Structure));
    FIELD(fh);
    FIELD(offset);
    FIELD(size);
    FIELD(write_flags);
    FIELD(lock_owner);
    FIELD(flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_write_out;
    table.structure("fuse_write_out", sizeof(Structure));
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_statfs_out;
    table.structure("fuse_statfs_out", sizeof(Structure));
    FIELD(st);
  }
  {
    using Structure = struct ::fuse_fsync_in;
    table.structure("fuse_fsync_in", sizeof(Structure));
    FIELD(fh);
    FIELD(fsync_flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_setxattr_in;
    table.structure("fuse_setxattr_in", sizeof(Structure));
    FIELD(size);
    FIELD(flags);
    FIELD(setxattr_flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_getxattr_in;
    table.structure("fuse_getxattr_in", sizeof(Structure));
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_getxattr_out;
    table.structure("fuse_getxattr_out", sizeof(Structure));
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_lk_in;
    table.structure("fuse_lk_in", sizeof(Structure));
    FIELD(fh);
    FIELD(owner);
    FIELD(lk);
    FIELD(lk_flags);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_lk_out;
    table.structure("fuse_lk_out", sizeof(Structure));
    FIELD(lk);
  }
  {
    using Structure = struct ::fuse_access_in;
    table.structure("fuse_access_in", sizeof(Structure));
    FIELD(mask);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_init_in;
    table.structure("fuse_init_in", sizeof(Structure));
    FIELD(major);
    FIELD(minor);
    FIELD(max_readahead);
    FIELD(flags);
    FIELD(flags2);
    FIELD(unused);
  }
  {
    using Structure = struct ::fuse_init_out;
    table.structure("fuse_init_out", sizeof(Structure));
    FIELD(major);
    FIELD(minor);
    FIELD(max_readahead);
    FIELD(flags);
    FIELD(max_background);
    FIELD(congestion_threshold);
    FIELD(max_write);
    FIELD(time_gran);
    FIELD(max_pages);
    FIELD(map_alignment);
    FIELD(flags2);
    FIELD(unused);
  }
  {
    using Structure = struct ::cuse_init_in;
    table.structure("cuse_init_in", sizeof(Structure));
    FIELD(major);
    FIELD(minor);
    FIELD(unused);
    FIELD(flags);
  }
  {
    using Structure = struct ::cuse_init_out;
    table.structure("cuse_init_out", sizeof(Structure));
    FIELD(major);
    FIELD(minor);
    FIELD(unused);
    FIELD(flags);
    FIELD(max_read);
    FIELD(max_write);
    FIELD(dev_major);
    FIELD(dev_minor);
    FIELD(spare);
  }
  {
    using Structure = struct ::fuse_interrupt_in;
    table.structure("fuse_interrupt_in", sizeof(Structure));
    FIELD(unique);
  }
  {
    using Structure = struct ::fuse_bmap_in;
    table.structure("fuse_bmap_in", sizeof(Structure));
    FIELD(block);
    FIELD(blocksize);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_bmap_out;
    table.structure("fuse_bmap_out", sizeof(Structure));
    FIELD(block);
  }
  {
    using Structure = struct ::fuse_ioctl_in;
    table.structure("fuse_ioctl_in", sizeof(Structure));
    FIELD(fh);
    FIELD(flags);
    FIELD(cmd);
    FIELD(arg);
    FIELD(in_size);
    FIELD(out_size);
  }
  {
    using Structure = struct ::fuse_ioctl_iovec;
    table.structure("fuse_ioctl_iovec", sizeof(Structure));
    FIELD(base);
    FIELD(len);
  }
  {
    using Structure = struct ::fuse_ioctl_out;
    table.structure("fuse_ioctl_out", sizeof(Structure));
    FIELD(result);
    FIELD(flags);
    FIELD(in_iovs);
    FIELD(out_iovs);
  }
  {
    using Structure = struct ::fuse_poll_in;
    table.structure("fuse_poll_in", sizeof(Structure));
    FIELD(fh);
    FIELD(kh);
    FIELD(flags);
    FIELD(events);
  }
  {
    using Structure = struct ::fuse_poll_out;
    table.structure("fuse_poll_out", sizeof(Structure));
    FIELD(revents);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_notify_poll_wakeup_out;
    table.structure("fuse_notify_poll_wakeup_out", sizeof(Structure));
    FIELD(kh);
  }
  {
    using Structure = struct ::fuse_fallocate_in;
    table.structure("fuse_fallocate_in", sizeof(Structure));
    FIELD(fh);
    FIELD(offset);
    FIELD(length);
    FIELD(mode);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_in_header;
    table.structure("fuse_in_header", sizeof(Structure));
    FIELD(len);
    FIELD(opcode);
    FIELD(unique);
    FIELD(nodeid);
    FIELD(uid);
    FIELD(gid);
    FIELD(pid);
    FIELD(total_extlen);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_out_header;
    table.structure("fuse_out_header", sizeof(Structure));
    FIELD(len);
    FIELD(error);
    FIELD(unique);
  }
  {
    using Structure = struct ::fuse_dirent;
    table.structure("fuse_dirent", sizeof(Structure));
    FIELD(ino);
    FIELD(off);
    FIELD(namelen);
    FIELD(type);
    FIELD(name);
  }
  {
    using Structure = struct ::fuse_direntplus;
    table.structure("fuse_direntplus", sizeof(Structure));
    FIELD(entry_out);
    FIELD(dirent);
  }
  {
    using Structure = struct ::fuse_notify_inval_inode_out;
    table.structure("fuse_notify_inval_inode_out", sizeof(Structure));
    FIELD(ino);
    FIELD(off);
    FIELD(len);
  }
  {
    using Structure = struct ::fuse_notify_inval_entry_out;
    table.structure("fuse_notify_inval_entry_out", sizeof(Structure));
    FIELD(parent);
    FIELD(namelen);
    FIELD(flags);
  }
  {
    using Structure = struct ::fuse_notify_delete_out;
    table.structure("fuse_notify_delete_out", sizeof(Structure));
    FIELD(parent);
    FIELD(child);
    FIELD(namelen);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_notify_store_out;
    table.structure("fuse_notify_store_out", sizeof(Structure));
    FIELD(nodeid);
    FIELD(offset);
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_notify_retrieve_out;
    table.structure("fuse_notify_retrieve_out", sizeof(Structure));
    FIELD(notify_unique);
    FIELD(nodeid);
    FIELD(offset);
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_notify_retrieve_in;
    table.structure("fuse_notify_retrieve_in", sizeof(Structure));
    FIELD(dummy1);
    FIELD(offset);
    FIELD(size);
    FIELD(dummy2);
    FIELD(dummy3);
    FIELD(dummy4);
  }
  {
    using Structure = struct ::fuse_lseek_in;
    table.structure("fuse_lseek_in", sizeof(Structure));
    FIELD(fh);
    FIELD(offset);
    FIELD(whence);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_lseek_out;
    table.structure("fuse_lseek_out", sizeof(Structure));
    FIELD(offset);
  }
  {
    using Structure = struct ::fuse_copy_file_range_in;
    table.structure("fuse_copy_file_range_in", sizeof(Structure));
    FIELD(fh_in);
    FIELD(off_in);
    FIELD(nodeid_out);
    FIELD(fh_out);
    FIELD(off_out);
    FIELD(len);
    FIELD(flags);
  }
  {
    using Structure = struct ::fuse_setupmapping_in;
    table.structure("fuse_setupmapping_in", sizeof(Structure));
    FIELD(fh);
    FIELD(foffset);
    FIELD(len);
    FIELD(flags);
    FIELD(moffset);
  }
  {
    using Structure = struct ::fuse_removemapping_in;
    table.structure("fuse_removemapping_in", sizeof(Structure));
    FIELD(count);
  }
  {
    using Structure = struct ::fuse_removemapping_one;
    table.structure("fuse_removemapping_one", sizeof(Structure));
    FIELD(moffset);
    FIELD(len);
  }
  {
    using Structure = struct ::fuse_syncfs_in;
    table.structure("fuse_syncfs_in", sizeof(Structure));
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_secctx;
    table.structure("fuse_secctx", sizeof(Structure));
    FIELD(size);
    FIELD(padding);
  }
  {
    using Structure = struct ::fuse_secctx_header;
    table.structure("fuse_secctx_header", sizeof(Structure));
    FIELD(size);
    FIELD(nr_secctx);
  }
  {
    using Structure = struct ::fuse_ext_header;
    table.structure("fuse_ext_header", sizeof(Structure));
    FIELD(size);
    FIELD(type);
  }
}

// fuse_recent.h.
static void addRecent(StructureTable& table) {
  {
    using Structure = struct recent::fuse_sx_time;
    table.structure("fuse_sx_time", sizeof(Structure));
    FIELD(tv_sec);
    FIELD(tv_nsec);
    FIELD(__reserved);
  }
  {
    using Structure = struct recent::fuse_statx;
    table.structure("fuse_statx", sizeof(Structure));
    FIELD(mask);
    FIELD(blksize);
    FIELD(attributes);
    FIELD(nlink);
    FIELD(uid);
    FIELD(gid);
    FIELD(mode);
    FIELD(__spare0);
    FIELD(ino);
    FIELD(size);
    FIELD(blocks);
    FIELD(attributes_mask);
    FIELD(atime);
    FIELD(btime);
    FIELD(ctime);
    FIELD(mtime);
    FIELD(rdev_major);
    FIELD(rdev_minor);
    FIELD(dev_major);
    FIELD(dev_minor);
    FIELD(__spare2);
  }
  {
    using Structure = struct recent::fuse_statx_in;
    table.structure("fuse_statx_in", sizeof(Structure));
    FIELD(getattr_flags);
    FIELD(reserved);
    FIELD(fh);
    FIELD(sx_flags);
    FIELD(sx_mask);
  }
  {
    using Structure = struct recent::fuse_statx_out;
    table.structure("fuse_statx_out", sizeof(Structure));
    FIELD(attr_valid);
    FIELD(attr_valid_nsec);
    FIELD(flags);
    FIELD(spare);
    FIELD(stat);
  }
  {
    using Structure = struct recent::fuse_init_out;
    table.structure("fuse_init_out", sizeof(Structure));
    FIELD(major);
    FIELD(minor);
    FIELD(max_readahead);
    FIELD(flags);
    FIELD(max_background);
    FIELD(congestion_threshold);
    FIELD(max_write);
    FIELD(time_gran);
    FIELD(max_pages);
    FIELD(map_alignment);
    FIELD(flags2);
    FIELD(max_stack_depth);
    FIELD(request_timeout);
    FIELD(unused);
  }
  {
    using Structure = struct recent::fuse_open_out;
    table.structure("fuse_open_out", sizeof(Structure));
    FIELD(fh);
    FIELD(open_flags);
    FIELD(backing_id);
  }
  {
    using Structure = struct recent::fuse_backing_map;
    table.structure("fuse_backing_map", sizeof(Structure));
    FIELD(fd);
    FIELD(flags);
    FIELD(padding);
  }
  {
    using Structure = struct recent::fuse_supp_groups;
    table.structure("fuse_supp_groups", sizeof(Structure));
    FIELD(nr_groups);
    FIELD(groups);
  }
  {
    using Structure = struct recent::fuse_copy_file_range_out;
    table.structure("fuse_copy_file_range_out", sizeof(Structure));
    FIELD(bytes_copied);
  }
  {
    using Structure = struct recent::fuse_notify_prune_out;
    table.structure("fuse_notify_prune_out", sizeof(Structure));
    FIELD(count);
    FIELD(padding);
    FIELD(spare);
  }
}

static napi_value Abi(napi_env env, napi_callback_info) {
  napi_value all = nullptr;
  napi_create_object(env, &all);
  StructureTable table(env, all);
  addSystem(table);
  addRecent(table);
  return all;
}

void addAbi(Exports& exports) { exports.add("abi", Abi); }
