// Operations on attributes: stat and its changes, flags, extended attributes.
#define _GNU_SOURCE
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MASK_BTIME (STATX_BASIC_STATS | STATX_BTIME)

// ino,mode,nlink,uid,gid,size,rdev,mtime,ctime,btime,attributes
void out_stat(int directory, const char *name, int flags, unsigned mask) {
  struct statx s;
  if (!answer(statx(directory, name, flags, mask, &s))) return;
  out(" %llu,%o,%u,%u,%u,%llu,%u:%u", (unsigned long long)s.stx_ino, s.stx_mode, s.stx_nlink,
      s.stx_uid, s.stx_gid, (unsigned long long)s.stx_size, s.stx_rdev_major, s.stx_rdev_minor);
  out(",%lld.%09u,%lld.%09u,%lld.%09u", (long long)s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec,
      (long long)s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec,
      mask & s.stx_mask & STATX_BTIME ? (long long)s.stx_btime.tv_sec : 0,
      mask & s.stx_mask & STATX_BTIME ? s.stx_btime.tv_nsec : 0);
  unsigned attributes = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  out(",%llx", (unsigned long long)(s.stx_attributes & attributes));
}

void op_stat(struct tokens *in) {
  struct place place = take_place(in);
  int flags = take_number(in) ? AT_SYMLINK_NOFOLLOW : 0;
  out_stat(place.directory, place.name, flags | place.flags, MASK_BTIME);
}

// Basic fields only: through FUSE this is another request than the one with the birth time.
void op_lstat(struct tokens *in) {
  struct place place = take_place(in);
  out_stat(place.directory, place.name, AT_SYMLINK_NOFOLLOW | place.flags, STATX_BASIC_STATS);
}

void op_fstat(struct tokens *in) {
  int fd = take_slot(in);
  out_stat(fd, "", AT_EMPTY_PATH, take_number(in) ? MASK_BTIME : STATX_BASIC_STATS);
}

void op_chmod(struct tokens *in) {
  struct place place = take_place(in);
  mode_t mode = (mode_t)take_number(in);
  int flags = (take_number(in) ? AT_SYMLINK_NOFOLLOW : 0) | place.flags;
  // fchmodat2(2), which honours the flags.
  answer(flags ? syscall(452, place.directory, place.name, mode, flags)
               : fchmodat(place.directory, place.name, mode, 0));
}

void op_fchmod(struct tokens *in) {
  int fd = take_slot(in);
  answer(fchmod(fd, (mode_t)take_number(in)));
}

void op_chown(struct tokens *in) {
  struct place place = take_place(in);
  uid_t uid = (uid_t)take_number(in);
  gid_t gid = (gid_t)take_number(in);
  int flags = take_number(in) ? AT_SYMLINK_NOFOLLOW : 0;
  answer(fchownat(place.directory, place.name, uid, gid, flags | place.flags));
}

void op_fchown(struct tokens *in) {
  int fd = take_slot(in);
  uid_t uid = (uid_t)take_number(in);
  answer(fchown(fd, uid, (gid_t)take_number(in)));
}

static void take_times(struct tokens *in, struct timespec times[2]) {
  for (int i = 0; i < 2; i++) {
    times[i].tv_sec = take_number(in);
    times[i].tv_nsec = take_number(in);
  }
}

void op_utimes(struct tokens *in) {
  struct place place = take_place(in);
  struct timespec times[2];
  take_times(in, times);
  int flags = take_number(in) ? AT_SYMLINK_NOFOLLOW : 0;
  answer(utimensat(place.directory, place.name, times, flags | place.flags));
}

void op_futimes(struct tokens *in) {
  struct timespec times[2];
  int fd = take_slot(in);
  take_times(in, times);
  answer(futimens(fd, times));
}

void op_statfs(struct tokens *in) {
  struct statfs s;
  char room[4200];
  struct place place = take_place(in);
  if (!answer(statfs(place_path(place, room), &s))) return;
  out(" %llx,%ld,%ld,%llu,%llu,%ld", (unsigned long long)s.f_type, (long)s.f_bsize,
      (long)s.f_frsize, (unsigned long long)s.f_blocks, (unsigned long long)s.f_files,
      (long)s.f_namelen);
}

