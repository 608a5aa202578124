// Listings: of one directory at once, piece by piece with seeks, and of a whole tree with all
// that can be known about each entry.
#define _GNU_SOURCE
#include "operations.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

struct record {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
};

// The positions after each record read from a slot, for seeking back.
static struct {
  int64_t *at;
  size_t count, room;
} positions[SLOTS];

static void remember(int slot, int64_t offset) {
  if (positions[slot].count == positions[slot].room) {
    positions[slot].room = positions[slot].room * 2 + 64;
    positions[slot].at = realloc(positions[slot].at, positions[slot].room * sizeof(int64_t));
    if (!positions[slot].at) abort();
  }
  positions[slot].at[positions[slot].count++] = offset;
}

// One getdents64 with a buffer of `bytes`: the number of entries, then name,type of each.
void op_dirread(struct tokens *in) {
  static char buffer[65536] __attribute__((aligned(8)));
  int slot = (int)take_number(in);
  size_t bytes = (size_t)take_number(in);
  int fd = slot >= 0 && slot < SLOTS ? slots[slot] : -1;
  if (bytes > sizeof buffer) bytes = sizeof buffer;
  long length = syscall(SYS_getdents64, fd, buffer, bytes);
  int count = 0;
  for (long at = 0; at < length; at += ((struct record *)(buffer + at))->length) count++;
  if (!answer(length < 0 ? -1 : count)) return;
  for (long at = 0; at < length;) {
    struct record *record = (struct record *)(buffer + at);
    out(" ");
    out_bytes(record->name, strlen(record->name));
    out(",%u", record->type);
    remember(slot, record->offset);
    at += record->length;
  }
}

// Back to the position after the k-th record read so far, EBADF where there are fewer; 0 is the
// beginning.
void op_dirseek(struct tokens *in) {
  int slot = (int)take_number(in);
  size_t k = (size_t)take_number(in);
  int fd = slot >= 0 && slot < SLOTS ? slots[slot] : -1;
  if (fd < 0 || k > positions[slot].count) {
    errno = EBADF;
    answer(-1);
    return;
  }
  int64_t offset = k ? positions[slot].at[k - 1] : 0;
  positions[slot].count = k;
  answer(lseek(fd, offset, SEEK_SET) < 0 ? -1 : 0);
}

void forget_positions(int slot) { positions[slot].count = 0; }

static void out_entry(int directory, struct dirent *entry) {
  struct stat s;
  out(" ");
  out_bytes(entry->d_name, strlen(entry->d_name));
  bool known = fstatat(directory, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0;
  // `..` of the mount's root lies outside.
  bool outside = strcmp(entry->d_name, "..") == 0;
  bool same = outside || !known || s.st_ino == entry->d_ino;
  out(",%u,%s", entry->d_type, same ? "i" : "I");
}

// The whole directory: name,type,inode number agrees with stat (i) or not (I).
void op_list(struct tokens *in) {
  struct place place = take_place(in);
  const char *name = place.flags ? "." : place.name;
  int fd = openat(place.directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = fd < 0 ? NULL : fdopendir(fd);
  if (!stream) {
    answer(-1);
    return;
  }
  answer(0);
  for (struct dirent *entry; (entry = readdir(stream));) out_entry(fd, entry);
  closedir(stream);
}

// ---- trees ----

static void out_xattrs(const char *path) {
  static char names[65536];
  static unsigned char value[65536];
  ssize_t length = llistxattr(path, names, sizeof names);
  if (length < 0) out("!%d", errno);
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
    const char *name = names + at;
    if (at) out(";");
    out_bytes(name, strlen(name));
    ssize_t size = lgetxattr(path, name, value, sizeof value);
    if (size < 0) out("=!%d", errno);
    else if (size <= 512) out("=x"), out_hex(value, (size_t)size);
    else out("=#%016llx", (unsigned long long)hash_more(HASH_START, value, (size_t)size));
  }
}

// The hash of the data.
static void out_content(int fd) {
  unsigned char *buffer = data_buffer(65536);
  uint64_t hash = HASH_START;
  ssize_t length;
  while ((length = read(fd, buffer, 65536)) > 0) hash = hash_more(hash, buffer, (size_t)length);
  if (length < 0) out("!%d", errno);
  else out("%016llx", (unsigned long long)hash);
}

static void out_kind(const char *path, mode_t mode) {
  static char target[4096];
  if (S_ISLNK(mode)) {
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) out("!%d", errno);
    else out_bytes(target, (size_t)length);
  } else if (S_ISREG(mode)) {
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME);
    if (fd < 0) {
      out("!%d", errno);
      return;
    }
    out_content(fd);
    close(fd);
  }
}

