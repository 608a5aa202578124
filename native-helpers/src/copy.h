// The data of a file, from one descriptor to another.
#pragma once

#include <atomic>
#include <cstdint>

// What becomes of the copied data: `sync` of poolCopyData.
enum CopySync { kSyncNothing = 0, kSyncRange = 1, kSyncFile = 2 };

// Makes `out` hold the first `size` bytes of `in`, holes as holes, and be `size` bytes long.
// Returns 0 or -errno; -ECANCELED when `stop` turned true.
int64_t copyData(int in, int out, int64_t size, int sync, const std::atomic<bool>* stop);

// Copies `length` bytes, which must be there, from one place to another. 0 or -errno.
int64_t copyPart(int in, int64_t offIn, int out, int64_t offOut, int64_t length, int sync,
                 const std::atomic<bool>* stop);

// 0 or -errno.
int64_t syncData(int fd, int sync);

// copy_file_range(2) until `length` bytes are copied or the source ends: the bytes copied, or
// -errno when there were none.
int64_t copyRange(int in, int64_t offIn, int out, int64_t offOut, int64_t length,
                  const std::atomic<bool>* stop);
