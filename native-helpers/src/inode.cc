// Calls on inodes by directory descriptor and name. One call each; the fall-backs serve kernels
// that lack a call or one of its flags, and are taken only after the kernel said so.
#include <atomic>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"
#include "fuse_attr.h"
#include "proc_fd.h"

// arch/*/entry/syscalls: fchmodat2, Linux 6.6.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static napi_value Statx(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const int flags = args.integer(2);
  const auto record = args.words(3);
  const int64_t at = args.wide(4);
  args.within(at, kStatWords, record.length);
  if (!args.ok()) return args.refusal();
  struct statx stat;
  if (statx(dirfd, name.text, flags, kStatMask, &stat) < 0) return toNumber(env, -errno);
  writeStatRecord(stat, record.data + at);
  return toNumber(env, 0);
}

// Of what a descriptor is on; asks the filesystem nothing. -EOPNOTSUPP before Linux 6.8.
static napi_value UniqueMountId(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return args.refusal();
  constexpr unsigned kMask = 0x4000;  // STATX_MNT_ID_UNIQUE of linux/stat.h
  struct statx stat;
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kMask, &stat) < 0) {
    return toNumber(env, -errno);
  }
  if ((stat.stx_mask & kMask) == 0) return toNumber(env, -EOPNOTSUPP);
  return toNumber(env, static_cast<int64_t>(stat.stx_mnt_id));
}

static void statOne(int dirfd, const char* name, uint32_t* record) {
  struct statx stat;
  if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, kStatMask, &stat) == 0) {
    writeStatRecord(stat, record);
  } else {
    record[0] = static_cast<uint32_t>(errno);
    record[kStatWords - 1] = 0;
  }
}

static napi_value StatxBatch(napi_env env, napi_callback_info info) {
  Arguments<6> args(env, info);
  const int dirfd = args.integer(0);
  const auto names = args.bytes(1);
  const auto offsets = args.words(2);
  const int64_t first = args.wide(3);
  const int64_t count = args.wide(4);
  const auto records = args.words(5);
  args.within(first, count, offsets.length);
  args.within(0, count, records.length / kStatWords);
  if (!args.ok()) return args.refusal();
  for (int64_t i = 0; i < count; i++) {
    const size_t start = offsets.data[first + i];
    if (start >= names.length || memchr(names.data + start, 0, names.length - start) == nullptr) {
      args.outOfRange("a name outside the buffer");
      return args.refusal();
    }
    statOne(dirfd, reinterpret_cast<const char*>(names.data + start), records.data + i * kStatWords);
  }
  return toNumber(env, 0);
}

static napi_value Mkdirat(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const mode_t mode = args.word(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(mkdirat(dirfd, name.text, mode)));
}

static napi_value Mknodat(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const mode_t mode = args.word(2);
  const uint32_t rdev = args.word(3);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(mknodat(dirfd, name.text, mode, decodeDevice(rdev))));
}

static napi_value Symlinkat(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name target, name;
  args.name(0, target);
  const int dirfd = args.integer(1);
  args.name(2, name);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(symlinkat(target.text, dirfd, name.text)));
}

static napi_value Linkat(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name oldname, newname;
  const int olddirfd = args.integer(0);
  args.name(1, oldname);
  const int newdirfd = args.integer(2);
  args.name(3, newname);
  const int flags = args.integer(4);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(linkat(olddirfd, oldname.text, newdirfd, newname.text, flags)));
}

static napi_value Unlinkat(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const int flags = args.integer(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(unlinkat(dirfd, name.text, flags)));
}

static napi_value Renameat2(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name oldname, newname;
  const int olddirfd = args.integer(0);
  args.name(1, oldname);
  const int newdirfd = args.integer(2);
  args.name(3, newname);
  const unsigned flags = args.word(4);
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, checked(syscall(SYS_renameat2, olddirfd, oldname.text, newdirfd, newname.text, flags)));
}

