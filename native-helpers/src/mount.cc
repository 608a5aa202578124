// The mount calls, by raw system call: the C library of Debian 12 has wrappers only for some.
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"

// copy_mount_options of the kernel takes one page and cuts the rest off without a word.
constexpr size_t kMountData = 4096 + 1;

static napi_value Mount(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name source, target, type;
  char data[kMountData];
  size_t dataLength = 0;
  args.name(0, source);
  args.name(1, target);
  args.name(2, type);
  const unsigned long flags = static_cast<unsigned long>(args.wide(3));
  args.text(4, data, sizeof data, dataLength, E2BIG);
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, checked(syscall(SYS_mount, source.text, target.text, type.text, flags, data)));
}

static napi_value Umount2(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  Name target;
  args.name(0, target);
  const int flags = args.integer(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_umount2, target.text, flags)));
}

static napi_value OpenTree(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name path;
  const int dirfd = args.integer(0);
  args.name(1, path);
  const unsigned flags = args.word(2) | OPEN_TREE_CLOEXEC;
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_open_tree, dirfd, path.text, flags)));
}

static napi_value MountSetattr(napi_env env, napi_callback_info info) {
  Arguments<7> args(env, info);
  Name path;
  struct mount_attr attr = {};
  const int dirfd = args.integer(0);
  args.name(1, path);
  const unsigned flags = args.word(2);
  attr.attr_set = static_cast<uint64_t>(args.wide(3));
  attr.attr_clr = static_cast<uint64_t>(args.wide(4));
  attr.propagation = static_cast<uint64_t>(args.wide(5));
  attr.userns_fd = static_cast<uint64_t>(args.wide(6));
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, checked(syscall(SYS_mount_setattr, dirfd, path.text, flags, &attr, sizeof attr)));
}

static napi_value MoveMount(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name fromPath, toPath;
  const int fromFd = args.integer(0);
  args.name(1, fromPath);
  const int toFd = args.integer(2);
  args.name(3, toPath);
  const unsigned flags = args.word(4);
  if (!args.ok()) return args.refusal();
  return toNumber(
      env, checked(syscall(SYS_move_mount, fromFd, fromPath.text, toFd, toPath.text, flags)));
}

static napi_value Fsopen(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  Name type;
  args.name(0, type);
  const unsigned flags = args.word(1) | FSOPEN_CLOEXEC;
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_fsopen, type.text, flags)));
}

static napi_value Fsconfig(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name key, value;
  const int fd = args.integer(0);
  const unsigned command = args.word(1);
  const bool hasKey = !args.isNull(2);
  const bool hasValue = !args.isNull(3);
  if (hasKey) args.name(2, key);
  if (hasValue) args.name(3, value);
  const int aux = args.integer(4);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_fsconfig, fd, command, hasKey ? key.text : nullptr,
                                       hasValue ? value.text : nullptr, aux)));
}

static napi_value Fsmount(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int fd = args.integer(0);
  const unsigned flags = args.word(1) | FSMOUNT_CLOEXEC;
  const unsigned attrFlags = args.word(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_fsmount, fd, flags, attrFlags)));
}

void addMount(Exports& exports) {
  exports.add("mount", Mount);
  exports.add("umount2", Umount2);
  exports.add("open_tree", OpenTree);
  exports.add("mount_setattr", MountSetattr);
  exports.add("move_mount", MoveMount);
  exports.add("fsopen", Fsopen);
  exports.add("fsconfig", Fsconfig);
  exports.add("fsmount", Fsmount);
}
