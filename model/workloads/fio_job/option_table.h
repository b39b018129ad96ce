// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "model/workloads/fio_job/fio_job.h"
#include "model/workloads/fio_job/job_sections.h"
#include "model/workloads/fio_job/option_value.h"

namespace iodrome::workloads {

/// A fio option that is modelled, under one of its names.
struct ModelledOption {
  std::string_view name;
  OptionOutcome (*apply)(const JobOption& option, FioJob& job);
};

/// The modelled option called `name`; nothing when there is none.
[[nodiscard]] const ModelledOption* find_modelled_option(std::string_view name);

/// The names of all modelled options, aliases included.
[[nodiscard]] std::vector<std::string_view> modelled_option_names();

}  // namespace iodrome::workloads
