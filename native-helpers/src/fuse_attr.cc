// struct statx -> stat record. The offsets are those of ST in src/sys/native.ts.
#include "fuse_attr.h"

#include <cstring>

#include <linux/fuse.h>
#include <sys/sysmacros.h>

static_assert(sizeof(struct fuse_attr) == 22 * sizeof(uint32_t));
static_assert(offsetof(struct fuse_attr, mode) == 15 * sizeof(uint32_t));
static_assert(offsetof(struct fuse_attr, rdev) == 19 * sizeof(uint32_t));

uint32_t encodeDevice(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

dev_t decodeDevice(uint32_t rdev) {
  return makedev((rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
}

static void put64(uint32_t* words, uint64_t value) {
  words[0] = static_cast<uint32_t>(value);
  words[1] = static_cast<uint32_t>(value >> 32);
}

void writeStatRecord(const struct statx& stat, uint32_t* words) {
  put64(words + 0, stat.stx_ino);
  put64(words + 2, stat.stx_size);
  put64(words + 4, stat.stx_blocks);
  put64(words + 6, static_cast<uint64_t>(stat.stx_atime.tv_sec));
  put64(words + 8, static_cast<uint64_t>(stat.stx_mtime.tv_sec));
  put64(words + 10, static_cast<uint64_t>(stat.stx_ctime.tv_sec));
  words[12] = stat.stx_atime.tv_nsec;
  words[13] = stat.stx_mtime.tv_nsec;
  words[14] = stat.stx_ctime.tv_nsec;
  words[15] = stat.stx_mode;
  words[16] = stat.stx_nlink;
  words[17] = stat.stx_uid;
  words[18] = stat.stx_gid;
  words[19] = encodeDevice(stat.stx_rdev_major, stat.stx_rdev_minor);
  words[20] = stat.stx_blksize;
  words[21] = 0;
  put64(words + 22, makedev(stat.stx_dev_major, stat.stx_dev_minor));
  put64(words + 24, static_cast<uint64_t>(stat.stx_btime.tv_sec));
  words[26] = stat.stx_btime.tv_nsec;
  words[27] = static_cast<uint32_t>(stat.stx_attributes);
  words[28] = static_cast<uint32_t>(stat.stx_attributes_mask);
  put64(words + 29, stat.stx_mnt_id);
  words[31] = stat.stx_mask;
}
