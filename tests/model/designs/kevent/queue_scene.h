// SPDX-License-Identifier: Apache-2.0
// A kevent queue with a ring of four entries, and events of an origin that a test stirs.
#pragma once
#include "model/designs/kevent/kevent_queue.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::designs::kevent {

using namespace kernel;

// What an event's callback says, and how often it was asked.
struct Origin {
  int answer = 1;
  int asked = 0;
  static int ask(Kevent& event) {
    auto& self = *static_cast<Origin*>(event.origin);
    ++self.asked;
    event.event.ret_data[0] = static_cast<std::uint32_t>(event.event.id);
    return self.answer;
  }
};

struct QueueScene {
  explicit QueueScene(std::uint32_t entries = 4) : ring(entries) {
    CHECK(queue.init(entries == 0 ? nullptr : &ring, entries) == Errno::ok);
  }
  ~QueueScene() { rig.end(); }

  // An event that is not ready yet.
  Task<void> add(Atomic& ctx, std::uint64_t id, std::uint32_t flags = kOneshot) {
    Ukevent event{.id = id, .req_flags = flags, .user = 100 + id};
    const int later = std::exchange(origin.answer, 0);
    const Result<bool> queued = co_await queue.add(ctx, event, storage, &Origin::ask, &origin);
    CHECK(queued == true);
    origin.answer = later;
  }
  // As many events as that, ready.
  Task<void> make_ready(Atomic& ctx, std::uint64_t count) {
    for (; count > 0; --count) {
      co_await add(ctx, ++last_id);
      co_await queue.storage_ready(ctx, storage, kMaskAll);
    }
  }
  // Moves what is ready into the ring, without sleeping.
  Task<std::int64_t> fill(Sleepable& ctx, std::uint32_t num) {
    const Result<std::int64_t> moved = co_await queue.wait(ctx, num, queue.uidx(), ctx.now());
    co_return *moved;
  }
  Task<Result<std::int64_t>> commit(Sleepable& ctx, std::uint32_t to) {
    return queue.commit(ctx, to, ring.ring_over);
  }

  Rig rig{2};
  KeventCosts costs;
  WaitQueue sleepers{"kevent"};
  KeventRing ring;
  KeventStorage storage;
  KeventQueue queue{rig.system, costs, sleepers};
  Origin origin;
  std::uint64_t last_id = 0;
};

using Ids = std::vector<std::uint64_t>;
inline Ids ids_of(const KeventRing& ring) {
  Ids all;
  for (const Ukevent& event : ring.event) all.push_back(event.id);
  return all;
}

}  // namespace iodrome::designs::kevent
