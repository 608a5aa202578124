// The serving thread's loop: reply, fetch, spin, sleep. With one device whose next request is
// there already an exchange is two system calls, the write and the read, and nothing else.
#include "loop.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pool.h"

// No request, and nobody woke the loop.
constexpr int64_t kNothing = INT64_MIN;
// A wake from outside is looked for once in so many exchanges, and turns of spinning: the
// descriptor costs a system call, a completion's flag none.
constexpr unsigned kExchangesPerLook = 64;
constexpr unsigned kTurnsPerLook = 16;
// Devices that one question to epoll may name.
constexpr int kMostEvents = 64;

LoopMemory::LoopMemory(size_t slotCount, size_t bytesPerSlot)
    : slots(slotCount),
      slotBytes(bytesPerSlot),
      requests(slotCount * bytesPerSlot),
      reply(bytesPerSlot),
      statusBlock(kStatusBytes) {}

bool LoopMemory::complete() const {
  return requests.data() != nullptr && reply.data() != nullptr && statusBlock.data() != nullptr;
}

Loop::Loop(int id, std::shared_ptr<LoopMemory> memory, int wakeFd)
    : id_(id), memory_(std::move(memory)), wakeFd_(wakeFd), pool_(std::make_unique<Pool>(*this)) {}

Loop::~Loop() {
  if (epoll_ >= 0) ::close(epoll_);
  ::close(wakeFd_);
}

void Loop::close() {
  closed_.store(true, std::memory_order_release);
  pool_->stop();
  const uint64_t one = 1;
  (void)!write(wakeFd_, &one, sizeof one);
}

