// Directory entries as the kernel writes them; src/ decodes the records.
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"

static napi_value Getdents64(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int fd = args.integer(0);
  const auto buffer = args.bytes(1);
  const int64_t at = args.wide(2);
  args.within(at, 0, buffer.length);
  if (!args.ok()) return args.refusal();
  const size_t room = buffer.length - static_cast<size_t>(at);
  return toNumber(env, checked(syscall(SYS_getdents64, fd, buffer.data + at, room)));
}

void addDir(Exports& exports) { exports.add("getdents64", Getdents64); }
