// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/option_table.h"

#include <array>
#include <limits>

#include "model/workloads/fio_job/fio_number.h"
#include "model/workloads/fio_job/option_value.h"

namespace iodrome::workloads {
namespace {

using Number = OptionNumber;

constexpr std::int64_t second_ps = 1'000'000'000'000;
constexpr std::int64_t most_clones = 1'000'000;
constexpr std::int64_t largest_int = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

template <typename Target>
OptionOutcome set_number(const JobOption& option, const FioJob& job, std::int64_t low,
                         std::int64_t high, Target& target) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const Number number = number_in(option, option.value, job.kb_base, low, high);
  if (!number) return tl::unexpected(number.error());
  target = *number;
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
    return option_fault("option " + in_quotes(option.name) + " needs a value",
                        name_hint("", names));
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
  return option_fault(option.name + " is " + in_quotes(name) + ", which is no pattern",
                      name_hint(name, names));
}

OptionOutcome set_engine(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  for (const std::string_view engine : fio_engines) {
    if (option.value != engine) continue;
    job.ioengine = option.value;
    return {};
  }
  return option_fault("ioengine " + in_quotes(option.value) + " is not modelled",
                      name_hint(option.value, fio_engines));
}

/// `4k` for all; `4k,8k` for reads, then writes and trims; `4k,8k,` leaves the trims alone.
OptionOutcome set_block_sizes(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto parts = split_parts(option.value, ',');
  if (parts.size() > 3) {
    return option_fault(option.name + " has more than three sizes (read,write,trim)");
  }
  if (option.value.find('-', 1) != std::string::npos && option.value.front() != '(') {
    return option_fault(option.name + " takes sizes, not ranges", "fio's bsrange is not modelled");
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

tl::unexpected<OptionFault> empty_range(const JobOption& option) {
  return option_fault(option.name + ": the range " + in_quotes(option.value) + " is empty");
}

OptionOutcome set_filesize(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto ends = range_ends(option.value);
  const Number low = number_in(option, ends[0], job.kb_base, 1, largest);
  const Number high = number_in(option, ends[1], job.kb_base, 1, largest);
  if (!low) return tl::unexpected(low.error());
  if (!high) return tl::unexpected(high.error());
  if (*low > *high) return empty_range(option);
  job.filesize_bytes = FioRange{*low, *high};
  return {};
}

OptionOutcome set_runtime(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const Parsed period = parse_fio_period_ps(option.value, second_ps);
  if (!period) return option_fault(option.name + ": " + period.error());
  job.runtime_ps = *period;
  return {};
}

OptionOutcome set_startdelay(const JobOption& option, FioJob& job) {
  if (const auto outcome = need_value(option); !outcome) return outcome;
  const auto ends = range_ends(option.value);
  const Parsed low = parse_fio_period_ps(ends[0], second_ps);
  const Parsed high = parse_fio_period_ps(ends[1], second_ps);
  if (!low) return option_fault(option.name + ": " + low.error());
  if (!high) return option_fault(option.name + ": " + high.error());
  if (*low > *high) return empty_range(option);
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
    return option_fault("kb_base is " + in_quotes(option.value), "valid: 1000, 1024");
  }
  job.kb_base = option.value == "1000" ? 1000 : 1024;
  return {};
}

template <bool FioJob::*Member>
OptionOutcome set_flag(const JobOption& option, FioJob& job) {
  return set_switch(option, true, job.*Member);
}

template <auto Member, std::int64_t High>
OptionOutcome set_count(const JobOption& option, FioJob& job) {
  return set_number(option, job, 1, High, job.*Member);
}

template <auto Member, std::int64_t Low>
OptionOutcome set_extent(const JobOption& option, FioJob& job) {
  return set_size(option, job, Low, job.*Member);
}

template <auto Member>
OptionOutcome set_list(const JobOption& option, FioJob& job) {
  return set_names(option, job.*Member);
}

OptionOutcome set_direct(const JobOption& option, FioJob& job) {
  return set_switch(option, false, job.direct);
}

OptionOutcome set_buffered(const JobOption& option, FioJob& job) {
  bool buffered = !job.direct;
  const auto outcome = set_switch(option, false, buffered);
  if (outcome) job.direct = !buffered;
  return outcome;
}

template <bool Writes>
OptionOutcome set_mix(const JobOption& option, FioJob& job) {
  std::int64_t percent = 0;
  const auto outcome = set_number(option, job, 0, 100, percent);
  // As fio: of the two, the one given last decides.
  if (outcome) job.read_percent = Writes ? 100 - percent : percent;
  return outcome;
}

template <auto Member>
OptionOutcome set_distance(const JobOption& option, FioJob& job) {
  return set_number(option, job, 0, largest_int, job.*Member);
}

constexpr std::array modelled_options = {
    ModelledOption{"rw", set_pattern},
    ModelledOption{"readwrite", set_pattern},
    ModelledOption{"ioengine", set_engine},
    ModelledOption{"bs", set_block_sizes},
    ModelledOption{"blocksize", set_block_sizes},
    ModelledOption{"size", set_extent<&FioJob::size, 1>},
    ModelledOption{"io_size", set_extent<&FioJob::io_size, 1>},
    ModelledOption{"io_limit", set_extent<&FioJob::io_size, 1>},
    ModelledOption{"offset", set_extent<&FioJob::offset, 0>},
    ModelledOption{"fileoffset", set_extent<&FioJob::offset, 0>},
    ModelledOption{"filesize", set_filesize},
    ModelledOption{"iodepth", set_count<&FioJob::iodepth, largest_int>},
    ModelledOption{"filename", set_list<&FioJob::filenames>},
    ModelledOption{"directory", set_list<&FioJob::directories>},
    ModelledOption{"numjobs", set_count<&FioJob::numjobs, most_clones>},
    ModelledOption{"number_ios", set_count<&FioJob::number_ios, largest>},
    ModelledOption{"runtime", set_runtime},
    ModelledOption{"timeout", set_runtime},
    ModelledOption{"startdelay", set_startdelay},
    ModelledOption{"stonewall", set_flag<&FioJob::stonewall>},
    ModelledOption{"wait_for_previous", set_flag<&FioJob::stonewall>},
    ModelledOption{"direct", set_direct},
    ModelledOption{"time_based", set_flag<&FioJob::time_based>},
    ModelledOption{"thread", set_flag<&FioJob::thread>},
    ModelledOption{"group_reporting", set_flag<&FioJob::group_reporting>},
    ModelledOption{"norandommap", set_flag<&FioJob::norandommap>},
    ModelledOption{"buffered", set_buffered},
    ModelledOption{"rwmixread", set_mix<false>},
    ModelledOption{"rwmixwrite", set_mix<true>},
    ModelledOption{"fsync", set_distance<&FioJob::fsync>},
    ModelledOption{"fdatasync", set_distance<&FioJob::fdatasync>},
    ModelledOption{"end_fsync", set_flag<&FioJob::end_fsync>},
    ModelledOption{"overwrite", set_flag<&FioJob::overwrite>},
    ModelledOption{"name", set_name},
    ModelledOption{"kb_base", set_kb_base},
};

}  // namespace

const ModelledOption* find_modelled_option(std::string_view name) {
  for (const ModelledOption& option : modelled_options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::vector<std::string_view> modelled_option_names() {
  std::vector<std::string_view> names;
  for (const ModelledOption& option : modelled_options) names.push_back(option.name);
  return names;
}

}  // namespace iodrome::workloads
