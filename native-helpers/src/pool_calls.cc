// The pool's functions as JavaScript calls them: they check arguments and hand over a job.
#include "addon.h"
#include "args.h"
#include "copy.h"
#include "fuse_recent.h"
#include "loop.h"
#include "pool.h"

static napi_value submit(napi_env env, Loop* loop, Job&& job) {
  return toNumber(env, loop == nullptr ? -EBADF : loop->pool().submit(std::move(job)));
}

constexpr unsigned kMostThreads = 64;

static napi_value PoolStart(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int id = args.integer(0);
  const uint32_t threads = args.word(1);
  if (threads > kMostThreads) args.outOfRange("threads");
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  return toNumber(env, loop == nullptr ? -EBADF : loop->pool().start(threads));
}

static napi_value LoopDrain(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int id = args.integer(0);
  const auto out = args.doubles(1);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  return toNumber(env, static_cast<int64_t>(loop->drain(out.data, out.length / 2)));
}

// The end of work that another thread of JavaScript did for the loop's.
static napi_value LoopPost(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int id = args.integer(0);
  const double token = static_cast<double>(args.word(1));
  const int64_t result = args.wide(2);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  loop->post(token, result, true);
  return toNumber(env, 0);
}

static napi_value PoolRead(napi_env env, napi_callback_info info) {
  Arguments<9> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kRead, static_cast<double>(args.word(7)), args.flag(8)};
  job.device = args.integer(1);
  job.unique = args.pair(2);
  job.fd = args.integer(4);
  job.offset = args.wide(5);
  job.length = args.wide(6);
  args.within(0, job.length, recent::kMostData);
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolWrite(napi_env env, napi_callback_info info) {
  Arguments<11> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kWrite, static_cast<double>(args.word(9)), args.flag(10)};
  job.device = args.integer(1);
  job.unique = args.pair(2);
  job.fd = args.integer(4);
  job.offset = args.wide(5);
  const int64_t slot = args.wide(6);
  const int64_t at = args.wide(7);
  job.length = args.wide(8);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  const LoopMemory& memory = *loop->memory();
  args.within(slot, 1, memory.slots);
  args.within(at, job.length, memory.slotBytes);
  if (!args.ok()) return args.refusal();
  job.data = memory.requests.data() + static_cast<size_t>(slot) * memory.slotBytes + at;
  return submit(env, loop, std::move(job));
}

static napi_value PoolFsync(napi_env env, napi_callback_info info) {
  Arguments<8> args(env, info);
  const int id = args.integer(0);
  const bool dataOnly = args.flag(5);
  Job job = {dataOnly ? JobKind::kFdatasync : JobKind::kFsync, static_cast<double>(args.word(6)),
             args.flag(7)};
  job.device = args.integer(1);
  job.unique = args.pair(2);
  job.fd = args.integer(4);
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolFallocate(napi_env env, napi_callback_info info) {
  Arguments<10> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kFallocate, static_cast<double>(args.word(8)), args.flag(9)};
  job.device = args.integer(1);
  job.unique = args.pair(2);
  job.fd = args.integer(4);
  job.mode = args.integer(5);
  job.offset = args.wide(6);
  job.length = args.wide(7);
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolCopyRange(napi_env env, napi_callback_info info) {
  Arguments<12> args(env, info);
  const int id = args.integer(0);
  const bool wide = args.flag(9);
  Job job = {wide ? JobKind::kCopyRangeWide : JobKind::kCopyRange,
             static_cast<double>(args.word(10)), args.flag(11)};
  job.device = args.integer(1);
  job.unique = args.pair(2);
  job.fd = args.integer(4);
  job.offset = args.wide(5);
  job.fdOut = args.integer(6);
  job.offsetOut = args.wide(7);
  job.length = args.wide(8);
  // What fuse_write_out can tell.
  const int64_t most = wide ? INT64_MAX : static_cast<int64_t>(UINT32_MAX);
  if (job.length < 0) args.outOfRange("a negative length");
  if (job.length > most) job.length = most;
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

// Argument `index` as one of CopySync.
template <size_t Count>
static int syncArgument(Arguments<Count>& args, size_t index) {
  const int sync = args.integer(index);
  if (sync < kSyncNothing || sync > kSyncFile) args.outOfRange("sync");
  return sync;
}

static napi_value PoolCopyData(napi_env env, napi_callback_info info) {
  Arguments<6> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kCopyData, static_cast<double>(args.word(5)), true};
  job.fd = args.integer(1);
  job.fdOut = args.integer(2);
  job.length = args.wide(3);
  job.mode = syncArgument(args, 4);
  if (job.length < 0) args.outOfRange("a negative size");
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolCopyPart(napi_env env, napi_callback_info info) {
  Arguments<8> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kCopyPart, static_cast<double>(args.word(7)), true};
  job.fd = args.integer(1);
  job.offset = args.wide(2);
  job.fdOut = args.integer(3);
  job.offsetOut = args.wide(4);
  job.length = args.wide(5);
  job.mode = syncArgument(args, 6);
  if (job.offset < 0 || job.offsetOut < 0 || job.length < 0) args.outOfRange("a negative place");
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolSync(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kSync, static_cast<double>(args.word(3)), true};
  job.fd = args.integer(1);
  job.mode = syncArgument(args, 2);
  if (!args.ok()) return args.refusal();
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolNotify(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int id = args.integer(0);
  Job job = {JobKind::kNotify, static_cast<double>(args.word(3)), true};
  job.device = args.integer(1);
  const auto bytes = args.bytes(2);
  if (!args.ok()) return args.refusal();
  job.bytes.assign(bytes.data, bytes.data + bytes.length);
  return submit(env, findLoop(args.environment(), id), std::move(job));
}

static napi_value PoolForgetNotices(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int id = args.integer(0);
  const int device = args.integer(1);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  loop->pool().forgetNotices(device);
  return toNumber(env, 0);
}

static napi_value LoopWakeAlways(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int id = args.integer(0);
  const bool always = args.flag(1);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  loop->wakeAlways(always);
  return toNumber(env, 0);
}

static napi_value CopyData(napi_env env, napi_callback_info info) {
  Arguments<4> args(env, info);
  const int in = args.integer(0);
  const int out = args.integer(1);
  const int64_t size = args.wide(2);
  const int sync = syncArgument(args, 3);
  if (size < 0) args.outOfRange("a negative size");
  if (!args.ok()) return args.refusal();
  return toNumber(env, copyData(in, out, size, sync, nullptr));
}

void addPool(Exports& exports) {
  exports.add("poolStart", PoolStart);
  exports.add("loopDrain", LoopDrain);
  exports.add("loopPost", LoopPost);
  exports.add("poolRead", PoolRead);
  exports.add("poolWrite", PoolWrite);
  exports.add("poolFsync", PoolFsync);
  exports.add("poolFallocate", PoolFallocate);
  exports.add("poolCopyRange", PoolCopyRange);
  exports.add("poolCopyData", PoolCopyData);
  exports.add("poolCopyPart", PoolCopyPart);
  exports.add("poolSync", PoolSync);
  exports.add("poolNotify", PoolNotify);
  exports.add("poolForgetNotices", PoolForgetNotices);
  exports.add("loopWakeAlways", LoopWakeAlways);
  exports.add("copyData", CopyData);
}
