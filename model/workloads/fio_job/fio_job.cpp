// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/fio_job.h"

#include <utility>

#include "model/workloads/fio_job/job_sections.h"
#include "model/workloads/fio_job/option_catalog.h"
#include "model/workloads/fio_job/option_table.h"

namespace iodrome::workloads {
namespace {

class JobBuilder {
 public:
  explicit JobBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const JobSection& section) {
    FioJob job = defaults_;
    job.name = section.name;
    job.place = section.place;
    // fio reads kb_base before every other option of the section, wherever it stands.
    for (const JobOption& option : section.options) {
      if (option.name == "kb_base") apply(option, job);
    }
    for (const JobOption& option : section.options) {
      if (option.name != "kb_base") apply(option, job);
    }
    if (section.global) {
      defaults_ = std::move(job);
      return;
    }
    if (job.time_based && !job.runtime_ps) {
      diagnostics_.error(section.place,
                         "job " + in_quotes(job.name) + " is time_based but has no runtime");
    }
    jobs_.push_back(std::move(job));
  }

  std::vector<FioJob> take() { return std::move(jobs_); }

 private:
  void apply(const JobOption& option, FioJob& job) {
    const ModelledOption* modelled = find_modelled_option(option.name);
    if (modelled == nullptr) return refuse(option);
    const OptionOutcome outcome = modelled->apply(option, job);
    if (outcome) return;
    std::string hint = outcome.error().hint;
    if (!option.unset_variable.empty()) {
      hint = "the variable " + in_quotes(option.unset_variable) + " is not set" +
             (hint.empty() ? "" : "; ") + hint;
    }
    diagnostics_.error(option.value_place, outcome.error().message, std::move(hint));
  }

  void refuse(const JobOption& option) {
    if (const auto known = find_in_fio_catalog(option.name)) {
      const std::string subject = "(" + std::string(known->subject) + ")";
      if (known->treatment == FioTreatment::ignored) {
        diagnostics_.warning(option.place,
                             "option " + in_quotes(option.name) + " has no effect here " + subject);
      } else {
        diagnostics_.error(option.place, "option " + in_quotes(option.name) +
                                             " is known to fio but not modelled " + subject);
      }
      return;
    }
    std::vector<std::string_view> names = modelled_option_names();
    for (const std::string_view name : fio_catalog_names()) names.push_back(name);
    diagnostics_.error(option.place, "unknown option " + in_quotes(option.name),
                       name_hint(option.name, names));
  }

  Diagnostics& diagnostics_;
  FioJob defaults_;
  std::vector<FioJob> jobs_;
};

}  // namespace

std::optional<FioJobFile> read_fio_job_file(TextSource& source, const FioEnvironment& environment,
                                            Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  JobSections sections = read_job_sections(source, environment, diagnostics);
  JobBuilder builder(diagnostics);
  for (const JobSection& section : sections.sections) builder.add(section);
  FioJobFile file{builder.take(), std::move(sections.overrides)};
  if (diagnostics.error_count() == errors_before && file.jobs.empty()) {
    diagnostics.error({source.name(), 0, 0, {}}, "the job file holds no job",
                      "a job starts with a section such as [randread]");
  }
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  return file;
}

std::optional<FioJobFile> load_fio_job_file(const std::string& path,
                                            const FioEnvironment& environment,
                                            Diagnostics& diagnostics) {
  TextSource source = TextSource::from_file(path, job_line_limit_bytes);
  return read_fio_job_file(source, environment, diagnostics);
}

}  // namespace iodrome::workloads