void op_access(struct tokens *in) {
  struct place place = take_place(in);
  int mode = (int)take_number(in);
  answer(syscall(SYS_faccessat2, place.directory, place.name, mode,
                 (take_number(in) ? AT_SYMLINK_NOFOLLOW : 0) | place.flags));
}

void op_getflags(struct tokens *in) {
  int flags = 0;
  if (answer(ioctl(take_slot(in), FS_IOC_GETFLAGS, &flags))) out(" %x", flags);
}

// Changes the bits of `mask` to `value`; the others stay as they are.
void op_setflags(struct tokens *in) {
  int fd = take_slot(in);
  int mask = (int)take_number(in), value = (int)take_number(in), flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) {
    answer(-1);
    return;
  }
  flags = (flags & ~mask) | (value & mask);
  answer(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

void op_getxflags(struct tokens *in) {
  struct fsxattr x = {0};
  if (!answer(ioctl(take_slot(in), FS_IOC_FSGETXATTR, &x))) return;
  out(" %x %u %u", x.fsx_xflags, x.fsx_projid, x.fsx_extsize);
}

void op_setxflags(struct tokens *in) {
  struct fsxattr x = {0};
  int fd = take_slot(in);
  unsigned mask = (unsigned)take_number(in), value = (unsigned)take_number(in);
  if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0) {
    answer(-1);
    return;
  }
  x.fsx_xflags = (x.fsx_xflags & ~mask) | (value & mask);
  answer(ioctl(fd, FS_IOC_FSSETXATTR, &x));
}

// ---- extended attributes, by path and by descriptor ----

static unsigned char value[65536];
static char names[65536];

static void answer_value(ssize_t length) {
  if (!answer(length)) return;
  out(" ");
  if (length <= 512) out_hex(value, (size_t)length);
  else out("#%016llx", (unsigned long long)hash_more(HASH_START, value, (size_t)length));
}

static void answer_names(ssize_t length) {
  if (!answer(length)) return;
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
    out(" ");
    out_bytes(names + at, strlen(names + at));
  }
}

static long take_value(struct tokens *in) { return from_hex(take(in), value, sizeof value); }

void op_setxattr(struct tokens *in) {
  char room[4200];
  const char *path = place_path(take_place(in), room);
  const char *name = take(in);
  long length = take_value(in);
  int flags = (int)take_number(in);
  answer(take_number(in) ? lsetxattr(path, name, value, (size_t)length, flags)
                         : setxattr(path, name, value, (size_t)length, flags));
}

void op_getxattr(struct tokens *in) {
  char room[4200];
  const char *path = place_path(take_place(in), room);
  const char *name = take(in);
  size_t size = (size_t)take_number(in);
  if (size > sizeof value) size = sizeof value;
  ssize_t length = take_number(in) ? lgetxattr(path, name, value, size)
                                   : getxattr(path, name, value, size);
  if (size == 0) answer(length);
  else answer_value(length);
}

void op_listxattr(struct tokens *in) {
  char room[4200];
  const char *path = place_path(take_place(in), room);
  answer_names(take_number(in) ? llistxattr(path, names, sizeof names)
                               : listxattr(path, names, sizeof names));
}

void op_removexattr(struct tokens *in) {
  char room[4200];
  const char *path = place_path(take_place(in), room);
  const char *name = take(in);
  answer(take_number(in) ? lremovexattr(path, name) : removexattr(path, name));
}

void op_fsetxattr(struct tokens *in) {
  int fd = take_slot(in);
  const char *name = take(in);
  long length = take_value(in);
  answer(fsetxattr(fd, name, value, (size_t)length, (int)take_number(in)));
}

void op_fgetxattr(struct tokens *in) {
  int fd = take_slot(in);
  answer_value(fgetxattr(fd, take(in), value, sizeof value));
}

void op_flistxattr(struct tokens *in) {
  answer_names(flistxattr(take_slot(in), names, sizeof names));
}

void op_fremovexattr(struct tokens *in) {
  int fd = take_slot(in);
  answer(fremovexattr(fd, take(in)));
}
