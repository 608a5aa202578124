// Structures and ioctls of the FUSE protocol that are newer than the headers this is built with
// may be. Source: include/uapi/linux/fuse.h of Linux 6.18 (protocol 7.45); the version beside
// each is the one that brought it. In a namespace: a newer header has the same names.
#pragma once

#include <cstddef>
#include <cstdint>

#include <linux/fuse.h>
#include <sys/ioctl.h>

namespace recent {

// 7.39
struct fuse_sx_time {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t __reserved;
};

// 7.39
struct fuse_statx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t __spare0[1];
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  struct fuse_sx_time atime;
  struct fuse_sx_time btime;
  struct fuse_sx_time ctime;
  struct fuse_sx_time mtime;
  uint32_t rdev_major;
  uint32_t rdev_minor;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t __spare2[14];
};

// 7.39
struct fuse_statx_in {
  uint32_t getattr_flags;
  uint32_t reserved;
  uint64_t fh;
  uint32_t sx_flags;
  uint32_t sx_mask;
};

// 7.39
struct fuse_statx_out {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t flags;
  uint64_t spare[2];
  struct fuse_statx stat;
};

// max_stack_depth 7.40, request_timeout 7.43
struct fuse_init_out {
  uint32_t major;
  uint32_t minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint16_t max_background;
  uint16_t congestion_threshold;
  uint32_t max_write;
  uint32_t time_gran;
  uint16_t max_pages;
  uint16_t map_alignment;
  uint32_t flags2;
  uint32_t max_stack_depth;
  uint16_t request_timeout;
  uint16_t unused[11];
};

// backing_id 7.40
struct fuse_open_out {
  uint64_t fh;
  uint32_t open_flags;
  int32_t backing_id;
};

// 7.40
struct fuse_backing_map {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};

// 7.38, with FUSE_CREATE_SUPP_GROUP
struct fuse_supp_groups {
  uint32_t nr_groups;
  uint32_t groups[];
};

// 7.45
struct fuse_copy_file_range_out {
  uint64_t bytes_copied;
};

// 7.45
struct fuse_notify_prune_out {
  uint32_t count;
  uint32_t padding;
  uint64_t spare;
};

// 7.40: FUSE_DEV_IOC_BACKING_OPEN, FUSE_DEV_IOC_BACKING_CLOSE
constexpr unsigned long kBackingOpen = _IOW(FUSE_DEV_IOC_MAGIC, 1, struct fuse_backing_map);
constexpr unsigned long kBackingClose = _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t);

// More than the largest max_pages (65,535 pages of 4 KiB, Linux 6.13) makes possible.
constexpr size_t kMostData = size_t{256} << 20;

static_assert(sizeof(fuse_init_out) == sizeof(::fuse_init_out));
static_assert(sizeof(fuse_open_out) == sizeof(::fuse_open_out));

}  // namespace recent
