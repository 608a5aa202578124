// Credentials of the calling thread and of no other: raw system calls, never the C library's
// wrappers, which would change every thread of the process.
#include <grp.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"
#include "identity.h"

// Two words each, low word first; version 3 of capget(2).
struct CapabilitySets {
  struct __user_cap_data_struct low, high;
};

static int64_t readSets(CapabilitySets& sets) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return checked(syscall(SYS_capget, &header, &sets));
}

static int64_t writeSets(const CapabilitySets& sets) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return checked(syscall(SYS_capset, &header, &sets));
}

// setfsuid and setfsgid report nothing but the id before; one that is no id changes nothing and
// so tells the present one.
constexpr uint32_t kNoId = 0xffffffff;
static uint32_t swapFsuid(uint32_t uid) { return static_cast<uint32_t>(syscall(SYS_setfsuid, uid)); }
static uint32_t swapFsgid(uint32_t gid) { return static_cast<uint32_t>(syscall(SYS_setfsgid, gid)); }

// A thread's own ids and sets, and those it has for now. Read once: every change of them goes
// through this addon, which then forgets them.
struct Identity {
  bool known = false;
  uint32_t ownUid = 0, ownGid = 0;
  uint32_t uid = 0, gid = 0;
  CapabilitySets sets = {};
  // The ids the kernel was last seen to accept: whether it does is decided by capabilities and
  // the map of the user namespace, which stay.
  uint32_t acceptedUid = kNoId, acceptedGid = kNoId;
};
static thread_local Identity identity;

void forgetIdentity() {
  if (!identity.known) return;
  swapFsgid(identity.ownGid);
  swapFsuid(identity.ownUid);
  identity = Identity{};
}

static int64_t readIdentity() {
  if (identity.known) return 0;
  const int64_t read = readSets(identity.sets);
  if (read < 0) return read;
  identity.uid = identity.ownUid = identity.acceptedUid = swapFsuid(kNoId);
  identity.gid = identity.ownGid = identity.acceptedGid = swapFsgid(kNoId);
  identity.known = true;
  return 0;
}

static bool switchGid(uint32_t gid) {
  if (gid == identity.gid) return true;
  swapFsgid(gid);
  if (gid != identity.acceptedGid && gid != identity.ownGid) {
    if (swapFsgid(kNoId) != gid) return false;
    identity.acceptedGid = gid;
  }
  identity.gid = gid;
  return true;
}

static bool switchUid(uint32_t uid) {
  if (uid == identity.uid) return true;
  swapFsuid(uid);
  if (uid != identity.acceptedUid && uid != identity.ownUid) {
    if (swapFsuid(kNoId) != uid) return false;
    identity.acceptedUid = uid;
  }
  identity.uid = uid;
  return true;
}

// Whether the kernel's own raising, from the permitted set, gives the effective set back.
static bool raisesByItself(const CapabilitySets& sets) {
  return sets.low.effective == sets.low.permitted && sets.high.effective == sets.high.permitted;
}

// The kernel drops the filesystem capabilities from the effective set when fsuid leaves 0
// (cap_task_fix_setuid, LSM_SETID_FS) and raises them when it returns: the set is put back as it
// was either way.
static int64_t switchTo(uint32_t uid, uint32_t gid) {
  const uint32_t from = identity.uid;
  if (!switchGid(gid) || !switchUid(uid)) return -EPERM;
  const bool dropped = from == 0 && uid != 0;
  const bool raised = from != 0 && uid == 0;
  if (!dropped && !(raised && !raisesByItself(identity.sets))) return 0;
  return writeSets(identity.sets);
}

static napi_value Assume(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const uint32_t uid = args.word(0);
  const uint32_t gid = args.word(1);
  if (!args.ok()) return args.refusal();
  int64_t result = readIdentity();
  if (result < 0) return toNumber(env, result);
  result = switchTo(uid, gid);
  if (result < 0) switchTo(identity.ownUid, identity.ownGid);
  return toNumber(env, result);
}

static napi_value Restore(napi_env env, napi_callback_info) {
  if (!identity.known) return toNumber(env, 0);
  return toNumber(env, switchTo(identity.ownUid, identity.ownGid));
}

static napi_value Umask(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const mode_t mask = args.word(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, umask(mask));
}

// Words of the three sets as JavaScript has them: effective, permitted, inheritable.
constexpr size_t kSetWords = 6;

static napi_value Capget(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const auto out = args.words(0);
  args.within(0, kSetWords, out.length);
  if (!args.ok()) return args.refusal();
  CapabilitySets sets;
  const int64_t result = readSets(sets);
  if (result < 0) return toNumber(env, result);
  out.data[0] = sets.low.effective;
  out.data[1] = sets.high.effective;
  out.data[2] = sets.low.permitted;
  out.data[3] = sets.high.permitted;
  out.data[4] = sets.low.inheritable;
  out.data[5] = sets.high.inheritable;
  return toNumber(env, 0);
}

static napi_value Capset(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const auto in = args.words(0);
  args.within(0, kSetWords, in.length);
  if (!args.ok()) return args.refusal();
  CapabilitySets sets;
  sets.low.effective = in.data[0];
  sets.high.effective = in.data[1];
  sets.low.permitted = in.data[2];
  sets.high.permitted = in.data[3];
  sets.low.inheritable = in.data[4];
  sets.high.inheritable = in.data[5];
  forgetIdentity();
  return toNumber(env, writeSets(sets));
}

static_assert(sizeof(gid_t) == sizeof(uint32_t));

static napi_value Setgroups(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const auto groups = args.words(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(syscall(SYS_setgroups, groups.length, groups.data)));
}

template <long Number>
static napi_value setThreeIds(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const uint32_t real = args.word(0);
  const uint32_t effective = args.word(1);
  const uint32_t saved = args.word(2);
  if (!args.ok()) return args.refusal();
  forgetIdentity();
  return toNumber(env, checked(syscall(Number, real, effective, saved)));
}

void addCredentials(Exports& exports) {
  exports.add("assume", Assume);
  exports.add("restore", Restore);
  exports.add("umask", Umask);
  exports.add("capget", Capget);
  exports.add("capset", Capset);
  exports.add("setgroups", Setgroups);
  exports.add("setresuid", setThreeIds<SYS_setresuid>);
  exports.add("setresgid", setThreeIds<SYS_setresgid>);
}
