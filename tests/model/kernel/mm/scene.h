// SPDX-License-Identifier: Apache-2.0
// A process's memory on a machine of CPUs, for tests.
#pragma once
#include <cstring>

#include "model/kernel/mm/address_space.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/mm/uaccess.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {

struct MmScene {
  explicit MmScene(std::uint32_t cpus, std::uint64_t memlock_bytes = 16 * hw::kPageBytes)
      : rig(cpus), mm(rig.system, memlock_bytes) {
    KernelCosts& costs = rig.system.costs;
    costs.page_fault_minor.each = 1000ns;
    costs.page_fault_bad.each = 400ns;
    costs.vma_call.each = 70ns;
    costs.page_unmap.each = 5ns;
    costs.page_reclaim.each = 3ns;
    costs.page_pin.each = 100ns;
  }
  /// One thread's code, from start to end.
  void run(std::uint32_t cpu, Code<MmScene> code,
           events::CpuClass cpu_class = events::CpuClass::user) {
    thread(cpu, code, cpu_class);
    rig.run();
    CHECK(rig.threads.back()->ended());
  }
  Thread& thread(std::uint32_t cpu, Code<MmScene> code,
                 events::CpuClass cpu_class = events::CpuClass::user) {
    return rig.thread<MmScene>(cpu, *this, code, cpu_class);
  }

  Rig rig;
  AddressSpace mm;
  Cost tick{10ns};
  Log log;
  UserAddr at = 0;
  PinnedPages pins;
  std::vector<std::byte> bytes;
};

}  // namespace iodrome::kernel
