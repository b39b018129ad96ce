// SPDX-License-Identifier: Apache-2.0
// Servers whose order of service is decided on arrival: no event is needed to know when they end.
#pragma once
#include <algorithm>
#include <functional>
#include <vector>

#include "hw/memory/memory_bus.h"
#include "model/engine/parameters.h"

namespace iodrome::hw {

/// One FIFO server, e.g. a bus. Arrivals come in time order.
class FifoServer {
 public:
  /// Takes one customer and returns when its service ends.
  SimTime serve(SimTime arrival, Duration service) {
    free_at_ = std::max(free_at_, arrival) + service;
    return free_at_;
  }
  SimTime free_at() const { return free_at_; }

 private:
  SimTime free_at_{};
};

/// A FIFO bus. Most transfers are as long as the last one, which saves the division.
class Bus {
 public:
  explicit Bus(Rate rate) : rate_(rate) {}

  /// Takes one transfer and returns when it is on the bus: from its turn until its last byte has
  /// arrived.
  Stretch take(SimTime arrival, std::int64_t bytes) {
    if (bytes != last_bytes_) {
      last_bytes_ = bytes;
      last_time_ = rate_.time_for(bytes);
    }
    const SimTime end = server_.serve(arrival, last_time_);
    return {end - last_time_, end};
  }
  /// The end of it.
  SimTime carry(SimTime arrival, std::int64_t bytes) { return take(arrival, bytes).until; }
  SimTime free_at() const { return server_.free_at(); }

 private:
  Rate rate_;
  FifoServer server_;
  std::int64_t last_bytes_ = 0;
  Duration last_time_{};
};

/// A pipeline that admits one customer per interval and holds at most `slots` of them; 0 is no
/// limit.
class Pipeline {
 public:
  Pipeline(Duration interval, std::size_t slots) : interval_(interval), slots_free_at_(slots) {}

  /// Takes one customer and returns when it leaves the pipeline.
  ///
  /// Order: FIFO admission.
  SimTime serve(SimTime arrival, Duration latency) {
    SimTime start = std::max(arrival, next_admission_);
    if (!slots_free_at_.empty()) start = std::max(start, slots_free_at_.front());
    next_admission_ = start + interval_;
    if (!slots_free_at_.empty()) {
      std::pop_heap(slots_free_at_.begin(), slots_free_at_.end(), std::greater<>{});
      slots_free_at_.back() = start + latency;
      std::push_heap(slots_free_at_.begin(), slots_free_at_.end(), std::greater<>{});
    }
    return start + latency;
  }

 private:
  Duration interval_;
  SimTime next_admission_{};
  std::vector<SimTime> slots_free_at_;  // a heap, earliest first
};

}  // namespace iodrome::hw
