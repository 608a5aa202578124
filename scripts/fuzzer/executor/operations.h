// What a worker can do. Each operation reads its arguments from the line and answers its result:
// the value (>= 0) or -errno first, then what it found out, separated by spaces.
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "wire.h"

#include <stdbool.h>

#define SLOTS 64

// Descriptors kept open across operations; -1 when free.
extern int slots[SLOTS];

// Where a path token points: `@3/name` is below slot 3, `@3` is slot 3 itself (AT_EMPTY_PATH),
// anything else is relative to the current directory, the root of the mount.
struct place {
  int directory;
  const char *name;
  // AT_EMPTY_PATH where the token names the slot itself.
  int flags;
};
struct place take_place(struct tokens *in);
// The same as one path for calls that have no descriptor-relative form.
const char *place_path(struct place place, char room[4200]);

int take_slot(struct tokens *in);
// Starts the answer: the value, or -errno when `result` is -1.
bool answer(long long result);

// One growing buffer for data, page aligned.
unsigned char *data_buffer(size_t length);

typedef void operation(struct tokens *in);

// files.c
operation op_open, op_close, op_read, op_pread, op_write, op_pwrite, op_truncate, op_ftruncate;
operation op_fallocate, op_lseek, op_seekdata, op_copy, op_fsync, op_syncfs, op_map_read, op_map_write;
operation op_flock, op_lock, op_getlock, op_map, op_unmap, op_mapped_read, op_mapped_write;
// names.c
operation op_link, op_linkslot, op_unlink, op_rmdir, op_mkdir, op_mknod, op_symlink, op_readlink;
operation op_rename, op_exec;
// attributes.c
operation op_stat, op_lstat, op_fstat, op_chmod, op_fchmod, op_chown, op_fchown, op_utimes;
operation op_futimes, op_statfs, op_access, op_getflags, op_setflags, op_getxflags, op_setxflags;
operation op_setxattr, op_getxattr, op_listxattr, op_removexattr;
operation op_fsetxattr, op_fgetxattr, op_flistxattr, op_fremovexattr;
void out_stat(int directory, const char *name, int flags, unsigned mask);
// listing.c
operation op_list, op_dirread, op_dirseek, op_tree, op_program;
// worker.c
operation op_umask, op_root, op_leave;
// A slot was opened anew: no position of the old directory is left.
void forget_positions(int slot);

#endif