static napi_value Fchownat(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const uid_t uid = args.word(2);
  const gid_t gid = args.word(3);
  const int flags = args.integer(4);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(fchownat(dirfd, name.text, uid, gid, flags)));
}

// chmod of what the descriptor is open on: the magic link leads to the object itself.
static int64_t chmodDescriptor(int fd, mode_t mode) {
  const int directory = procFd();
  if (directory < 0) return directory;
  return checked(syscall(SYS_fchmodat, directory, FdName(fd).text, mode));
}

// What fchmodat2 does, for kernels before 6.6.
static int64_t chmodThroughProc(int dirfd, const char* name, mode_t mode, int flags) {
  if (name[0] == 0) return (flags & AT_EMPTY_PATH) != 0 ? chmodDescriptor(dirfd, mode) : -ENOENT;
  if ((flags & AT_SYMLINK_NOFOLLOW) == 0) return checked(fchmodat(dirfd, name, mode, 0));
  const int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  const int64_t result = chmodDescriptor(fd, mode);
  close(fd);
  return result;
}

static std::atomic<bool> lacksFchmodat2{false};

static napi_value Fchmodat(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const mode_t mode = args.word(2);
  const int flags = args.integer(3);
  if (!args.ok()) return args.refusal();
  if (flags == 0) return toNumber(env, checked(syscall(SYS_fchmodat, dirfd, name.text, mode)));
  if (!lacksFchmodat2.load(std::memory_order_relaxed)) {
    const int64_t result = checked(syscall(SYS_fchmodat2, dirfd, name.text, mode, flags));
    if (result != -ENOSYS) return toNumber(env, result);
    lacksFchmodat2.store(true, std::memory_order_relaxed);
  }
  return toNumber(env, chmodThroughProc(dirfd, name.text, mode, flags));
}

// utimensat with AT_EMPTY_PATH came with Linux 5.8; before that it is EINVAL.
static int64_t setTimes(int dirfd, const char* name, const struct timespec* times, int flags) {
  const int64_t result = checked(syscall(SYS_utimensat, dirfd, name, times, flags));
  if (result != -EINVAL || name[0] != 0 || (flags & AT_EMPTY_PATH) == 0) return result;
  const int directory = procFd();
  if (directory < 0) return directory;
  return checked(syscall(SYS_utimensat, directory, FdName(dirfd).text, times, 0));
}

static napi_value Utimensat(napi_env env, napi_callback_info info) {
  Arguments<7> args(env, info);
  Name name;
  struct timespec times[2];
  const int dirfd = args.integer(0);
  args.name(1, name);
  times[0].tv_sec = args.wide(2);
  times[0].tv_nsec = args.wide(3);
  times[1].tv_sec = args.wide(4);
  times[1].tv_nsec = args.wide(5);
  const int flags = args.integer(6);
  if (!args.ok()) return args.refusal();
  return toNumber(env, setTimes(dirfd, name.text, times, flags));
}

static napi_value Readlinkat(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const auto buffer = args.bytes(2);
  const int64_t at = args.wide(3);
  args.within(at, 0, buffer.length);
  if (!args.ok()) return args.refusal();
  char* room = reinterpret_cast<char*>(buffer.data + at);
  return toNumber(env, checked(readlinkat(dirfd, name.text, room, buffer.length - at)));
}

void addInode(Exports& exports) {
  exports.add("statx", Statx);
  exports.add("uniqueMountId", UniqueMountId);
  exports.add("statxBatch", StatxBatch);
  exports.add("mkdirat", Mkdirat);
  exports.add("mknodat", Mknodat);
  exports.add("symlinkat", Symlinkat);
  exports.add("linkat", Linkat);
  exports.add("unlinkat", Unlinkat);
  exports.add("renameat2", Renameat2);
  exports.add("fchownat", Fchownat);
  exports.add("fchmodat", Fchmodat);
  exports.add("utimensat", Utimensat);
  exports.add("readlinkat", Readlinkat);
}
