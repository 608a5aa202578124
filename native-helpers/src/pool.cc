// The pool's threads. The order of quick and slow jobs, and
// that notifications have a thread of their own, keep one kind from starving another.
#include "pool.h"

#include <csignal>
#include <memory>

#include "jobs.h"
#include "loop.h"

// No job needs a deep stack; buffers are mapped.
constexpr size_t kStackBytes = size_t{256} << 10;

// Signals belong to the main thread: ours are created with all of them blocked.
int64_t Pool::startThread(pthread_t& thread, void* (*run)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return -error;
}

int64_t Pool::start(unsigned threads) {
  const std::lock_guard guard(guard_);
  if (stopping_) return -ECANCELED;
  while (threads_.size() < threads) {
    pthread_t thread;
    const int64_t error = startThread(thread, serve, this);
    if (error < 0) return error;
    pthread_setname_np(thread, "plyfs-data");
    threads_.push_back(thread);
  }
  return static_cast<int64_t>(threads_.size());
}

// The notifier keeps the loop alive: it may outlast it, see stop.
int64_t Pool::startNotifier() {
  auto* kept = new std::shared_ptr<Loop>(loop_.shared_from_this());
  const int64_t error = startThread(notifier_, notify, kept);
  if (error < 0) {
    delete kept;
    return error;
  }
  pthread_setname_np(notifier_, "plyfs-notify");
  hasNotifier_ = true;
  return 0;
}

static bool isSlow(JobKind kind) {
  return kind != JobKind::kRead && kind != JobKind::kWrite && kind != JobKind::kFallocate;
}

int64_t Pool::submit(Job&& job) {
  const std::lock_guard guard(guard_);
  if (stopping_) return -ECANCELED;
  if (job.kind == JobKind::kNotify) {
    const int64_t started = hasNotifier_ ? 0 : startNotifier();
    if (started < 0) return started;
    notifications_.push_back(std::move(job));
    notices_.notify_one();
    return 0;
  }
  if (threads_.empty()) return -ESRCH;
  (isSlow(job.kind) ? slow_ : quick_).push_back(std::move(job));
  work_.notify_one();
  return 0;
}

void Pool::forgetNotices(int device) {
  std::vector<double> tokens;
  {
    const std::lock_guard guard(guard_);
    std::deque<Job> others;
    for (Job& job : notifications_) {
      if (job.device == device) {
        tokens.push_back(job.token);
      } else {
        others.push_back(std::move(job));
      }
    }
    notifications_.swap(others);
  }
  for (const double token : tokens) loop_.post(token, -ECANCELED, true);
}

void Pool::stop() {
  std::vector<pthread_t> threads;
  bool joinNotifier = false;
  {
    const std::lock_guard guard(guard_);
    if (stopping_.exchange(true)) return;
    threads.swap(threads_);
    quick_.clear();
    slow_.clear();
    notifications_.clear();
    // One that the kernel holds ends when the mount does; waiting for it here could be what
    // keeps the mount from ending.
    joinNotifier = hasNotifier_ && !notifying_;
    if (hasNotifier_ && notifying_) pthread_detach(notifier_);
    work_.notify_all();
    notices_.notify_all();
  }
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  if (joinNotifier) pthread_join(notifier_, nullptr);
}

// The next job for a thread that waited; false at the end. One thread always stays free of slow
// jobs (but where there is only one), and one slow job always has a thread.
bool Pool::next(Job& job, bool& slow) {
  std::unique_lock guard(guard_);
  if (slow) slowRunning_--;
  for (;;) {
    if (stopping_) return false;
    const size_t most = threads_.size() > 1 ? threads_.size() - 1 : 1;
    const bool mayBeSlow = !slow_.empty() && slowRunning_ < most;
    slow = mayBeSlow && (slowRunning_ == 0 || quick_.empty());
    if (slow || !quick_.empty()) break;
    work_.wait(guard);
  }
  auto& queue = slow ? slow_ : quick_;
  job = std::move(queue.front());
  queue.pop_front();
  if (slow) slowRunning_++;
  return true;
}

void* Pool::serve(void* argument) {
  Pool& pool = *static_cast<Pool*>(argument);
  Memory buffer;
  Job job = {};
  bool slow = false;
  while (pool.next(job, slow)) {
    pool.loop_.post(job.token, doJob(job, buffer, pool.stopping_), job.wake);
  }
  return nullptr;
}

void* Pool::notify(void* argument) {
  const std::unique_ptr<std::shared_ptr<Loop>> kept(static_cast<std::shared_ptr<Loop>*>(argument));
  Loop& loop = **kept;
  Pool& pool = loop.pool();
  Memory buffer;
  std::unique_lock guard(pool.guard_);
  for (;;) {
    while (pool.notifications_.empty() && !pool.stopping_) pool.notices_.wait(guard);
    if (pool.stopping_) return nullptr;
    const Job job = std::move(pool.notifications_.front());
    pool.notifications_.pop_front();
    pool.notifying_ = true;
    guard.unlock();
    const int64_t result = doJob(job, buffer, pool.stopping_);
    loop.post(job.token, result, job.wake);
    guard.lock();
    pool.notifying_ = false;
  }
}
