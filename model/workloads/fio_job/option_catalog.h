// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace iodrome::workloads {

/// What becomes of a fio option that is not modelled.
enum class FioTreatment {
  refused,  ///< it would change the workload: an error
  ignored,  ///< it cannot change a simulated result: a warning
};

struct FioCatalogEntry {
  FioTreatment treatment;
  std::string_view subject;  ///< what the option is about, for the message
};

/// An option of fio 3.33 that is not modelled, if `name` is one.
[[nodiscard]] std::optional<FioCatalogEntry> find_in_fio_catalog(std::string_view name);

/// The names of all options that are not modelled.
[[nodiscard]] std::vector<std::string_view> fio_catalog_names();

}  // namespace iodrome::workloads
