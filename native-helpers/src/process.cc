// Limits, prctl, eventfds, descriptors over unix sockets, and waiting for what a descriptor tells.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <new>

#include "addon.h"
#include "args.h"

static double fromLimit(rlim_t limit) {
  return limit == RLIM_INFINITY ? -1 : static_cast<double>(limit);
}

static rlim_t toLimit(int64_t value) {
  return value < 0 ? RLIM_INFINITY : static_cast<rlim_t>(value);
}

static napi_value Getrlimit(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int resource = args.integer(0);
  const auto out = args.doubles(1);
  args.within(0, 2, out.length);
  if (!args.ok()) return args.refusal();
  struct rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) < 0) {
    return toNumber(env, -errno);
  }
  out.data[0] = fromLimit(limit.rlim_cur);
  out.data[1] = fromLimit(limit.rlim_max);
  return toNumber(env, 0);
}

static napi_value Setrlimit(napi_env env, napi_callback_info info) {
  Arguments<3> args(env, info);
  const int resource = args.integer(0);
  const struct rlimit limit = {toLimit(args.wide(1)), toLimit(args.wide(2))};
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(setrlimit(static_cast<__rlimit_resource>(resource), &limit)));
}

static napi_value Prctl(napi_env env, napi_callback_info info) {
  Arguments<5> args(env, info);
  const int option = args.integer(0);
  const int64_t arg2 = args.wide(1);
  const int64_t arg3 = args.wide(2);
  const int64_t arg4 = args.wide(3);
  const int64_t arg5 = args.wide(4);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(prctl(option, arg2, arg3, arg4, arg5)));
}

static napi_value Eventfd(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const unsigned initial = args.word(0);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)));
}

static napi_value EventfdSignal(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return args.refusal();
  const uint64_t one = 1;
  return toNumber(env, write(fd, &one, sizeof one) < 0 ? -errno : 0);
}

static napi_value Socketpair(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const auto out = args.integers(0);
  args.within(0, 2, out.length);
  if (!args.ok()) return args.refusal();
  return toNumber(env, checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out.data)));
}

// More descriptors than one are received to be closed: none may stay behind unseen.
constexpr size_t kMostDescriptors = 16;

static int takeDescriptor(struct msghdr& message) {
  int taken = -1;
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      if (taken < 0) {
        taken = fd;
      } else {
        close(fd);
      }
    }
  }
  return taken;
}

static napi_value ReceiveFd(napi_env env, napi_callback_info info) {
  Arguments<1> args(env, info);
  const int socket = args.integer(0);
  if (!args.ok()) return args.refusal();
  char byte;
  struct iovec data = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return toNumber(env, -errno);
  const int fd = takeDescriptor(message);
  return toNumber(env, fd < 0 ? -ENODATA : fd);
}

static napi_value SendFd(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int socket = args.integer(0);
  const int fd = args.integer(1);
  if (!args.ok()) return args.refusal();
  char byte = 0;
  struct iovec data = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(part), &fd, sizeof fd);
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return toNumber(env, sent < 0 ? -errno : 0);
}

static napi_value PeerCredentials(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int socket = args.integer(0);
  const auto out = args.integers(1);
  args.within(0, 3, out.length);
  if (!args.ok()) return args.refusal();
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return toNumber(env, -errno);
  out.data[0] = peer.pid;
  out.data[1] = static_cast<int32_t>(peer.uid);
  out.data[2] = static_cast<int32_t>(peer.gid);
  return toNumber(env, 0);
}

namespace {

struct PollJob {
  struct pollfd of;
  int result;
  napi_async_work work;
  napi_deferred deferred;
};

void pollNow(napi_env, void* data) {
  auto* job = static_cast<PollJob*>(data);
  int ready;
  do {
    ready = poll(&job->of, 1, -1);
  } while (ready < 0 && errno == EINTR);
  job->result = ready < 0 ? -errno : job->of.revents;
}

void pollDone(napi_env env, napi_status status, void* data) {
  auto* job = static_cast<PollJob*>(data);
  if (status != napi_ok) job->result = -ECANCELED;
  napi_resolve_deferred(env, job->deferred, toNumber(env, job->result));
  napi_delete_async_work(env, job->work);
  delete job;
}

napi_value PollAsync(napi_env env, napi_callback_info info) {
  Arguments<2> args(env, info);
  const int fd = args.integer(0);
  const int events = args.integer(1);
  if (!args.ok()) return args.refusal();
  auto* job = new (std::nothrow) PollJob{{fd, static_cast<short>(events), 0}, 0, nullptr, nullptr};
  if (job == nullptr) return toNumber(env, -ENOMEM);
  napi_value promise = nullptr;
  napi_value name = nullptr;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "plyfs:poll", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, pollNow, pollDone, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

}  // namespace

void addProcess(Exports& exports) {
  exports.add("getrlimit", Getrlimit);
  exports.add("setrlimit", Setrlimit);
  exports.add("prctl", Prctl);
  exports.add("eventfd", Eventfd);
  exports.add("eventfdSignal", EventfdSignal);
  exports.add("socketpair", Socketpair);
  exports.add("receiveFd", ReceiveFd);
  exports.add("sendFd", SendFd);
  exports.add("peerCredentials", PeerCredentials);
  exports.add("pollAsync", PollAsync);
}
