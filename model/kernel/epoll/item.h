// SPDX-License-Identifier: Apache-2.0
// What an epoll instance knows of a file that it watches.
#pragma once
#include "model/kernel/epoll/epoll.h"

namespace iodrome::kernel {

/// Its place on a wait queue of the file.
struct Epoll::PollWait : WaitEntry {
  PollWait(Item& of, WaitQueue& on) : WaitEntry(&Epoll::callback), item(of), queue(on) {}
  ~PollWait() {
    if (is_linked()) queue.remove(*this);  // else the queue has ended before its file
  }
  PollWait(const PollWait&) = delete;
  PollWait& operator=(const PollWait&) = delete;
  Item& item;
  WaitQueue& queue;
};

/// An epitem. Who works on it keeps it; once it is removed it has no owner.
struct Epoll::Item final : FileWatch,
                           ListHook<ReadyTag>,
                           ListHook<LateTag>,
                           boost::intrusive_ref_counter<Item, boost::thread_unsafe_counter> {
  Item(Epoll& of, File& target, int descriptor, EpollEvent asked)
      : owner(&of), file(target), fd(descriptor), event(asked) {}

  void file_ended() override { owner->remove(*this); }
  bool removed() const { return owner == nullptr; }
  bool listed() const { return ListHook<ReadyTag>::is_linked(); }
  /// Of what is asked, what the file is ready for.
  Task<PollEvents> poll(Sleepable& ctx, PollTable* table);

  Epoll* owner;
  File& file;  // while it has an owner
  const int fd;
  EpollEvent event;
  std::list<PollWait> waits;
};

/// ep_ptable_queue_proc().
struct Epoll::Queueing final : PollTable {
  explicit Queueing(Item& of) : item(of) {}
  void queue(WaitQueue& on) override {
    PollWait& wait = item.waits.emplace_back(item, on);
    wait.exclusive = (item.event.events & kEpollExclusive) != 0;
    on.add(wait);
  }
  Item& item;
};

/// What an addition would make of instances that watch instances.
struct Epoll::Nesting {
  /// ep_loop_check_proc(): notes what `instance` watches that is none. False: it watches
  /// `inserting`, or the chain below is too long.
  bool descend(const Epoll& instance, int depth);
  /// reverse_path_check(): whether the noted files are watched through no more instances, and on no
  /// more paths of each length, than wake-ups may take.
  bool paths_fit() const;

  const Epoll& inserting;
  std::vector<const Epoll*> visited;
  std::vector<const File*> leaves;
};

}  // namespace iodrome::kernel
