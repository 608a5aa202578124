// inotify and fanotify: what becomes of a filesystem or a mount, told without keeping it.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>

#include "addon.h"
#include "args.h"

static napi_value InotifyInit1(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int flags = args.integer(0) | IN_CLOEXEC;
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(inotify_init1(flags)));
}

static napi_value InotifyAddWatch(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  Name path;
  const int fd = args.integer(0);
  args.name(1, path);
  const unsigned mask = args.word(2);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(inotify_add_watch(fd, path.text, mask)));
}

static napi_value FanotifyInit(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const unsigned flags = args.word(0) | FAN_CLOEXEC;
  const unsigned eventFlags = args.word(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(fanotify_init(flags, eventFlags)));
}

static napi_value FanotifyMark(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  Name path;
  const int fd = args.integer(0);
  const unsigned flags = args.word(1);
  const uint64_t mask = static_cast<uint64_t>(args.wide(2));
  const int dirfd = args.integer(3);
  args.name(4, path);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(fanotify_mark(fd, flags, mask, dirfd, path.text)));
}

void addNotify(Exports& exports) {
  exports.add("inotify_init1", InotifyInit1);
  exports.add("inotify_add_watch", InotifyAddWatch);
  exports.add("fanotify_init", FanotifyInit);
  exports.add("fanotify_mark", FanotifyMark);
}
