// The jobs of the pool, one function each. An error of the call goes to the caller of the
// filesystem as it is.
#include "jobs.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "copy.h"
#include "fuse_recent.h"
#include "loop.h"

// Answers `unique` with an errno, or with data. Interrupted or unmounted meanwhile means that
// nobody waits for it; any other refusal is reported.
static int64_t answer(const Job& job, int64_t error, const void* data, size_t length) {
  struct fuse_out_header header = {};
  header.len = static_cast<uint32_t>(sizeof header + length);
  header.error = static_cast<int32_t>(error);
  header.unique = job.unique;
  const struct iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(data), length}};
  ssize_t written;
  do {
    written = writev(job.device, parts, length > 0 ? 2 : 1);
  } while (written < 0 && errno == EINTR);
  if (written >= 0 || errno == ENOENT || errno == ENODEV || errno == ECONNABORTED) return 0;
  return -errno;
}

// The completion's result: the operation's own, unless its answer was refused.
static int64_t finish(const Job& job, int64_t result, const void* data, size_t length) {
  const int64_t answered =
      result < 0 ? answer(job, result, nullptr, 0) : answer(job, 0, data, length);
  return answered < 0 ? answered : result;
}

static int64_t readJob(const Job& job, Memory& buffer) {
  const size_t size = static_cast<size_t>(job.length);
  if (!buffer.ensure(size)) return finish(job, -ENOMEM, nullptr, 0);
  size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(job.fd, buffer.data() + done, size - done,
                              job.offset + static_cast<int64_t>(done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      return finish(job, -errno, nullptr, 0);
    }
  }
  return finish(job, static_cast<int64_t>(done), buffer.data(), done);
}

// Short when there was room for a part only, as write(2).
static int64_t writeAll(const Job& job) {
  int64_t done = 0;
  while (done < job.length) {
    const ssize_t written = pwrite(job.fd, job.data + done, static_cast<size_t>(job.length - done),
                                   job.offset + done);
    if (written > 0) {
      done += written;
    } else if (written == 0) {
      break;
    } else if (errno != EINTR) {
      return done > 0 ? done : -errno;
    }
  }
  return done;
}

static int64_t finishWritten(const Job& job, int64_t written) {
  struct fuse_write_out out = {};
  if (written > 0) out.size = static_cast<uint32_t>(written);
  return finish(job, written, &out, sizeof out);
}

static int64_t copyRangeJob(const Job& job, const std::atomic<bool>& stop) {
  const int64_t copied =
      copyRange(job.fd, job.offset, job.fdOut, job.offsetOut, job.length, &stop);
  if (job.kind == JobKind::kCopyRange) return finishWritten(job, copied);
  recent::fuse_copy_file_range_out out = {};
  if (copied > 0) out.bytes_copied = static_cast<uint64_t>(copied);
  return finish(job, copied, &out, sizeof out);
}

static int64_t finishCall(const Job& job, int returned) {
  return finish(job, returned < 0 ? -errno : 0, nullptr, 0);
}

int64_t doJob(const Job& job, Memory& buffer, const std::atomic<bool>& stop) {
  switch (job.kind) {
    case JobKind::kRead:
      return readJob(job, buffer);
    case JobKind::kWrite:
      return finishWritten(job, writeAll(job));
    case JobKind::kFsync:
      return finishCall(job, fsync(job.fd));
    case JobKind::kFdatasync:
      return finishCall(job, fdatasync(job.fd));
    case JobKind::kFallocate:
      return finishCall(job, fallocate(job.fd, job.mode, job.offset, job.length));
    case JobKind::kCopyRange:
    case JobKind::kCopyRangeWide:
      return copyRangeJob(job, stop);
    case JobKind::kCopyData:
      return copyData(job.fd, job.fdOut, job.length, job.mode, &stop);
    case JobKind::kCopyPart:
      return copyPart(job.fd, job.offset, job.fdOut, job.offsetOut, job.length, job.mode, &stop);
    case JobKind::kSync:
      return syncData(job.fd, job.mode);
    case JobKind::kNotify:
      return writeDevice(job.device, job.bytes.data(), job.bytes.size());
  }
  return -ENOSYS;
}
