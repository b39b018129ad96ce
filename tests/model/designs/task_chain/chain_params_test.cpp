// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_params.h"

#include <catch2/catch.hpp>

namespace iodrome::designs::task_chain {
namespace {

ChainParams good() {
  ChainParams params;
  params.ring_entries = 1000;
  params.max_steps = 4096;
  params.threads = 8;
  params.continue_in = "softirq";
  params.start_in = "kthread";
  params.user_copy = "provider";
  params.ring_full = "spill";
  params.max_chains = 10;
  params.wake_by = "futex";
  return params;
}

}  // namespace

TEST_CASE("names of policies become what they mean") {
  ChainParams params = good();
  CHECK(take_up(params).empty());
  CHECK(params.policy == chain::Continue::softirq);
  CHECK_FALSE(params.start_in_submitter);
  CHECK(params.full == RingFull::spill);
  CHECK(params.copy_way == chain::UserCopy::provider);
  CHECK(params.wake == WakeBy::futex);
}

TEST_CASE(
    "every name of who starts and who goes on is known, and says which threads carry chains") {
  using chain::Continue;
  struct Row {
    const char* name;
    Continue policy;
    Carrier carrier;
  };
  constexpr Row kRows[] = {{"cheapest", Continue::cheapest, Carrier::shared},
                           {"hardirq", Continue::hardirq, Carrier::shared},
                           {"softirq", Continue::softirq, Carrier::shared},
                           {"kthread", Continue::kthread, Carrier::shared},
                           {"kthread_per_request", Continue::kthread_per_request, Carrier::own},
                           {"workqueue", Continue::workqueue, Carrier::workqueue},
                           {"workqueue_unbound", Continue::workqueue_unbound, Carrier::unbound},
                           {"workqueue_highpri", Continue::workqueue_highpri, Carrier::highpri},
                           {"submitter", Continue::submitter, Carrier::shared}};
  for (const Row& row : kRows) {
    CAPTURE(row.name);
    ChainParams params = good();
    params.continue_in = row.name;
    params.start_in = "submitter";
    CHECK(take_up(params).empty());
    CHECK(params.policy == row.policy);
    CHECK(params.start_in_submitter);
    CHECK(params.start_by == row.carrier);  // of chains that had to wait for others
    params.start_in = row.name;
    if (row.policy == Continue::submitter) continue;
    const bool starts = row.policy >= Continue::kthread;
    CHECK(take_up(params).empty() == starts);
    CHECK(params.start_in_submitter != starts);
    if (starts) CHECK(params.start_by == row.carrier);
  }
}

TEST_CASE("who is none that goes on is told with all that are") {
  ChainParams params = good();
  params.continue_in = "tasklet";
  params.start_in = "hardirq";
  CHECK(take_up(params) ==
        "task_chain.continue_in is one of cheapest, hardirq, softirq, kthread, "
        "kthread_per_request, workqueue, workqueue_unbound, workqueue_highpri, submitter, "
        "not 'tasklet'; "
        "task_chain.start_in is one of submitter, kthread, kthread_per_request, workqueue, "
        "workqueue_unbound, workqueue_highpri, not 'hardirq'");
}

TEST_CASE("a batch may be as large as the ring that is made, and needs an age") {
  ChainParams params = good();
  params.batch_count = 1024;  // 1000 entries are rounded up
  params.batch_ns = 1;
  CHECK(take_up(params).empty());
  params.batch_count = 1025;
  CHECK(take_up(params) ==
        "task_chain.batch_count must be 1 to 1024, the ring's slots: a full ring wakes");
  params.batch_count = 2;
  params.batch_ns = 0;
  CHECK_THAT(take_up(params), Catch::StartsWith("task_chain.batch_ns must be more than 0"));
}

TEST_CASE("what the consumer copies needs a ring that holds what has ended") {
  ChainParams params = good();
  params.user_copy = "consumer";
  for (const char* full : {"reserve", "spill", "drop"}) {
    params.ring_full = full;
    CHECK_THAT(take_up(params),
               Catch::StartsWith("task_chain.user_copy = consumer needs ring_full = hold"));
  }
  params.ring_full = "hold";
  CHECK(take_up(params).empty());
  CHECK(params.copy_way == chain::UserCopy::consumer);
  params.held_pages = -1;
  CHECK(take_up(params) == "task_chain.held_pages must be 0 to 1073741824");
}

TEST_CASE("all that is wrong is told at once, with what would be right") {
  ChainParams params = good();
  params.ring_full = "spil";
  params.wake_by = "doorbell";
  params.max_chains = 0;
  params.max_nr = 0;
  params.batch_ns = -1;
  CHECK(take_up(params) ==
        "task_chain.ring_full is one of reserve, hold, spill, drop, not 'spil'; "
        "task_chain.wake_by is one of syscall, eventfd, futex, signal, busy_poll, not 'doorbell'; "
        "task_chain.max_chains must be 1 to 1048576; "
        "task_chain.max_nr must be 1 to 9223372036854775807; "
        "task_chain.batch_ns must be 0 to 10000000000");
}

}  // namespace iodrome::designs::task_chain
