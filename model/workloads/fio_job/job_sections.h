// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/workloads/fio_job/fio_job.h"
#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/text_source.h"

namespace iodrome::workloads {

/// One `key=value` or `key` of a job file, variables and keywords replaced.
struct JobOption {
  std::string name;
  std::string value;
  bool has_value = false;
  bool keyword_arithmetic = false;  ///< `8*$pagesize`: fio computes it without parentheses
  Place place;                      ///< of the name
  Place value_place;
  std::string unset_variable;  ///< a `${NAME}` that read as empty
};

struct JobSection {
  std::string name;
  bool global = false;
  Place place;
  std::vector<JobOption> options;
};

struct JobSections {
  std::vector<JobSection> sections;
  std::vector<FioOverride> overrides;
};

/// Splits a job file and what it includes into sections and options; knows no option's meaning.
/// Order: as in the file, included options where their `include` stands.
[[nodiscard]] JobSections read_job_sections(TextSource& source, const FioEnvironment& environment,
                                            Diagnostics& diagnostics);

/// Job files are written by hand: a longer line means that this is none.
inline constexpr std::size_t job_line_limit_bytes = 16384;

}  // namespace iodrome::workloads
