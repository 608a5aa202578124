// A stat record: the words of `struct fuse_attr` as the wire has them, then what statx adds.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/stat.h>

// Words of a record, as STAT_WORDS in src/sys/native.ts.
constexpr size_t kStatWords = 32;
// What every statx asks for.
constexpr unsigned kStatMask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;

void writeStatRecord(const struct statx& stat, uint32_t* words);

// new_encode_dev of include/linux/kdev_t.h, and back.
uint32_t encodeDevice(uint32_t major, uint32_t minor);
dev_t decodeDevice(uint32_t rdev);
