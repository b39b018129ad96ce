// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/option_table.h"

#include <array>
#include <limits>

#include "model/workloads/fio_job/fio_number.h"

namespace iodrome::workloads {
namespace {

constexpr std::int64_t second_ps = 1'000'000'000'000;
constexpr std::int64_t most_clones = 1'000'000;
constexpr std::int64_t largest_int = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

tl::unexpected<OptionFault> fault(std::string message, std::string hint = {}) {
  return tl::unexpected<OptionFault>({std::move(message), std::move(hint)});
}

OptionOutcome need_value(const JobOption& option) {
  if (option.has_value && !option.value.empty()) return {};
  return fault("option " + quoted(option.name) + " needs a value");
}

using Number = tl::expected<std::int64_t, OptionFault>;

Number number_in(const JobOption& option, std::string_view text, int kb_base, std::int64_t low,
                 std::int64_t high) {
  const std::string computed = "(" + std::string(text) + ")";
  const bool compute = option.keyword_arithmetic && !text.starts_with('(');
  const Parsed number = parse_fio_number(compute ? std::string_view(computed) : text, kb_base);
  if (!number) return fault(option.name + ": " + number.error());
  if (*number < low) {
    return fault(option.name + " must be at least " + std::to_string(low) + ", not " +
                 std::to_string(*number));
  }
  if (*number > high) {
    return fault(option.name + " must be at most " + std::to_string(high) + ", not " +
                 std::to_string(*number));
  }
  return *number;
}

template <typename Target>
OptionOutcome set_number(const JobOption& option, const FioJob& job, std::int64_t low,
                         std::int64_t high, Target& target) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const Number number = number_in(option, option.value, job.kb_base, low, high);
  if (!number) return tl::unexpected(number.error());
  target = *number;
  return {};
}

/// 0 or 1; without a value 1 where the option allows that.
OptionOutcome set_switch(const JobOption& option, bool bare_allowed, bool& target) {
  if (!option.has_value && bare_allowed) {
    target = true;
    return {};
  }
  if (const auto outcome = need_value(option); !outcome) return outcome;
  if (option.value != "0" && option.value != "1") {
    return fault(option.name + " is " + quoted(option.value), "valid: 0, 1");
  }
  target = option.value == "1";
  return {};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// `a:b`, where `\:` is a colon of a name.
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
    if (name.empty()) return fault(option.name + " holds an empty name");
  }
  target = std::move(names);
  return {};
}

struct PatternName {
  std::string_view name;
  FioPattern pattern;
};

constexpr std::array patterns = {
    PatternName{"read", {false, true, false, false, false}},
    PatternName{"write", {false, false, true, false, false}},
    PatternName{"trim", {false, false, false, true, false}},
    PatternName{"randread", {true, true, false, false, false}},
    PatternName{"randwrite", {true, false, true, false, false}},
    PatternName{"randtrim", {true, false, false, true, false}},
    PatternName{"rw", {false, true, true, false, false}},
    PatternName{"readwrite", {false, true, true, false, false}},
    PatternName{"randrw", {true, true, true, false, false}},
    PatternName{"trimwrite", {false, false, true, true, true}},
    PatternName{"randtrimwrite", {true, false, true, true, true}},
};

OptionOutcome set_pattern(const JobOption& option, FioJob& job) {
  std::array<std::string_view, patterns.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = patterns[i].name;
  if (option.value.empty()) {
    return fault("option " + quoted(option.name) + " needs a value", name_hint("", names));
  }
  const std::string_view value = option.value;
  const std::size_t colon = value.find(':');
  const std::string_view name = value.substr(0, colon);
  for (const PatternName& known : patterns) {
    if (known.name != name) continue;
    FioPattern pattern = known.pattern;
    if (colon != std::string_view::npos) {
      const Number modifier =
          number_in(option, value.substr(colon + 1), job.kb_base, 1, largest_int);
      if (!modifier) return tl::unexpected(modifier.error());
      (pattern.random ? pattern.ios_per_offset : pattern.gap_bytes) = *modifier;
    }
    job.pattern = pattern;
    return {};
  }
  return fault(option.name + " is " + quoted(name) + ", which is no pattern",
               name_hint(name, names));
}

OptionOutcome set_engine(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  for (const std::string_view engine : fio_engines) {
    if (option.value != engine) continue;
    job.ioengine = option.value;
    return {};
  }
  return fault("ioengine " + quoted(option.value) + " is not modelled",
               name_hint(option.value, fio_engines));
}

/// `4k` for all; `4k,8k` for reads, then writes and trims; `4k,8k,` leaves the trims alone.
OptionOutcome set_block_sizes(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto parts = split(option.value, ',');
  if (parts.size() > 3) return fault(option.name + " has more than three sizes (read,write,trim)");
  if (option.value.find('-', 1) != std::string::npos && option.value.front() != '(') {
    return fault(option.name + " takes sizes, not ranges", "fio's bsrange is not modelled");
  }
  FioBlockSizes sizes = job.block_sizes;
  const std::array targets = {&sizes.read_bytes, &sizes.write_bytes, &sizes.trim_bytes};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string_view part = parts[std::min(i, parts.size() - 1)];
    if (part.empty()) continue;
    const Number number = number_in(option, part, job.kb_base, 1, largest_int);
    if (!number) return tl::unexpected(number.error());
    *targets[i] = *number;
  }
  job.block_sizes = sizes;
  return {};
}

