// /dev/fuse: its ioctls, and the loops of the serving threads as JavaScript sees them.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "addon.h"
#include "args.h"
#include "fuse_recent.h"
#include "loop.h"

// ---- ioctls --------------------------------------------------------------------------------

static napi_value BackingOpen(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int device = args.integer(0);
  recent::fuse_backing_map map = {args.integer(1), 0, 0};
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(device, recent::kBackingOpen, &map)));
}

static napi_value BackingClose(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int device = args.integer(0);
  const uint32_t backing = args.word(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(device, recent::kBackingClose, &backing)));
}

static napi_value DeviceClone(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int clone = args.integer(0);
  const uint32_t device = args.word(1);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(ioctl(clone, FUSE_DEV_IOC_CLONE, &device)));
}

// ---- the table of loops --------------------------------------------------------------------

static std::mutex tableGuard;
static std::map<int, std::shared_ptr<Loop>> table;
static int lastId = 0;

Loop* findLoop(Environment& environment, int id) {
  Loop* recentLoop = environment.recent.get();
  if (recentLoop != nullptr && recentLoop->id() == id && !recentLoop->closed()) return recentLoop;
  const std::lock_guard guard(tableGuard);
  const auto found = table.find(id);
  environment.recent = found == table.end() ? nullptr : found->second;
  return environment.recent.get();
}

static void endLoop(const std::shared_ptr<Loop>& loop) {
  {
    const std::lock_guard guard(tableGuard);
    table.erase(loop->id());
  }
  loop->close();
}

void endLoops(Environment& environment) {
  environment.recent.reset();
  for (const auto& loop : environment.created) endLoop(loop);
  environment.created.clear();
}

// ---- creation ------------------------------------------------------------------------------

// An ArrayBuffer over memory that it keeps alive.
static napi_value bufferOf(napi_env env, const std::shared_ptr<LoopMemory>& owner,
                           const Memory& memory) {
  auto* kept = new std::shared_ptr<LoopMemory>(owner);
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, memory.data(), memory.size(),
      [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<LoopMemory>*>(hint); },
      kept, &buffer);
  if (status != napi_ok) delete kept;
  return buffer;
}

static napi_value describeLoop(napi_env env, const Loop& loop) {
  const auto& memory = loop.memory();
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "id", toNumber(env, loop.id()));
  napi_set_named_property(env, object, "requests", bufferOf(env, memory, memory->requests));
  napi_set_named_property(env, object, "reply", bufferOf(env, memory, memory->reply));
  napi_set_named_property(env, object, "status", bufferOf(env, memory, memory->statusBlock));
  napi_set_named_property(env, object, "wakeFd", toNumber(env, loop.wakeFd()));
  return object;
}

// A serving thread's memory stays far below this; more is a mistake in the arguments.
constexpr int64_t kMostBytes = int64_t{1} << 32;

static napi_value LoopCreate(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int64_t slots = args.wide(0);
  const int64_t slotBytes = args.wide(1);
  if (slots < 1 || slotBytes < 1 || slots > kMostBytes / slotBytes) {
    args.outOfRange("slots and slotBytes");
  }
  if (!args.ok()) return args.refusal();
  const auto memory =
      std::make_shared<LoopMemory>(static_cast<size_t>(slots), static_cast<size_t>(slotBytes));
  const int wakeFd = memory->complete() ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
  if (wakeFd < 0) {
    napi_throw_error(env, memory->complete() ? "EMFILE" : "ENOMEM",
                     memory->complete() ? "no descriptor for a loop" : "no memory for a loop");
    return nullptr;
  }
  std::shared_ptr<Loop> loop;
  {
    const std::lock_guard guard(tableGuard);
    loop = std::make_shared<Loop>(++lastId, memory, wakeFd);
    table[loop->id()] = loop;
  }
  args.environment().created.push_back(loop);
  args.environment().recent = loop;
  return describeLoop(env, *loop);
}

static napi_value LoopDestroy(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int id = args.integer(0);
  if (!args.ok()) return args.refusal();
  Environment& environment = args.environment();
  if (findLoop(environment, id) == nullptr) return toNumber(env, -EBADF);
  const std::shared_ptr<Loop> loop = std::move(environment.recent);
  environment.recent.reset();
  std::erase(environment.created, loop);
  endLoop(loop);
  return toNumber(env, 0);
}

// ---- serving -------------------------------------------------------------------------------

template <int64_t (Loop::*Change)(int)>
static napi_value changeDevices(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int id = args.integer(0);
  const int device = args.integer(1);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  return toNumber(env, loop == nullptr ? -EBADF : (loop->*Change)(device));
}

static napi_value LoopExchange(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  const int id = args.integer(0);
  const int device = args.integer(1);
  const int64_t replyBytes = args.wide(2);
  const int64_t slot = args.wide(3);
  const int64_t spinNanoseconds = args.wide(4);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  args.within(0, replyBytes, loop->memory()->slotBytes);
  args.within(slot, 1, loop->memory()->slots);
  if (!args.ok()) return args.refusal();
  return toNumber(env, loop->exchange(device, static_cast<size_t>(replyBytes),
                                      static_cast<size_t>(slot), spinNanoseconds));
}

static napi_value LoopReply(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int id = args.integer(0);
  const int device = args.integer(1);
  const int64_t replyBytes = args.wide(2);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  args.within(0, replyBytes, loop->memory()->slotBytes);
  if (!args.ok()) return args.refusal();
  return toNumber(env, loop->reply(device, static_cast<size_t>(replyBytes)));
}

static napi_value LoopReadNow(napi_env env, napi_callback_info info) {
  Arguments<7> args(env, info);
  const int id = args.integer(0);
  const int device = args.integer(1);
  const uint64_t unique = args.pair(2);
  const int fd = args.integer(4);
  const int64_t position = args.wide(5);
  const int64_t size = args.wide(6);
  args.within(0, size, recent::kMostData);
  if (!args.ok()) return args.refusal();
  Loop* loop = findLoop(args.environment(), id);
  if (loop == nullptr) return toNumber(env, -EBADF);
  return toNumber(env, loop->readNow(device, unique, fd, position, static_cast<size_t>(size)));
}

void addDevice(Exports& exports) {
  exports.add("backingOpen", BackingOpen);
  exports.add("backingClose", BackingClose);
  exports.add("deviceClone", DeviceClone);
  exports.add("loopCreate", LoopCreate);
  exports.add("loopDestroy", LoopDestroy);
  exports.add("loopAdd", changeDevices<&Loop::add>);
  exports.add("loopRemove", changeDevices<&Loop::remove>);
  exports.add("loopExchange", LoopExchange);
  exports.add("loopReply", LoopReply);
  exports.add("loopReadNow", LoopReadNow);
}