// path|d_type|stat|content or target|xattrs
static void out_node(const char *path, unsigned type) {
  struct statx s;
  out(" ");
  out_bytes(path, strlen(path));
  out("|%u|", type);
  unsigned mask = STATX_BASIC_STATS | STATX_BTIME;
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mask, &s) < 0) {
    out("!%d||", errno);
    return;
  }
  out("%llu,%o,%u,%u,%u,%llu,%u:%u", (unsigned long long)s.stx_ino, s.stx_mode, s.stx_nlink,
      s.stx_uid, s.stx_gid, (unsigned long long)s.stx_size, s.stx_rdev_major, s.stx_rdev_minor);
  out(",%lld.%09u,%lld.%09u,%lld.%09u,%llx|", (long long)s.stx_mtime.tv_sec,
      s.stx_mtime.tv_nsec, (long long)s.stx_ctime.tv_sec, s.stx_ctime.tv_nsec,
      (long long)s.stx_btime.tv_sec, s.stx_btime.tv_nsec,
      (unsigned long long)(s.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)));
  out_kind(path, s.stx_mode);
  out("|");
  out_xattrs(path);
}

static void walk(const char *path) {
  DIR *stream = opendir(path);
  if (!stream) {
    out(" ");
    out_bytes(path, strlen(path));
    out("|!%d|||", errno);
    return;
  }
  for (struct dirent *entry; (entry = readdir(stream));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char *child;
    if (asprintf(&child, "%s/%s", path, entry->d_name) < 0) abort();
    out_node(child, entry->d_type);
    struct stat s;
    if (lstat(child, &s) == 0 && S_ISDIR(s.st_mode)) walk(child);
    free(child);
  }
  closedir(stream);
}

// Everything below the path, and the path itself.
void op_tree(struct tokens *in) {
  const char *path = take_place(in).name;
  answer(0);
  out_node(path, DT_DIR);
  walk(path);
}

// Writes a small static program that exits with status 42.
void op_program(struct tokens *in) {
#if defined(__x86_64__)
  static const unsigned char code[] = {0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05};
  const unsigned char machine = 62;
#elif defined(__aarch64__)
  static const unsigned char code[] = {0x40, 5, 0x80, 0xd2, 0xa8, 0xb, 0x80, 0xd2, 1, 0, 0, 0xd4};
  const unsigned char machine = 183;
#else
#error "the program op knows the code of x86-64 and aarch64"
#endif
  unsigned char image[64 + 56 + sizeof code] = {
      0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = machine, [20] = 1, [24] = 120, [26] = 0x40,
      [32] = 64, [52] = 64, [54] = 56, [56] = 1, [58] = 64,
      // One loadable segment: the whole file at 0x400000, readable and executable.
      [64] = 1, [68] = 5, [82] = 0x40, [90] = 0x40, [96] = 120 + sizeof code,
      [104] = 120 + sizeof code, [113] = 0x10};
  memcpy(image + 120, code, sizeof code);
  struct place place = take_place(in);
  mode_t mode = (mode_t)take_number(in);
  int fd = openat(place.directory, place.name, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, mode);
  ssize_t written = fd < 0 ? -1 : write(fd, image, sizeof image);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  answer(written < 0 ? -1 : 0);
}
