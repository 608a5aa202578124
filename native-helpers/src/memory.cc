// See memory.h.
#include "memory.h"

#include <utility>

#include <sys/mman.h>

Memory::Memory(size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return;
  data_ = static_cast<uint8_t*>(data);
  size_ = size;
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

bool Memory::ensure(size_t size) {
  if (size <= size_) return true;
  constexpr size_t kStep = size_t{1} << 20;
  *this = Memory((size + kStep - 1) / kStep * kStep);
  return data_ != nullptr;
}