template <typename Target>
OptionOutcome set_size(const JobOption& option, const FioJob& job, std::int64_t low,
                       Target& target) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  std::string_view text = option.value;
  FioSize size;
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    const Number percent = number_in(option, text, job.kb_base, 1, 100);
    if (!percent) return tl::unexpected(percent.error());
    size.percent = static_cast<int>(*percent);
  } else {
    const Number bytes = number_in(option, text, job.kb_base, low, largest);
    if (!bytes) return tl::unexpected(bytes.error());
    size.bytes = *bytes;
  }
  target = size;
  return {};
}

/// The two ends of `a-b` or `a:b`; the same text twice for a single value.
std::array<std::string_view, 2> range_ends(std::string_view text) {
  const std::size_t at = text.starts_with('(') ? std::string_view::npos
                                               : text.find_first_of("-:", 1);
  if (at == std::string_view::npos) return {text, text};
  return {text.substr(0, at), text.substr(at + 1)};
}

OptionOutcome set_filesize(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto ends = range_ends(option.value);
  const Number low = number_in(option, ends[0], job.kb_base, 1, largest);
  const Number high = number_in(option, ends[1], job.kb_base, 1, largest);
  if (!low) return tl::unexpected(low.error());
  if (!high) return tl::unexpected(high.error());
  if (*low > *high) return fault(option.name + ": the range " + quoted(option.value) + " is empty");
  job.filesize_bytes = FioRange{*low, *high};
  return {};
}

OptionOutcome set_runtime(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const Parsed period = parse_fio_period_ps(option.value, second_ps);
  if (!period) return fault(option.name + ": " + period.error());
  job.runtime_ps = *period;
  return {};
}

OptionOutcome set_startdelay(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto ends = range_ends(option.value);
  const Parsed low = parse_fio_period_ps(ends[0], second_ps);
  const Parsed high = parse_fio_period_ps(ends[1], second_ps);
  if (!low) return fault(option.name + ": " + low.error());
  if (!high) return fault(option.name + ": " + high.error());
  if (*low > *high) return fault(option.name + ": the range " + quoted(option.value) + " is empty");
  job.startdelay_ps = {*low, *high};
  return {};
}

OptionOutcome set_name(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  job.name = option.value;
  return {};
}

OptionOutcome set_kb_base(const JobOption& option, FioJob& job) {
  if (option.value != "1000" && option.value != "1024") {
    return fault("kb_base is " + quoted(option.value), "valid: 1000, 1024");
  }
  job.kb_base = option.value == "1000" ? 1000 : 1024;
  return {};
}

using Option = const JobOption&;
constexpr std::array modelled = {
    ModelledOption{"rw", set_pattern},
    ModelledOption{"readwrite", set_pattern},
    ModelledOption{"ioengine", set_engine},
    ModelledOption{"bs", set_block_sizes},
    ModelledOption{"blocksize", set_block_sizes},
    ModelledOption{"size", [](Option o, FioJob& job) { return set_size(o, job, 1, job.size); }},
    ModelledOption{"io_size",
                   [](Option o, FioJob& job) { return set_size(o, job, 1, job.io_size); }},
    ModelledOption{"io_limit",
                   [](Option o, FioJob& job) { return set_size(o, job, 1, job.io_size); }},
    ModelledOption{"offset", [](Option o, FioJob& job) { return set_size(o, job, 0, job.offset); }},
    ModelledOption{"fileoffset",
                   [](Option o, FioJob& job) { return set_size(o, job, 0, job.offset); }},
    ModelledOption{"filesize", set_filesize},
    ModelledOption{
        "iodepth",
        [](Option o, FioJob& job) { return set_number(o, job, 1, largest_int, job.iodepth); }},
    ModelledOption{"filename", [](Option o, FioJob& job) { return set_names(o, job.filenames); }},
    ModelledOption{"directory",
                   [](Option o, FioJob& job) { return set_names(o, job.directories); }},
    ModelledOption{
        "numjobs",
        [](Option o, FioJob& job) { return set_number(o, job, 1, most_clones, job.numjobs); }},
    ModelledOption{
        "number_ios",
        [](Option o, FioJob& job) { return set_number(o, job, 1, largest, job.number_ios); }},
    ModelledOption{"runtime", set_runtime},
    ModelledOption{"timeout", set_runtime},
    ModelledOption{"startdelay", set_startdelay},
    ModelledOption{"stonewall",
                   [](Option o, FioJob& job) { return set_switch(o, true, job.stonewall); }},
    ModelledOption{"wait_for_previous",
                   [](Option o, FioJob& job) { return set_switch(o, true, job.stonewall); }},
    ModelledOption{"direct",
                   [](Option o, FioJob& job) { return set_switch(o, false, job.direct); }},
    ModelledOption{"time_based",
                   [](Option o, FioJob& job) { return set_switch(o, true, job.time_based); }},
    ModelledOption{"thread", [](Option o, FioJob& job) { return set_switch(o, true, job.thread); }},
    ModelledOption{"group_reporting",
                   [](Option o, FioJob& job) { return set_switch(o, true, job.group_reporting); }},
    ModelledOption{"norandommap",
                   [](Option o, FioJob& job) { return set_switch(o, true, job.norandommap); }},
    ModelledOption{"name", set_name},
    ModelledOption{"kb_base", set_kb_base},
};

}  // namespace

const ModelledOption* find_modelled_option(std::string_view name) {
  for (const ModelledOption& option : modelled) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::vector<std::string_view> modelled_option_names() {
  std::vector<std::string_view> names;
  for (const ModelledOption& option : modelled) names.push_back(option.name);
  return names;
}

}  // namespace iodrome::workloads
