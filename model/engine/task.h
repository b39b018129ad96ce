// SPDX-License-Identifier: Apache-2.0
// Task<T>: modelled code as a C++20 coroutine that reads like the code it models.
//
// A task is lazy: it starts when awaited. `co_await` suspends the simulation, not the modelled
// thread. Awaiting is flag-based, without symmetric transfer: a child that completes at once never
// suspends its parent, so a loop of synchronously completing awaits needs no stack with any
// compiler or -O level.
//
// The result is written into the Task itself, which stands in the parent's frame. So a child that
// completes at once takes its own frame with it, and a function that knows its result without
// waiting needs no frame at all: Task::ready().
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

template <class T>
struct TaskPromiseBase {
  Task<T>* task = nullptr;  // while awaited; it lives in the parent's frame
  std::coroutine_handle<> parent;
  std::exception_ptr error;
  DetachedOwner* owner = nullptr;  // instead of a parent
  bool starting = false;           // the child runs inside its parent's await_suspend

  static void* operator new(std::size_t size) { return FramePool::here().take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::here().give(frame, size);
  }

  struct Final {
    TaskPromiseBase& promise;
    // Not suspending here frees the frame.
    bool await_ready() const noexcept {
      if (!promise.starting || promise.error) return false;
      promise.task->handle_ = nullptr;
      return true;
    }
    void await_suspend(std::coroutine_handle<>) const noexcept {
      // Owner and parent may destroy this frame: nothing here is touched after the call.
      if (promise.owner != nullptr) return promise.owner->ended(promise.owner, promise.error);
      if (!promise.starting) promise.parent.resume();
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() noexcept { return {*this}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase<T> {
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& result) {
    this->task->value_.emplace(std::forward<U>(result));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase<void> {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
};

/// What a task that yields nothing stores.
struct NoValue {};

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
  /// A task that has already ended, for functions that only sometimes need a coroutine. It costs no
  /// frame.
  static Task ready() noexcept requires std::is_void_v<T> {
    return Task{nullptr};
  }
  template <class U>
  static Task ready(U && value) requires(!std::is_void_v<T>) {
    Task task{nullptr};
    task.value_.emplace(std::forward<U>(value));
    return task;
  }
  Task(Task && other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), value_(std::move(other.value_)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(value_, other.value_);
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
    promise.task = this;
    promise.parent = parent;
    promise.starting = true;
    handle_.resume();
    if (handle_ == nullptr) return false;  // it has ended, and its frame is gone
    promise.starting = false;
    return !promise.error;
  }
  T await_resume() {
    if (handle_ != nullptr && handle_.promise().error) [[unlikely]]
      std::rethrow_exception(handle_.promise().error);
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

  /// Gives the task to an owner that starts it, hears of its end and destroys the frame.
  Handle detach(DetachedOwner & owner) requires std::is_void_v<T> {
    check(handle_ != nullptr, "a task that has already ended cannot be detached");
    handle_.promise().owner = &owner;
    return std::exchange(handle_, nullptr);
  }

 private:
  friend promise_type;
  friend detail::TaskPromiseBase<T>;
  using Value = std::conditional_t<std::is_void_v<T>, detail::NoValue, std::optional<T>>;

  Handle handle_;
  [[no_unique_address]] Value value_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>{std::coroutine_handle<TaskPromise<T>>::from_promise(*this)};
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>{std::coroutine_handle<TaskPromise<void>>::from_promise(*this)};
}
template <class Awaitable, class Rest>
auto go_on(Awaitable& awaitable, Rest& rest) {
  if constexpr (std::is_void_v<decltype(awaitable.await_resume())>) {
    awaitable.await_resume();
    return rest();
  } else {
    return rest(awaitable.await_resume());
  }
}

// Apart from the fast path, whose registers it would take.
template <class Awaitable, class Rest>
[[gnu::noinline]] auto wait_and_go_on(Awaitable awaitable, Rest rest)
    -> decltype(go_on(awaitable, rest)) {
  if constexpr (std::is_void_v<decltype(awaitable.await_resume())>) {
    co_await awaitable;
    co_return co_await rest();
  } else {
    auto result = co_await awaitable;
    co_return co_await rest(std::move(result));
  }
}
}  // namespace detail

/// Awaits something that mostly is ready, and goes on with `rest(result)`, which returns a Task.
/// What is ready costs no frame: `return then(ctx.spend(cost), [&ctx] { ... });`
///
/// Order: begins when called, not when awaited: await what it returns on the spot.
template <class Awaitable, class Rest>
auto then(Awaitable awaitable, Rest rest) -> decltype(detail::go_on(awaitable, rest)) {
  if (awaitable.await_ready()) return detail::go_on(awaitable, rest);
  return detail::wait_and_go_on(std::move(awaitable), std::move(rest));
}

/// The same where nothing comes behind it: its result is dropped.
template <class Awaitable>
Task<void> then_done(Awaitable awaitable) {
  return then(std::move(awaitable), [](auto&&...) { return Task<void>::ready(); });
}

}  // namespace iodrome
