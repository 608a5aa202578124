// The data part of a copy-up, on whatever thread asks. Never decides whether to copy, nor what
// becomes of the copy.
#include "copy.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

// Bytes between two looks at `stop`.
constexpr int64_t kChunk = int64_t{64} << 20;
// Bytes of one read where the kernel cannot copy by itself.
constexpr size_t kBuffer = size_t{1} << 20;

static bool stopped(const std::atomic<bool>* stop) {
  return stop != nullptr && stop->load(std::memory_order_relaxed);
}

static int64_t writeWhole(int out, const uint8_t* data, size_t length, int64_t position) {
  while (length > 0) {
    const ssize_t written = pwrite(out, data, length, position);
    if (written < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    data += written;
    length -= static_cast<size_t>(written);
    position += written;
  }
  return 0;
}

// [from, to) by read and write, to where it lies `shift` bytes further on.
static int64_t copyByHand(int in, int out, int64_t from, int64_t to, int64_t shift,
                          const std::atomic<bool>* stop) {
  static thread_local Memory buffer;
  if (!buffer.ensure(kBuffer)) return -ENOMEM;
  while (from < to) {
    if (stopped(stop)) return -ECANCELED;
    const size_t most = std::min(static_cast<size_t>(to - from), kBuffer);
    const ssize_t got = pread(in, buffer.data(), most, from);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    // Data that SEEK_DATA promised is not there: the source was cut short meanwhile.
    if (got == 0) return -EIO;
    const int64_t written = writeWhole(out, buffer.data(), static_cast<size_t>(got), from + shift);
    if (written < 0) return written;
    from += got;
  }
  return 0;
}

// Answers of copy_file_range that say nothing about the data, only that it cannot do it here.
static bool cannotCopy(int error) {
  return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
         error == EPERM || error == ETXTBSY;
}

// [from, to), which holds data, `shift` bytes further on. `byKernel` turns false once the kernel
// could not.
static int64_t copyExtent(int in, int out, int64_t from, int64_t to, int64_t shift,
                          bool& byKernel, const std::atomic<bool>* stop) {
  while (byKernel && from < to) {
    if (stopped(stop)) return -ECANCELED;
    off_t offIn = from;
    off_t offOut = from + shift;
    const size_t most = static_cast<size_t>(std::min(to - from, kChunk));
    const ssize_t copied = copy_file_range(in, &offIn, out, &offOut, most, 0);
    if (copied > 0) {
      from += copied;
    } else if (copied == 0 || cannotCopy(errno)) {
      byKernel = false;
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return copyByHand(in, out, from, to, shift, stop);
}

// Every extent of data below `size`; what lies between stays a hole.
static int64_t copyExtents(int in, int out, int64_t size, const std::atomic<bool>* stop) {
  bool byKernel = true;
  int64_t end = 0;
  while (end < size) {
    int64_t start = lseek(in, end, SEEK_DATA);
    int64_t next = size;
    if (start < 0) {
      if (errno == ENXIO) break;
      if (errno != EINVAL && errno != EOPNOTSUPP) return -errno;
      // A filesystem that knows no holes.
      start = end;
    } else {
      next = lseek(in, start, SEEK_HOLE);
      if (next < 0) return -errno;
    }
    if (start >= size) break;
    end = std::min(next, size);
    const int64_t result = copyExtent(in, out, start, end, 0, byKernel, stop);
    if (result < 0) return result;
  }
  return 0;
}

// The size as asked, where copying has not made it so; a new file's holes need an empty one.
static int64_t setSize(int out, int64_t size) {
  struct stat stat;
  if (fstat(out, &stat) < 0) return -errno;
  if (stat.st_size == size) return 0;
  return ftruncate(out, size) < 0 ? -errno : 0;
}

int64_t copyData(int in, int out, int64_t size, int sync, const std::atomic<bool>* stop) {
  if (size > 0 && ioctl(out, FICLONE, in) < 0) {
    const int64_t emptied = setSize(out, 0);
    if (emptied < 0) return emptied;
    const int64_t copied = copyExtents(in, out, size, stop);
    if (copied < 0) return copied;
  }
  const int64_t sized = setSize(out, size);
  return sized < 0 ? sized : syncData(out, sync);
}

int64_t copyPart(int in, int64_t offIn, int out, int64_t offOut, int64_t length, int sync,
                 const std::atomic<bool>* stop) {
  bool byKernel = true;
  const int64_t copied =
      copyExtent(in, out, offIn, offIn + length, offOut - offIn, byKernel, stop);
  return copied < 0 ? copied : syncData(out, sync);
}

int64_t syncData(int fd, int sync) {
  constexpr unsigned kWholly =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (sync == kSyncRange) return sync_file_range(fd, 0, 0, kWholly) < 0 ? -errno : 0;
  if (sync == kSyncFile) return fsync(fd) < 0 ? -errno : 0;
  return 0;
}

int64_t copyRange(int in, int64_t offIn, int out, int64_t offOut, int64_t length,
                  const std::atomic<bool>* stop) {
  int64_t done = 0;
  while (done < length && !stopped(stop)) {
    off_t from = offIn + done;
    off_t to = offOut + done;
    const size_t most = static_cast<size_t>(std::min(length - done, kChunk));
    const ssize_t copied = copy_file_range(in, &from, out, &to, most, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0) return done > 0 ? done : -errno;
    if (copied == 0) break;
    done += copied;
  }
  return done;
}
