// SPDX-License-Identifier: Apache-2.0
// Size-class pool for coroutine frames and other short-lived nodes of the per-event path.
#pragma once
#include <array>
#include <cstddef>

namespace iodrome {

/// Recycles blocks by 32-byte size class; larger ones go to operator new.
///
/// Cost: a list pop or push. Memory returns to the system when the thread ends, so ten thousand
/// runs in one process reuse the same blocks.
class FramePool {
 public:
  /// What it takes from the system at a time, for blocks of one size.
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  void* take(std::size_t size) {
    const std::size_t slot = class_of(size);
    if (slot >= kClasses) return ::operator new(size);
    Free*& head = free_[slot];
    if (head == nullptr) refill(slot);
    Free* block = head;
    head = block->next;
    return block;
  }

  void give(void* block, std::size_t size) noexcept {
    const std::size_t slot = class_of(size);
    if (slot >= kClasses) return ::operator delete(block);
    auto* node = static_cast<Free*>(block);
    node->next = free_[slot];
    free_[slot] = node;
  }

  /// The calling thread's pool. Blocks must be given back on the thread that took them.
  static FramePool& here();

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kGrain = 32;
  static constexpr std::size_t kClasses = 64;
  static constexpr std::size_t class_of(std::size_t size) { return (size + kGrain - 1) / kGrain; }
  void refill(std::size_t slot);

  std::array<Free*, kClasses> free_{};
};

/// The one thread-local of the engine: an allocator's cache, which no result can see. It is trivial
/// and defined here, so that reaching it costs an address; the chunks' owner stands apart.
#ifdef IODROME_SANITIZED
// The linker turns `add` into `lea` when it relaxes this model, and GCC's null check reads the
// flags of that `add`.
inline thread_local constinit FramePool frame_pool_here;
#else
inline thread_local constinit FramePool frame_pool_here __attribute__((tls_model("initial-exec")));
#endif
inline FramePool& FramePool::here() {
  return frame_pool_here;
}

/// For containers of the per-event path that sometimes outgrow their inline room.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(FramePool::here().take(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    FramePool::here().give(block, count * sizeof(T));
  }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

/// Base that allocates a class from the frame pool.
struct Pooled {
  static void* operator new(std::size_t size) { return FramePool::here().take(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    FramePool::here().give(block, size);
  }
};

}  // namespace iodrome
