// The loop of one serving thread: its memory, the devices it serves, its wake descriptor and the
// completions that other threads post to it. Knows of requests only how many bytes they have.
//
// exchange, reply and readNow belong to the serving thread; everything else may be called from
// any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "memory.h"

class Pool;

// Words of the status block, as STATUS in src/sys/native.ts.
enum StatusWord { kStatusDevice = 0, kStatusReplyErrno = 1, kStatusSlept = 2, kStatusCompletions = 3 };
constexpr size_t kStatusBytes = 16 * sizeof(uint32_t);

struct Completion {
  double token;
  double result;
};

// What JavaScript sees: kept by its ArrayBuffers, which outlive the loop.
struct LoopMemory {
  LoopMemory(size_t slots, size_t slotBytes);
  bool complete() const;
  uint32_t* status() const { return reinterpret_cast<uint32_t*>(statusBlock.data()); }

  const size_t slots;
  const size_t slotBytes;
  Memory requests;
  Memory reply;
  Memory statusBlock;
};

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(int id, std::shared_ptr<LoopMemory> memory, int wakeFd);
  ~Loop();

  int id() const { return id_; }
  int wakeFd() const { return wakeFd_; }
  const std::shared_ptr<LoopMemory>& memory() const { return memory_; }
  Pool& pool() const { return *pool_; }

  // Ends the pool, and the wait of the serving thread.
  void close();
  bool closed() const { return closed_.load(std::memory_order_acquire); }

  int64_t add(int device);
  int64_t remove(int device);
  int64_t exchange(int device, size_t replyBytes, size_t slot, int64_t spinNanoseconds);
  int64_t reply(int device, size_t replyBytes);
  int64_t readNow(int device, uint64_t unique, int fd, int64_t position, size_t size);

  void post(double token, int64_t result, bool wake);
  // From now on every completion wakes the loop, or again only those that are meant to.
  void wakeAlways(bool always) { wakesAlways_.store(always); }
  size_t drain(double* pairs, size_t most);

 private:
  int64_t fetch(int device, size_t slot);
  int64_t fetchAny(size_t slot);
  int64_t fetchReady(size_t slot);
  int64_t spin(size_t slot, int64_t nanoseconds);
  int64_t sleep(size_t slot);
  bool waitForOne();
  bool refill(int milliseconds);
  void takeChanges();
  void watchDevices();
  bool takeWake();
  bool drainEvent();
  void wakeIfAsleep();

  const int id_;
  const std::shared_ptr<LoopMemory> memory_;
  const int wakeFd_;
  std::atomic<bool> closed_{false};

  // The devices to serve; `changes_` tells the serving thread to take them over.
  std::mutex devicesGuard_;
  std::vector<int> devices_;
  std::atomic<uint32_t> changes_{0};

  // Of the serving thread alone. With more than one device epoll says which of them have a
  // request; `ready_` is what it said and has not been served yet.
  std::vector<int> served_;
  uint32_t taken_ = 0;
  int epoll_ = -1;
  std::deque<int> ready_;
  unsigned rounds_ = 0;
  Memory readBuffer_;

  std::atomic<bool> wakesAlways_{false};
  std::atomic<bool> woken_{false};
  std::atomic<bool> sleeping_{false};
  std::mutex completionsGuard_;
  std::deque<Completion> completions_;

  std::unique_ptr<Pool> pool_;
};

struct Environment;

// The loop of that id, or null; its memory stays while the call that asked lasts.
Loop* findLoop(Environment& environment, int id);

// Writes one reply or notification as a whole; 0 or -errno.
int64_t writeDevice(int device, const void* bytes, size_t length);
