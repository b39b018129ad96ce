// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/kernel_load.h"

namespace iodrome::testbed {

namespace {

class NoApplication final : public designs::Design {
 public:
  void describe(ParameterList&) override {}
  void start(const designs::Platform&) override {}
  std::unique_ptr<designs::AppSide> make_app_side(kernel::WaitQueue&, std::uint32_t) override {
    fail_check("an application thread of a load that has none");
  }
};

constexpr designs::Descriptor kKernelLoad = {
    "kernel",
    "no application: the kernel's own threads make the load",
    "",
    designs::Threads::per_cpu,
    {},
    []() -> std::unique_ptr<designs::Design> { return std::make_unique<NoApplication>(); },
};

}  // namespace

const designs::Descriptor& kernel_load() {
  return kKernelLoad;
}

}  // namespace iodrome::testbed