int64_t Loop::add(int device) {
  const int flags = fcntl(device, F_GETFL);
  if (flags < 0 || fcntl(device, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  {
    const std::lock_guard guard(devicesGuard_);
    if (std::find(devices_.begin(), devices_.end(), device) != devices_.end()) return -EEXIST;
    devices_.push_back(device);
  }
  changes_.fetch_add(1);
  wakeIfAsleep();
  return 0;
}

int64_t Loop::remove(int device) {
  {
    const std::lock_guard guard(devicesGuard_);
    const auto found = std::find(devices_.begin(), devices_.end(), device);
    if (found == devices_.end()) return -ENOENT;
    devices_.erase(found);
  }
  changes_.fetch_add(1);
  wakeIfAsleep();
  return 0;
}

int64_t Loop::exchange(int device, size_t replyBytes, size_t slot, int64_t spinNanoseconds) {
  uint32_t* status = memory_->status();
  status[kStatusReplyErrno] =
      replyBytes > 0 ? static_cast<uint32_t>(-reply(device, replyBytes)) : 0;
  status[kStatusSlept] = 0;
  if (changes_.load(std::memory_order_acquire) != taken_) takeChanges();
  if (takeWake()) return 0;
  if (++rounds_ % kExchangesPerLook == 0 && drainEvent()) return 0;
  int64_t result = fetchAny(slot);
  if (result != kNothing) return result;
  if (spinNanoseconds > 0) {
    result = spin(slot, spinNanoseconds);
    if (result != kNothing) return result;
  }
  status[kStatusSlept] = 1;
  return sleep(slot);
}

int64_t Loop::reply(int device, size_t replyBytes) {
  return writeDevice(device, memory_->reply.data(), replyBytes);
}

// One READ from memory, without waiting. Reads until the size or the end of the file: a page
// that is not there makes the whole of it the pool's.
int64_t Loop::readNow(int device, uint64_t unique, int fd, int64_t position, size_t size) {
  constexpr size_t kHeader = sizeof(struct fuse_out_header);
  // preadv2 takes -1 for the descriptor's own position.
  if (position < 0) return -EINVAL;
  if (!readBuffer_.ensure(kHeader + size)) return -ENOMEM;
  size_t done = 0;
  while (done < size) {
    const struct iovec room = {readBuffer_.data() + kHeader + done, size - done};
    const ssize_t got =
        preadv2(fd, &room, 1, position + static_cast<int64_t>(done), RWF_NOWAIT);
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      return errno == EOPNOTSUPP || errno == ENOSYS ? -EAGAIN : -errno;
    }
  }
  auto* header = reinterpret_cast<struct fuse_out_header*>(readBuffer_.data());
  header->len = static_cast<uint32_t>(kHeader + done);
  header->error = 0;
  header->unique = unique;
  const int64_t written = writeDevice(device, header, kHeader + done);
  // Interrupted or unmounted meanwhile: there is nobody left to answer.
  if (written < 0 && written != -ENOENT && written != -ENODEV && written != -ECONNABORTED) {
    return written;
  }
  return static_cast<int64_t>(done);
}

void Loop::post(double token, int64_t result, bool wake) {
  {
    const std::lock_guard guard(completionsGuard_);
    completions_.push_back({token, static_cast<double>(result)});
    std::atomic_ref(memory_->status()[kStatusCompletions])
        .store(static_cast<uint32_t>(completions_.size()), std::memory_order_release);
  }
  if (!wake && !wakesAlways_.load()) return;
  woken_.store(true);
  wakeIfAsleep();
}

size_t Loop::drain(double* pairs, size_t most) {
  const std::lock_guard guard(completionsGuard_);
  const size_t count = std::min(most, completions_.size());
  for (size_t i = 0; i < count; i++) {
    pairs[2 * i] = completions_.front().token;
    pairs[2 * i + 1] = completions_.front().result;
    completions_.pop_front();
  }
  std::atomic_ref(memory_->status()[kStatusCompletions])
      .store(static_cast<uint32_t>(completions_.size()), std::memory_order_release);
  // Their wake has been taken: what is left behind needs one.
  if (!completions_.empty()) woken_.store(true);
  return count;
}

// One request of a device: its bytes, kNothing, or -errno. ENOENT is a request that was
// interrupted before it could be read.
int64_t Loop::fetch(int device, size_t slot) {
  uint8_t* room = memory_->requests.data() + slot * memory_->slotBytes;
  for (;;) {
    const ssize_t got = read(device, room, memory_->slotBytes);
    if (got < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (got < 0 && errno == EAGAIN) return kNothing;
    const int64_t result = got > 0 ? got : got == 0 ? -ENODEV : -errno;
    memory_->status()[kStatusDevice] = static_cast<uint32_t>(device);
    return result;
  }
}

int64_t Loop::fetchAny(size_t slot) {
  if (served_.size() == 1) return fetch(served_.front(), slot);
  return served_.empty() ? kNothing : fetchReady(slot);
}

// A request of the devices epoll named, in their turn; 0 when it named the wake descriptor.
int64_t Loop::fetchReady(size_t slot) {
  if (ready_.empty() && refill(0)) return 0;
  while (!ready_.empty()) {
    const int device = ready_.front();
    ready_.pop_front();
    const int64_t result = fetch(device, slot);
    if (result != kNothing) return result;
  }
  return kNothing;
}

static int64_t now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

int64_t Loop::spin(size_t slot, int64_t nanoseconds) {
  const int64_t end = now() + nanoseconds;
  unsigned turns = 0;
  do {
    if (takeWake()) return 0;
    if (++turns % kTurnsPerLook == 0 && drainEvent()) return 0;
    const int64_t result = fetchAny(slot);
    if (result != kNothing) return result;
  } while (now() < end);
  return kNothing;
}

int64_t Loop::sleep(size_t slot) {
  for (;;) {
    // Announced before the last look, as a poster sets its flag before it looks whether we sleep:
    // one of the two sees the other.
    sleeping_.store(true);
    if (woken_.load() || changes_.load() != taken_) {
      sleeping_.store(false);
      woken_.store(false);
      return 0;
    }
    const bool woken = served_.size() > 1 ? refill(-1) : waitForOne();
    sleeping_.store(false);
    if (woken) {
      woken_.store(false);
      return 0;
    }
    const int64_t result = fetchAny(slot);
    if (result != kNothing) return result;
  }
}

// Waits for the only device (or none); true when it was the wake descriptor.
bool Loop::waitForOne() {
  struct pollfd fds[2] = {{wakeFd_, POLLIN, 0}, {-1, POLLIN, 0}};
  if (!served_.empty()) fds[1].fd = served_.front();
  if (ppoll(fds, 2, nullptr, nullptr) < 0) return false;
  return fds[0].revents != 0 && drainEvent();
}

// Asks epoll which devices have something; true when the wake descriptor has.
bool Loop::refill(int milliseconds) {
  struct epoll_event events[kMostEvents];
  const int count = epoll_wait(epoll_, events, kMostEvents, milliseconds);
  bool woken = false;
  for (int i = 0; i < count; i++) {
    if (events[i].data.fd == wakeFd_) {
      woken = drainEvent();
    } else {
      ready_.push_back(events[i].data.fd);
    }
  }
  return woken;
}

void Loop::takeChanges() {
  {
    const std::lock_guard guard(devicesGuard_);
    taken_ = changes_.load();
    served_ = devices_;
  }
  ready_.clear();
  if (epoll_ >= 0) ::close(epoll_);
  epoll_ = -1;
  if (served_.size() > 1) watchDevices();
}

// A descriptor that epoll refuses is served at once, so that its error is seen.
void Loop::watchDevices() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = wakeFd_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeFd_, &event);
  for (const int device : served_) {
    event.data.fd = device;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, device, &event) < 0) ready_.push_back(device);
  }
}

bool Loop::takeWake() {
  return woken_.load(std::memory_order_acquire) && woken_.exchange(false);
}

bool Loop::drainEvent() {
  uint64_t count;
  return read(wakeFd_, &count, sizeof count) > 0;
}

void Loop::wakeIfAsleep() {
  if (!sleeping_.load()) return;
  const uint64_t one = 1;
  (void)!write(wakeFd_, &one, sizeof one);
}

int64_t writeDevice(int device, const void* bytes, size_t length) {
  for (;;) {
    const ssize_t written = write(device, bytes, length);
    if (written >= 0) return 0;
    if (errno != EINTR) return -errno;
  }
}
