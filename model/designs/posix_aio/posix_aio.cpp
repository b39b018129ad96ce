// SPDX-License-Identifier: Apache-2.0
// The design's entry: parameters, costs, what is left out.
#include "model/designs/posix_aio/aio_side.h"

namespace iodrome::designs::posix_aio {

namespace {

using namespace kernel;

class PosixAio final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("threads", "threads", "of the process, at most", &params_.threads);
    list.add("idle_time", "s", "how long a thread without work stays", &params_.idle_time);
    list.add("suspend_entries", "requests", "that one aio_suspend waits for, the oldest",
             &params_.suspend_entries);
    list.add("read_bytes", "bytes", "a file is read and sent in pieces of this size",
             &params_.read_bytes);
    list.add("costs.aiocb_prepare", "", "user: a control block filled in",
             &costs_.aiocb_prepare.each);
    list.add("costs.enqueue", "", "under the lock: an entry taken and filled",
             &costs_.enqueue.each);
    list.add("costs.list_entry", "", "under the lock: an entry of a list walked past",
             &costs_.list_entry.each);
    list.add("costs.finish", "", "under the lock: a request's end noted and its entry given back",
             &costs_.finish.each);
    list.add("costs.look", "", "user: aio_error, and aio_return at the end", &costs_.look.each);
  }
  std::string check_parameters() override {
    Complaints complaints("posix_aio");
    complaints.within("threads", params_.threads, 1, 32'768);
    complaints.require(params_.idle_time >= Duration{0}, "idle_time must not be negative");
    complaints.within("suspend_entries", params_.suspend_entries, 1, 65'536);
    complaints.require(params_.read_bytes >= 1 && params_.read_bytes <= 1 << 30,
                       "read_bytes must be 1 byte to 1 GiB");
    return complaints.text();
  }
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
    library_ = std::make_unique<AioRequests>(*os_, *process_, params_, costs_);
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<AioSide>(*os_, *process_, *library_, costs_, params_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"aiocb_prepare", &costs_.aiocb_prepare},
            {"enqueue", &costs_.enqueue},
            {"list_entry", &costs_.list_entry},
            {"finish", &costs_.finish},
            {"look", &costs_.look}};
  }
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override {
    const AioCounts& counts = library_->counts();
    return {{"requests", counts.requests},
            {"queued_behind", counts.queued_behind},
            {"threads_started", counts.threads_started},
            {"most_threads", counts.most_threads},
            {"lock_waits", library_->contended()}};
  }

 private:
  AioParams params_;
  AioCosts costs_;
  Os* os_ = nullptr;
  Process* process_ = nullptr;
  std::unique_ptr<AioRequests> library_;
};

constexpr Difference kNotModelled[] = {
    {"SIGEV_SIGNAL and SIGEV_THREAD, lio_listio, aio_cancel, aio_reqprio", "designs/posix_aio"},
    {"waiting for a request and for a connection at once, which POSIX has no call for: an arrival "
     "ends aio_suspend at no cost, as a signal would",
     "designs/posix_aio"},
    {"a thread's calls for its signal mask and its priority; the memory of requests, and that it "
     "may run out "
     "(EAGAIN)",
     "designs/posix_aio"},
    {"a chain's deadline takes nothing back from the library: the clock is looked at between steps",
     "designs/posix_aio"},
    {"a timeout step without stopping the event loop: it is nanosleep", "designs/posix_aio"},
    {"accept, connect, receive, poll, inotify and sends of memory: they are no part of the "
     "interface, and would block its one thread (ENOSYS)",
     "designs/posix_aio"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "posix_aio",
    .summary = "the C library's aio_read, aio_write, aio_fsync: its threads make blocking calls",
    .source = "glibc rt/aio_misc.c, 2.1 and later",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<PosixAio>(); },
};

}  // namespace iodrome::designs::posix_aio
