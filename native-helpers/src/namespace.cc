// Namespaces of the calling thread.
#include <sched.h>

#include "addon.h"
#include "args.h"
#include "identity.h"

static napi_value Unshare(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int flags = args.integer(0);
  if (!args.ok()) return args.refusal();
  forgetIdentity();
  return toNumber(env, checked(unshare(flags)));
}

static napi_value Setns(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const int type = args.integer(1);
  if (!args.ok()) return args.refusal();
  forgetIdentity();
  return toNumber(env, checked(setns(fd, type)));
}

void addNamespace(Exports& exports) {
  exports.add("unshare", Unshare);
  exports.add("setns", Setns);
}
