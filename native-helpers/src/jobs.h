// What a job does, and how it answers.
#pragma once

#include <atomic>
#include <cstdint>

#include "memory.h"
#include "pool.h"

// Does the job and answers its request: value or -errno for the completion. `buffer` is the
// thread's own; `stop` ends long copies.
int64_t doJob(const Job& job, Memory& buffer, const std::atomic<bool>& stop);
