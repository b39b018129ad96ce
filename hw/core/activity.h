// SPDX-License-Identifier: Apache-2.0
// What a device does on its own: coroutines that start at once and belong to their device.
//
// A device is called from inside somebody's register access, so its code never moves time: where a
// modelled kernel would sleep_for(), which may advance the clock on the spot, a device pauses,
// which always queues.
#pragma once
#include <coroutine>

#include "model/engine/frame_pool.h"
#include "model/engine/timeline.h"

namespace iodrome::hw {

/// The live activities of one device; destroys what has not ended, newest first.
class Activities {
 public:
  struct Link {
    Link* older = nullptr;
    Link* newer = nullptr;
    std::coroutine_handle<> handle;
  };

  Activities() = default;
  Activities(const Activities&) = delete;
  Activities& operator=(const Activities&) = delete;
  ~Activities() {
    while (newest_ != nullptr) newest_->handle.destroy();
  }

  void enter(Link& link) {
    link.older = newest_;
    if (newest_ != nullptr) newest_->newer = &link;
    newest_ = &link;
    ++count_;
  }
  void leave(Link& link) {
    if (link.newer != nullptr) link.newer->older = link.older;
    if (link.older != nullptr) link.older->newer = link.newer;
    if (newest_ == &link) newest_ = link.older;
    --count_;
  }
  std::size_t count() const { return count_; }

 private:
  Link* newest_ = nullptr;
  std::size_t count_ = 0;
};

/// Return type of a device's member coroutine; the device has a member `Activities& activities()`.
///
/// Errors: an exception leaves through whoever resumed the activity, which ends the run.
struct Activity {
  struct promise_type : Pooled {
    Activities& owner;
    Activities::Link link;

    template <class Device, class... Arguments>
    explicit promise_type(Device& device, const Arguments&...) : owner(device.activities()) {
      link.handle = std::coroutine_handle<promise_type>::from_promise(*this);
      owner.enter(link);
    }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    ~promise_type() { owner.leave(link); }

    Activity get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const { throw; }
  };
};

/// Continues at `time`, or after everything already due now.
class [[nodiscard]] PauseUntil : ResumeEvent {
 public:
  PauseUntil(Timeline& timeline, SimTime time) : timeline_(timeline), time_(time) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    timeline_.at(time_, *this);
  }
  void await_resume() const noexcept {}

 private:
  Timeline& timeline_;
  SimTime time_;
};

inline PauseUntil pause_until(Timeline& timeline, SimTime time) {
  return {timeline, time};
}
inline PauseUntil pause_for(Timeline& timeline, Duration delay) {
  return {timeline, timeline.now() + delay};
}

}  // namespace iodrome::hw
