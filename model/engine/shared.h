// SPDX-License-Identifier: Apache-2.0
// Shared<T>: every word that two contexts, or user and kernel, can both touch.
//
// Normally an access is a load or a store and a branch. Under exploration it is a scheduling point
// behind the CPU's store buffer (total store order, as x86): a store becomes visible to others some
// time later, FIFO per CPU; the CPU itself sees it at once; read-modify-writes and barriers wait
// for the buffer to empty.
#pragma once
#include <bit>
#include <cstring>
#include <deque>
#include <type_traits>

#include "model/engine/timeline.h"

namespace iodrome {

/// One CPU's view of memory. A context hands it out through `ctx.memory()`.
class MemoryView {
 public:
  explicit MemoryView(Timeline& timeline) : timeline_(timeline) {}
  MemoryView(const MemoryView&) = delete;
  MemoryView& operator=(const MemoryView&) = delete;

  Timeline& timeline() { return timeline_; }
  bool exploring() { return timeline_.choices().exploring(); }

  /// Buffers a store of `size` ≤ 8 bytes to `target`.
  void store(void* target, const void* value, std::size_t size);
  /// Forwards this CPU's youngest buffered store to `target`, if there is one.
  bool forward(const void* target, void* value, std::size_t size) const;
  /// Makes every buffered store visible, oldest first: what a full barrier or a locked operation
  /// waits for.
  void flush();
  std::size_t pending() const { return stores_.size(); }
  bool buffers() const { return !stores_.empty(); }

 private:
  struct Store {
    void* target;
    std::uint64_t value;
    std::size_t size;
  };
  // Each store posts one of these; whichever the oracle picks makes the oldest store visible.
  struct Drain final : OwnedEvent {
    MemoryView& view;
    explicit Drain(MemoryView& owner) : OwnedEvent(owner.timeline_), view(owner) {}
    void happen() override;
  };
  void retire_oldest();

  Timeline& timeline_;
  std::deque<Store> stores_;
};

/// Awaited before a shared access: a scheduling point under exploration, nothing otherwise.
class [[nodiscard]] AccessPoint : ResumeEvent {
 public:
  explicit AccessPoint(MemoryView& view) : view_(view) {}
  bool await_ready() { return !view_.exploring(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    view_.timeline().post(*this);
  }
  void await_resume() const noexcept {}

 protected:
  MemoryView& view_;
};

/// Several accesses as one awaitable: a scheduling point before each under exploration, plain code
/// without a frame otherwise. `Steps` has `kSteps` and `bool step(int)`, which makes that access
/// and returns whether none need follow.
template <class Steps>
class [[nodiscard]] AccessSequence : Event {
 public:
  bool await_ready() {
    if (view_.exploring()) [[unlikely]]
      return false;
    at_once(std::make_integer_sequence<int, Steps::kSteps>{});
    return true;
  }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    view_.timeline().post(*this);
  }

 protected:
  explicit AccessSequence(MemoryView& view) : Event{&AccessSequence::access}, view_(view) {}
  MemoryView& view_;

 private:
  template <int... number>
  void at_once(std::integer_sequence<int, number...>) {
    static_cast<void>((static_cast<Steps*>(this)->step(number) || ...));
  }
  static void access(Event* event) {
    auto* const self = static_cast<AccessSequence*>(event);
    const int number = self->next_++;
    if (static_cast<Steps*>(self)->step(number) || number + 1 == Steps::kSteps)
      return self->waiter_.resume();
    self->view_.timeline().post(*self);
  }
  std::coroutine_handle<> waiter_;
  int next_ = 0;  // under exploration
};

/// A full memory barrier: later accesses follow earlier stores. `co_await smp_mb(ctx)`.
class [[nodiscard]] FullBarrier : public AccessPoint {
 public:
  using AccessPoint::AccessPoint;
  void await_resume() { view_.flush(); }
};
template <class Context>
FullBarrier smp_mb(Context& ctx) {
  return FullBarrier{ctx.memory()};
}

/// A shared word. `Context` is anything with `MemoryView& memory()`.
template <class T>
class Shared {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

 public:
  Shared() = default;
  explicit Shared(T initial) : value_(initial) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  class [[nodiscard]] Load;
  class [[nodiscard]] Store;
  class [[nodiscard]] FetchAdd;
  class [[nodiscard]] CompareExchange;

  template <class Context>
  Load load_acquire(Context& ctx) const {
    return Load{ctx.memory(), *this};
  }
  template <class Context>
  Load load_relaxed(Context& ctx) const {
    return Load{ctx.memory(), *this};
  }
  template <class Context>
  Store store_release(Context& ctx, T value) {
    return Store{ctx.memory(), *this, value};
  }
  /// Locked read-modify-write; yields the old value and is a full barrier.
  template <class Context>
  FetchAdd fetch_add(Context& ctx, T delta) {
    return FetchAdd{ctx.memory(), *this, delta};
  }
  /// Locked; true if the word held `expected` and now holds `desired`.
  template <class Context>
  CompareExchange compare_exchange(Context& ctx, T expected, T desired) {
    return CompareExchange{ctx.memory(), *this, expected, desired};
  }

  /// One step of an AccessSequence, whose scheduling point lies before it.
  T load(const MemoryView& view) const {
    T value = value_;
    if (view.buffers()) [[unlikely]]
      view.forward(&value_, &value, sizeof(T));
    return value;
  }
  void store(MemoryView& view, T value) {
    if (view.exploring()) [[unlikely]]
      return view.store(&value_, &value, sizeof(T));
    value_ = value;
  }

  /// For observers and checks only: what memory holds, whatever buffers say.
  T peek() const { return value_; }

 private:
  T value_{};
};

template <class T>
class Shared<T>::Load : public AccessPoint {
 public:
  Load(MemoryView& view, const Shared& word) : AccessPoint(view), word_(word) {}
  T await_resume() const { return word_.load(view_); }

 private:
  const Shared& word_;
};

template <class T>
class Shared<T>::Store : public AccessPoint {
 public:
  Store(MemoryView& view, Shared& word, T value) : AccessPoint(view), word_(word), value_(value) {}
  void await_resume() { word_.store(view_, value_); }

 private:
  Shared& word_;
  T value_;
};

template <class T>
class Shared<T>::FetchAdd : public AccessPoint {
 public:
  FetchAdd(MemoryView& view, Shared& word, T delta)
      : AccessPoint(view), word_(word), delta_(delta) {}
  T await_resume() {
    view_.flush();
    const T old = word_.value_;
    word_.value_ = static_cast<T>(old + delta_);
    return old;
  }

 private:
  Shared& word_;
  T delta_;
};

template <class T>
class Shared<T>::CompareExchange : public AccessPoint {
 public:
  CompareExchange(MemoryView& view, Shared& word, T expected, T desired)
      : AccessPoint(view), word_(word), expected_(expected), desired_(desired) {}
  bool await_resume() {
    view_.flush();
    if (word_.value_ != expected_) return false;
    word_.value_ = desired_;
    return true;
  }

 private:
  Shared& word_;
  T expected_;
  T desired_;
};

}  // namespace iodrome
