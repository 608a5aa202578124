// The threads of a loop that do what may wait for a disk. Each job answers the kernel itself,
// where it has a unique to answer, and then posts its completion to the loop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <pthread.h>

#include "memory.h"

class Loop;

enum class JobKind {
  kRead,
  kWrite,
  kFsync,
  kFdatasync,
  kFallocate,
  kCopyRange,
  kCopyRangeWide,
  kCopyData,
  kCopyPart,
  kSync,
  kNotify,
};

struct Job {
  JobKind kind;
  double token;
  bool wake;
  int device = -1;
  uint64_t unique = 0;
  int fd = -1;
  int fdOut = -1;
  // Mode of a fallocate, or what to sync.
  int mode = 0;
  int64_t offset = 0;
  int64_t offsetOut = 0;
  int64_t length = 0;
  const uint8_t* data = nullptr;
  std::vector<uint8_t> bytes = {};
};

class Pool {
 public:
  explicit Pool(Loop& loop) : loop_(loop) {}

  // Makes the threads as many as asked, never fewer than they are: their number, or -errno.
  int64_t start(unsigned threads);
  // 0; -ESRCH before start, -ECANCELED after stop.
  int64_t submit(Job&& job);
  // Forgets the notifications of a device that nobody has begun to write, and posts their end.
  void forgetNotices(int device);
  // Waits for the jobs that are running and forgets the others: their requests stay unanswered,
  // so that the kernel can send them again to a successor.
  void stop();

 private:
  static void* serve(void* pool);
  static void* notify(void* loop);
  bool next(Job& job, bool& slow);
  int64_t startThread(pthread_t& thread, void* (*run)(void*), void* argument);
  int64_t startNotifier();

  Loop& loop_;
  std::mutex guard_;
  std::condition_variable work_;
  std::condition_variable notices_;
  std::atomic<bool> stopping_{false};
  std::vector<pthread_t> threads_;
  // Jobs that take as long as a request for data, and those that may take minutes.
  std::deque<Job> quick_;
  std::deque<Job> slow_;
  size_t slowRunning_ = 0;

  // Notifications have a thread of their own: the kernel may hold one until a request has been
  // answered (fuse_reverse_inval_entry takes the directory's lock), and no number of them may
  // keep the others from answering.
  std::deque<Job> notifications_;
  pthread_t notifier_ = {};
  bool hasNotifier_ = false;
  bool notifying_ = false;
};
