// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/option_value.h"

#include <utility>

#include "model/workloads/fio_job/fio_number.h"
#include "model/workloads/input/diagnostics.h"

namespace iodrome::workloads {

tl::unexpected<OptionFault> option_fault(std::string message, std::string hint) {
  return tl::unexpected<OptionFault>({std::move(message), std::move(hint)});
}

OptionOutcome need_value(const JobOption& option) {
  if (option.has_value && !option.value.empty()) return {};
  return option_fault("option " + in_quotes(option.name) + " needs a value");
}

OptionNumber number_in(const JobOption& option, std::string_view text, int kb_base,
                       std::int64_t low, std::int64_t high) {
  const std::string computed = "(" + std::string(text) + ")";
  const bool compute = option.keyword_arithmetic && !text.starts_with('(');
  const Parsed number = parse_fio_number(compute ? std::string_view(computed) : text, kb_base);
  if (!number) return option_fault(option.name + ": " + number.error());
  if (*number < low) {
    return option_fault(option.name + " must be at least " + std::to_string(low) + ", not " +
                        std::to_string(*number));
  }
  if (*number > high) {
    return option_fault(option.name + " must be at most " + std::to_string(high) + ", not " +
                        std::to_string(*number));
  }
  return *number;
}

OptionOutcome set_switch(const JobOption& option, bool bare_allowed, bool& target) {
  if (!option.has_value && bare_allowed) {
    target = true;
    return {};
  }
  if (const auto outcome = need_value(option); !outcome) return outcome;
  if (option.value != "0" && option.value != "1") {
    return option_fault(option.name + " is " + in_quotes(option.value), "valid: 0, 1");
  }
  target = option.value == "1";
  return {};
}

std::vector<std::string_view> split_parts(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

OptionOutcome set_names(const JobOption& option, std::vector<std::string>& target) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  std::vector<std::string> names(1);
  for (std::size_t i = 0; i < option.value.size(); ++i) {
    const char c = option.value[i];
    if (c == '\\' && i + 1 < option.value.size() && option.value[i + 1] == ':') {
      names.back() += option.value[++i];
    } else if (c == ':') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  for (const std::string& name : names) {
    if (name.empty()) return option_fault(option.name + " holds an empty name");
  }
  target = std::move(names);
  return {};
}

std::array<std::string_view, 2> range_ends(std::string_view text) {
  const std::size_t at =
      text.starts_with('(') ? std::string_view::npos : text.find_first_of("-:", 1);
  if (at == std::string_view::npos) return {text, text};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace iodrome::workloads
