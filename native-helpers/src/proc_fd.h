// /proc/self/fd, opened once: the way to an object behind an O_PATH descriptor for calls that
// refuse such descriptors. Kept open so that a mount over /proc, or a new root, changes nothing.
#pragma once

// An O_PATH descriptor of this process's /proc/self/fd, or -errno.
int procFd();

// The name of `fd` in that directory.
struct FdName {
  explicit FdName(int fd);
  char text[12];
};

// The whole path, for calls that take no directory descriptor.
struct FdPath {
  explicit FdPath(int fd);
  char text[32];
};
