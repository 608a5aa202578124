// Extended attributes of one inode, never of what a symlink points to: getxattrat(2) and family,
// or the l*xattr calls through /proc/self/fd where the kernel has none of them.
#include <atomic>
#include <cstring>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"
#include "proc_fd.h"

// include/uapi/asm-generic/unistd.h, Linux 6.13: the same numbers on x86-64 and aarch64.
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

// struct xattr_args of include/uapi/linux/xattr.h, Linux 6.13.
struct XattrArguments {
  alignas(8) uint64_t value;
  uint32_t size;
  uint32_t flags;
};

static std::atomic<bool> lacksXattrat{false};

// The file that a call is about, in the three spellings in which it is asked for.
struct Target {
  int dirfd;
  const Name& name;

  // What ENOENT means: there is no magic link for a descriptor that is not open.
  int64_t absence() const {
    const bool named = !name.empty() && (name.text[0] == '/' || dirfd == AT_FDCWD);
    return named || fcntl(dirfd, F_GETFD) >= 0 ? -ENOENT : -EBADF;
  }

  // A path for the l*xattr calls. For '' the magic link itself must be followed: it leads to the
  // object, a symlink too, so the calls that follow are right for it.
  bool path(char* room, size_t size) const {
    int length;
    if (name.empty()) {
      length = snprintf(room, size, "%s", FdPath(dirfd).text);
    } else if (name.text[0] == '/' || dirfd == AT_FDCWD) {
      length = snprintf(room, size, "%s", name.text);
    } else {
      length = snprintf(room, size, "%s/%s", FdPath(dirfd).text, name.text);
    }
    return static_cast<size_t>(length) < size;
  }
};

// Tries `at(dirfd, name, flags)`, for an O_PATH descriptor (EBADF) `at` on its magic link, and
// for kernels without the calls `through(path, follow)`.
template <class At, class Through>
static int64_t onTarget(const Target& target, At at, Through through) {
  if (!lacksXattrat.load(std::memory_order_relaxed)) {
    const bool itself = target.name.empty();
    const unsigned flags = itself ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    int64_t result = checked(at(target.dirfd, target.name.text, flags));
    if (result == -EBADF && itself && target.dirfd >= 0) {
      const int directory = procFd();
      if (directory < 0) return directory;
      result = checked(at(directory, FdName(target.dirfd).text, 0U));
      if (result == -ENOENT) result = target.absence();
    }
    if (result != -ENOSYS) return result;
    lacksXattrat.store(true, std::memory_order_relaxed);
  }
  char path[PATH_MAX + 32];
  if (!target.path(path, sizeof path)) return -ENAMETOOLONG;
  const int64_t result = checked(through(path, target.name.empty()));
  return result == -ENOENT ? target.absence() : result;
}

static napi_value Getxattrat(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  Name name;
  char attribute[XATTR_NAME_MAX + 2];
  size_t attributeLength = 0;
  const int dirfd = args.integer(0);
  args.name(1, name);
  args.text(2, attribute, sizeof attribute, attributeLength, ERANGE);
  const auto value = args.bytes(3);
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, onTarget(
               {dirfd, name},
               [&](int fd, const char* path, unsigned flags) {
                 const XattrArguments out = {reinterpret_cast<uint64_t>(value.data),
                                             static_cast<uint32_t>(value.length), 0};
                 return syscall(SYS_getxattrat, fd, path, flags, attribute, &out, sizeof out);
               },
               [&](const char* path, bool follow) {
                 return (follow ? getxattr : lgetxattr)(path, attribute, value.data, value.length);
               }));
}

static napi_value Setxattrat(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name name;
  char attribute[XATTR_NAME_MAX + 2];
  size_t attributeLength = 0;
  const int dirfd = args.integer(0);
  args.name(1, name);
  args.text(2, attribute, sizeof attribute, attributeLength, ERANGE);
  const auto value = args.bytes(3);
  const uint32_t create = args.word(4);
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, onTarget(
               {dirfd, name},
               [&](int fd, const char* path, unsigned flags) {
                 const XattrArguments in = {reinterpret_cast<uint64_t>(value.data),
                                            static_cast<uint32_t>(value.length), create};
                 return syscall(SYS_setxattrat, fd, path, flags, attribute, &in, sizeof in);
               },
               [&](const char* path, bool follow) {
                 return (follow ? setxattr : lsetxattr)(path, attribute, value.data, value.length,
                                                        static_cast<int>(create));
               }));
}

