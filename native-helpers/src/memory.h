// Anonymous memory, touched lazily: the size is a reservation, not a use.
#pragma once

#include <cstddef>
#include <cstdint>

class Memory {
 public:
  Memory() = default;
  // `data()` is null when the kernel had no address space for it.
  explicit Memory(size_t size);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  // Makes it at least that large, its content lost; false when there is no memory.
  bool ensure(size_t size);

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};
