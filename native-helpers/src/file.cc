// Opening files and the calls on open ones. Every descriptor is opened close-on-exec.
#include <atomic>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"

// Linux 5.6 has openat2.
static std::atomic<bool> lacksOpenat2{false};

static napi_value Openat2(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const uint32_t flags = args.word(2) | O_CLOEXEC;
  const uint32_t mode = args.word(3);
  const uint64_t resolve = static_cast<uint64_t>(args.wide(4));
  if (!args.ok()) return args.refusal();
  if (!lacksOpenat2.load(std::memory_order_relaxed)) {
    struct open_how how = {};
    how.flags = flags;
    how.mode = mode;
    how.resolve = resolve;
    const int64_t result = checked(syscall(SYS_openat2, dirfd, name.text, &how, sizeof how));
    if (result != -ENOSYS) return toNumber(env, result);
    lacksOpenat2.store(true, std::memory_order_relaxed);
  }
  if (resolve != 0) return toNumber(env, -ENOSYS);
  return toNumber(env, checked(openat(dirfd, name.text, static_cast<int>(flags), mode)));
}

static napi_value Close(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(close(fd)));
}

static napi_value Dup(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
}

// 0, 1 and 2 stay open over exec: a program started without them would take its first files for
// its output.
static napi_value Dup2(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int from = args.integer(0);
  const int to = args.integer(1);
  if (!args.ok()) return args.refusal();
  if (from == to || (to >= 0 && to <= 2)) return toNumber(env, checked(dup2(from, to)));
  return toNumber(env, checked(dup3(from, to, O_CLOEXEC)));
}

static napi_value Pread(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  const int fd = args.integer(0);
  const auto buffer = args.bytes(1);
  const int64_t at = args.wide(2);
  const int64_t length = args.wide(3);
  const int64_t position = args.wide(4);
  args.within(at, length, buffer.length);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(pread(fd, buffer.data + at, static_cast<size_t>(length), position)));
}

static napi_value Pwrite(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  const int fd = args.integer(0);
  const auto buffer = args.bytes(1);
  const int64_t at = args.wide(2);
  const int64_t length = args.wide(3);
  const int64_t position = args.wide(4);
  args.within(at, length, buffer.length);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(pwrite(fd, buffer.data + at, static_cast<size_t>(length), position)));
}

static napi_value Ftruncate(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const int64_t size = args.wide(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ftruncate(fd, size)));
}

// By path: unlike ftruncate, some filesystems leave the times alone when the size is the same.
static napi_value Truncate(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  Name path;
  args.name(0, path);
  const int64_t size = args.wide(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(truncate(path.text, size)));
}

static napi_value Fallocate(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int fd = args.integer(0);
  const int mode = args.integer(1);
  const int64_t offset = args.wide(2);
  const int64_t length = args.wide(3);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(fallocate(fd, mode, offset, length)));
}

static napi_value Lseek(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int fd = args.integer(0);
  const int64_t offset = args.wide(1);
  const int whence = args.integer(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(lseek(fd, offset, whence)));
}

// The calls that take a descriptor and nothing else.
template <int (*Call)(int)>
static napi_value onDescriptor(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(Call(fd)));
}

static napi_value SyncFileRange(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int fd = args.integer(0);
  const int64_t offset = args.wide(1);
  const int64_t length = args.wide(2);
  const unsigned flags = args.word(3);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(sync_file_range(fd, offset, length, flags)));
}

static napi_value Flock(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const int operation = args.integer(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(flock(fd, operation)));
}

static napi_value Ficlone(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int destination = args.integer(0);
  const int source = args.integer(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(destination, FICLONE, source)));
}

static napi_value CopyFileRange(napi_env env, napi_callback_info info) {
  Arguments<6> args(env, info);
  const int fdIn = args.integer(0);
  off_t offIn = args.wide(1);
  const int fdOut = args.integer(2);
  off_t offOut = args.wide(3);
  const int64_t length = args.wide(4);
  const unsigned flags = args.word(5);
  if (length < 0) args.outOfRange("a negative length");
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(copy_file_range(fdIn, offIn < 0 ? nullptr : &offIn, fdOut,
                                               offOut < 0 ? nullptr : &offOut,
                                               static_cast<size_t>(length), flags)));
}

// Words of the record: struct fuse_kstatfs without its spare, then type, flags and the id.
constexpr size_t kStatfsWords = 18;

static napi_value Fstatfs(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const auto out = args.words(1);
  args.within(0, kStatfsWords, out.length);
  if (!args.ok()) return args.refusal();
  struct statfs stat;
  if (fstatfs(fd, &stat) < 0) return toNumber(env, -errno);
  const uint64_t counts[5] = {stat.f_blocks, stat.f_bfree, stat.f_bavail, stat.f_files, stat.f_ffree};
  memcpy(out.data, counts, sizeof counts);
  out.data[10] = static_cast<uint32_t>(stat.f_bsize);
  out.data[11] = static_cast<uint32_t>(stat.f_namelen);
  out.data[12] = static_cast<uint32_t>(stat.f_frsize);
  out.data[13] = 0;
  out.data[14] = static_cast<uint32_t>(stat.f_type);
  out.data[15] = static_cast<uint32_t>(stat.f_flags);
  memcpy(out.data + 16, &stat.f_fsid, 2 * sizeof(uint32_t));
  return toNumber(env, 0);
}

static napi_value IoctlBuffer(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int fd = args.integer(0);
  const uint32_t request = args.word(1);
  const auto buffer = args.bytes(2);
  args.within(0, _IOC_SIZE(request), buffer.length);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(fd, static_cast<unsigned long>(request), buffer.data)));
}

static napi_value IoctlNumber(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int fd = args.integer(0);
  const uint32_t request = args.word(1);
  const int64_t value = args.wide(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(fd, static_cast<unsigned long>(request), value)));
}

void addFile(Exports& exports) {
  exports.add("openat2", Openat2);
  exports.add("close", Close);
  exports.add("dup", Dup);
  exports.add("dup2", Dup2);
  exports.add("pread", Pread);
  exports.add("pwrite", Pwrite);
  exports.add("ftruncate", Ftruncate);
  exports.add("truncate", Truncate);
  exports.add("fallocate", Fallocate);
  exports.add("lseek", Lseek);
  exports.add("fsync", onDescriptor<fsync>);
  exports.add("fdatasync", onDescriptor<fdatasync>);
  exports.add("sync_file_range", SyncFileRange);
  exports.add("syncfs", onDescriptor<syncfs>);
  exports.add("flock", Flock);
  exports.add("ficlone", Ficlone);
  exports.add("copy_file_range", CopyFileRange);
  exports.add("fstatfs", Fstatfs);
  exports.add("ioctlBuffer", IoctlBuffer);
  exports.add("ioctlNumber", IoctlNumber);
}
