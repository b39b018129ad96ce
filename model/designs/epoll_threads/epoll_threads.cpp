// SPDX-License-Identifier: Apache-2.0
// The design's entry: parameters, costs, what is left out.
#include "model/designs/epoll_threads/event_loop.h"

namespace iodrome::designs::epoll_threads {

namespace {

using namespace kernel;

constexpr NamedValue<bool> kPoolOf[] = {{"loop", true}, {"process", false}};
constexpr NamedValue<bool> kTrigger[] = {{"edge", true}, {"level", false}};
constexpr NamedValue<bool> kSendfileBy[] = {{"pool", true}, {"loop", false}};
constexpr NamedValue<bool> kNotify[] = {{"each", true}, {"first", false}};

class EpollThreads final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("threads", "threads", "of a pool", &params_.threads);
    list.add("max_queue", "tasks", "that may wait for the pool; then the loop does them",
             &params_.max_queue);
    list.add("pool_of", "", "who has a pool: each loop, or the process one for all",
             &params_.pool_of);
    list.add("events", "events", "told by one epoll_wait", &params_.events);
    list.add("trigger", "", "how epoll tells of a socket: edge or level", &params_.trigger);
    list.add("sendfile_by", "", "who calls sendfile: loop or pool", &params_.sendfile_by);
    list.add("notify", "",
             "the loop's eventfd is written for each task, or for the first on its list",
             &params_.notify);
    list.add("costs.task_prepare", "", "user: a task for the pool filled in",
             &costs_.task_prepare.each);
    list.add("costs.dispatch", "", "user: an event's handler found and called",
             &costs_.dispatch.each);
  }
  std::string check_parameters() override {
    Complaints complaints("epoll_threads");
    complaints.one_of("pool_of", params_.pool_of, kPoolOf, params_.pool_each);
    complaints.one_of("trigger", params_.trigger, kTrigger, params_.edge);
    complaints.one_of("sendfile_by", params_.sendfile_by, kSendfileBy, params_.pool_sends);
    complaints.one_of("notify", params_.notify, kNotify, params_.notify_each);
    complaints.within("threads", params_.threads, 1, 32'768);
    complaints.within("max_queue", params_.max_queue, 1, 1 << 20);
    complaints.within("events", params_.events, 1, 65'536);
    return complaints.text();
  }
  void start(const Platform& platform) override {
    engine_ = std::make_unique<EpollEngine>(platform.os, platform.process, params_);
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue&, std::uint32_t) override {
    return std::make_unique<EventLoop>(*engine_, costs_);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"task_prepare", &costs_.task_prepare}, {"dispatch", &costs_.dispatch}};
  }
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override {
    std::uint64_t posted = 0;
    std::uint64_t lock_waits = 0;
    for (const auto& pool : engine_->pools) {
      posted += pool->posted();
      lock_waits += pool->contended();
    }
    return {{"pool_tasks", posted},
            {"pool_full", engine_->counts.pool_full},
            {"pool_lock_waits", lock_waits},
            {"send_waits", engine_->counts.send_waits}};
  }

 private:
  EpollParams params_;
  EpollCosts costs_;
  std::unique_ptr<EpollEngine> engine_;
};

constexpr Difference kNotModelled[] = {
    {"events of connections other than room to send: accept, connect, receive, poll, inotify and "
     "sends of memory are ENOSYS; a request that arrives ends the wait at no cost",
     "designs/epoll_threads"},
    {"opens and unlinks by the loop itself, as nginx does them: the pool does all that may wait "
     "for "
     "a disk",
     "designs/epoll_threads"},
    {"memory and cache footprint of the pool's threads; their start", "designs/epoll_threads"},
    {"a pool that adapts its size; priorities and several pools of a loop",
     "designs/epoll_threads"},
    {"preadv2 with RWF_NOWAIT before a task for the pool", "designs/epoll_threads"},
    {"a chain's deadline takes nothing back from the pool: the clock is looked at between steps",
     "designs/epoll_threads"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "epoll_threads",
    .summary = "an event loop on epoll per CPU; a pool of threads opens, reads, writes, syncs",
    .source = "epoll(7); nginx 1.7.11 and later, thread pools",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<EpollThreads>(); },
};

}  // namespace iodrome::designs::epoll_threads
