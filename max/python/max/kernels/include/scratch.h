// Memory of a kernel's own while it runs.

#pragma once

#include <cstdint>
#include <memory>

namespace max {

constexpr int64_t kScratchAlignment = 64;  // bytes: a cache line, and the widest vectors

// Uninitialised elements, aligned for vectors.
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t count) : bytes_(new char[count * sizeof(T) + kScratchAlignment]) {
    uintptr_t address = reinterpret_cast<uintptr_t>(bytes_.get());
    data_ = reinterpret_cast<T*>((address + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment);
  }
  T* data() const { return data_; }

 private:
  std::unique_ptr<char[]> bytes_;
  T* data_;
};

}  // namespace max
