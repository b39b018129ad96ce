// SPDX-License-Identifier: Apache-2.0
// Task<T>: modelled code as a C++20 coroutine that reads like the code it models.
//
// A task is lazy: it starts when awaited. `co_await` suspends the simulation, not the modelled
// thread. Awaiting is flag-based, without symmetric transfer: a child that completes at once never
// suspends its parent, so a loop of synchronously completing awaits needs no stack with any
// compiler or -O level.
#pragma once
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "model/engine/check.h"
#include "model/engine/frame_pool.h"

namespace iodrome {

template <class T>
class Task;

/// Whoever owns a task that nobody awaits is told of its end, and destroys it.
struct DetachedOwner {
  void (*ended)(DetachedOwner* self, std::exception_ptr error) = nullptr;
};

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> parent;
  std::exception_ptr error;
  DetachedOwner* owner = nullptr;  // instead of a parent
  bool starting = false;           // the child runs inside its parent's await_suspend
  bool done = false;

  static void* operator new(std::size_t size) { return FramePool::here().take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::here().give(frame, size);
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      TaskPromiseBase& promise = self.promise();
      promise.done = true;
      // Owner and parent may destroy this frame: nothing here is touched after the call.
      if (promise.owner != nullptr) return promise.owner->ended(promise.owner, promise.error);
      if (!promise.starting) promise.parent.resume();
    }
    void await_resume() const noexcept {}
  };
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

/// A modelled activity that yields a T. Await it exactly once; dropping it unstarted does nothing.
///
/// Errors: an exception inside reaches whoever awaits it.
template <class T = void>
class [[nodiscard("a Task does nothing until it is awaited or spawned")]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  /// A task that has nothing to do, for functions that only sometimes need one. It costs no frame.
  static Task nothing() noexcept requires std::is_void_v<T> {
    return Task{nullptr};
  }
  Task(Task && other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept {
    return handle_ == nullptr;
  }
  bool await_suspend(std::coroutine_handle<> parent) {
    promise_type& promise = handle_.promise();
    promise.parent = parent;
    promise.starting = true;
    handle_.resume();
    promise.starting = false;
    return !promise.done;
  }
  T await_resume() {
    if constexpr (std::is_void_v<T>)
      if (handle_ == nullptr) return;  // nothing to do
    promise_type& promise = handle_.promise();
    if (promise.error) std::rethrow_exception(promise.error);
    return promise.take();
  }

  /// Gives the task to an owner that starts it, hears of its end and destroys the frame.
  Handle detach(DetachedOwner & owner) {
    handle_.promise().owner = &owner;
    return std::exchange(handle_, nullptr);
  }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>{std::coroutine_handle<TaskPromise<T>>::from_promise(*this)};
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>{std::coroutine_handle<TaskPromise<void>>::from_promise(*this)};
}
}  // namespace detail

}  // namespace iodrome