// The kernel allocates as much as it is offered, for each call.
constexpr size_t kListAtFirst = 1024;

static int64_t listInto(const Target& target, char* room, size_t size) {
  return onTarget(
      target,
      [&](int fd, const char* path, unsigned flags) {
        return syscall(SYS_listxattrat, fd, path, flags, room, size);
      },
      [&](const char* path, bool follow) {
        return (follow ? listxattr : llistxattr)(path, room, size);
      });
}

static int64_t listOf(const Target& target, char* room, size_t size) {
  if (size <= kListAtFirst) return listInto(target, room, size);
  const int64_t got = listInto(target, room, kListAtFirst);
  return got == -ERANGE ? listInto(target, room, size) : got;
}

static napi_value Listxattrat(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name name;
  const int dirfd = args.integer(0);
  args.name(1, name);
  const auto list = args.bytes(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, listOf({dirfd, name}, reinterpret_cast<char*>(list.data), list.length));
}

// Whether a list of names, each with a NUL behind it, has one that begins so.
static bool hasPrefix(const char* list, int64_t length, const char* prefix, size_t prefixLength) {
  for (const char* name = list; name < list + length; name += strlen(name) + 1) {
    if (strncmp(name, prefix, prefixLength) == 0) return true;
  }
  return false;
}

// For many names of a directory: marks[i] is 1 where an attribute begins with the prefix or the
// list cannot be read, 0 where none does.
static napi_value XattrPrefixBatch(napi_env env, napi_callback_info info) {
  Arguments<7> args(env, info);
  char prefix[XATTR_NAME_MAX + 2];
  size_t prefixLength = 0;
  const int dirfd = args.integer(0);
  const auto names = args.bytes(1);
  const auto offsets = args.words(2);
  const int64_t first = args.wide(3);
  const int64_t count = args.wide(4);
  args.text(5, prefix, sizeof prefix, prefixLength, ERANGE);
  const auto marks = args.bytes(6);
  args.within(first, count, offsets.length);
  args.within(0, count, marks.length);
  if (!args.ok()) return args.refusal();
  static thread_local char list[XATTR_LIST_MAX];
  static thread_local Name name;
  for (int64_t i = 0; i < count; i++) {
    const size_t start = offsets.data[first + i];
    const size_t room = start < names.length ? names.length - start : 0;
    const char* text = reinterpret_cast<const char*>(names.data + start);
    const void* end = room > 0 ? memchr(text, 0, room) : nullptr;
    const size_t length = end == nullptr ? 0 : static_cast<const char*>(end) - text;
    if (end == nullptr || length >= sizeof name.text) {
      args.outOfRange("a name outside the buffer");
      return args.refusal();
    }
    memcpy(name.text, text, length + 1);
    name.length = length;
    const int64_t got = listOf({dirfd, name}, list, sizeof list);
    const bool has = got > 0 && hasPrefix(list, got, prefix, prefixLength);
    marks.data[i] = has || (got < 0 && got != -EOPNOTSUPP) ? 1 : 0;
  }
  return toNumber(env, 0);
}

static napi_value Removexattrat(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name name;
  char attribute[XATTR_NAME_MAX + 2];
  size_t attributeLength = 0;
  const int dirfd = args.integer(0);
  args.name(1, name);
  args.text(2, attribute, sizeof attribute, attributeLength, ERANGE);
  if (!args.ok()) return args.refusal();
  return toNumber(env, onTarget(
                           {dirfd, name},
                           [&](int fd, const char* path, unsigned flags) {
                             return syscall(SYS_removexattrat, fd, path, flags, attribute);
                           },
                           [&](const char* path, bool follow) {
                             return (follow ? removexattr : lremovexattr)(path, attribute);
                           }));
}

void addXattr(Exports& exports) {
  exports.add("getxattrat", Getxattrat);
  exports.add("setxattrat", Setxattrat);
  exports.add("listxattrat", Listxattrat);
  exports.add("xattrPrefixBatch", XattrPrefixBatch);
  exports.add("removexattrat", Removexattrat);
}
