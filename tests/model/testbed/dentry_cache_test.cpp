// SPDX-License-Identifier: Apache-2.0
// Machines that do not know every name.
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

std::uint64_t uses(const testbed::RunRecord& record, const std::string& name) {
  const auto found = std::ranges::find(record.costs, name, &testbed::CostUse::name);
  return found == record.costs.end() ? 0 : found->count;
}

}  // namespace

TEST_CASE("every design serves right bytes when no name is known, and looks into directories") {
  const Input input = log_input(40);
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    testbed::RaceRequest request = request_for(input);
    const testbed::RunRecord known = run_one(request, design);
    CHECK(uses(known, "directory_search") == 0);
    CHECK(uses(known, "path_component") == 0);
    request.set = {{"dentry_cache.entries", "1024"}};
    const testbed::RunRecord few = run_one(request, design);
    CHECK(few.requests.error_count() == 0);
    CHECK(uses(few, "directory_search") > 0);
    CHECK(uses(few, "path_component") > 0);
    CHECK(uses(few, "path_lookup") > uses(known, "path_lookup"));
  }
}
