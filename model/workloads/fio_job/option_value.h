// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "model/workloads/fio_job/job_sections.h"

namespace iodrome::workloads {

/// Why a value does not fit its option, and what would.
struct OptionFault {
  std::string message;
  std::string hint;
};

using OptionOutcome = tl::expected<void, OptionFault>;
using OptionNumber = tl::expected<std::int64_t, OptionFault>;

[[nodiscard]] tl::unexpected<OptionFault> option_fault(std::string message, std::string hint = {});

/// Errors: the option stands without a value.
[[nodiscard]] OptionOutcome need_value(const JobOption& option);

/// A number from `low` to `high` out of `text`, a part of the option's value.
[[nodiscard]] OptionNumber number_in(const JobOption& option, std::string_view text, int kb_base,
                                     std::int64_t low, std::int64_t high);

/// 0 or 1; without a value 1 where the option allows that.
[[nodiscard]] OptionOutcome set_switch(const JobOption& option, bool bare_allowed, bool& target);

/// `a:b`, where `\:` is a colon of a name.
[[nodiscard]] OptionOutcome set_names(const JobOption& option, std::vector<std::string>& target);

[[nodiscard]] std::vector<std::string_view> split_parts(std::string_view text, char separator);

/// The two ends of `a-b` or `a:b`; the same text twice for a single value.
[[nodiscard]] std::array<std::string_view, 2> range_ends(std::string_view text);

}  // namespace iodrome::workloads
