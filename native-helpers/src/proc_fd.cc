// See proc_fd.h. Opens one descriptor, at the first use.
#include "proc_fd.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>

int procFd() {
  static const int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -ENOSYS : fd;
}

FdName::FdName(int fd) { snprintf(text, sizeof text, "%d", fd); }

FdPath::FdPath(int fd) { snprintf(text, sizeof text, "/proc/self/fd/%d", fd); }
