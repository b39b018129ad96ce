// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/ftrace.h"

#include <fmt/format.h>

#include "model/events/io.h"
#include "model/events/irq.h"
#include "model/events/sched.h"
#include "model/events/syscall.h"
#include "model/events/workqueue.h"
#include "model/timeline/linux_names.h"

namespace iodrome::timeline {

namespace {

using events::Named;

class FtraceText {
 public:
  FtraceText(const Recording& recording, const RunFacts& run, std::string& text)
      : recording_(recording), run_(run), text_(text), current_(run.cpus, 0) {}

  void write() {
    line("# tracer: nop");
    line("#");
    line(fmt::format("# iodrome {}: design {}, {}, seed {}", run_.version, run_.design,
                     run_.scenario, run_.seed));
    line("#");
    line("#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION");
    line("#              | |         |   |||||     |         |");
    for (const Piece& piece : recording_.pieces) {
      if (!piece.continues) {
        current_.assign(current_.size(), 0);
        if (&piece != &recording_.pieces.front()) line("# nothing was kept between these lines");
      }
      for (const Record& record : piece.records) write(record);
    }
  }

 private:
  void line(std::string_view text) {
    text_ += text;
    text_ += '\n';
  }

  std::string comm(std::uint64_t thread) const {
    return thread == 0 ? "<idle>" : recording_.name(Named::thread, thread, "thread ");
  }

  void write(const Record& record) {
    const std::uint32_t cpu = record.cpu < run_.cpus ? record.cpu : 0;
    const std::uint64_t thread = record.cpu < run_.cpus ? current_[record.cpu] : 0;
    const std::uint64_t now = static_cast<std::uint64_t>(to_ps(record.time)) / 1000;
    fmt::format_to(std::back_inserter(text_), "{:>16}-{:<7} [{:03}] ..... {}.{:09}: {}: {}\n",
                   comm(thread), thread, cpu, now / 1'000'000'000, now % 1'000'000'000,
                   record.info->name, fields(record));
    if (record.info->kind == events::SchedSwitch::info.kind)
      current_[record.words[0]] = record.words[2];
  }

  std::string fields(const Record& record) const {
    const auto& words = record.words;
    switch (record.info->kind) {
      case events::SchedSwitch::info.kind:
        return fmt::format(
            "prev_comm={} prev_pid={} prev_prio={prio} prev_state={} ==> next_comm={} next_pid={} "
            "next_prio={prio}",
            swapper(words[0], words[1]), words[1], words[1] == 0 ? 'R' : "RSX"[words[3]],
            swapper(words[0], words[2]), words[2], fmt::arg("prio", kEverybodysPriority));
      case events::SchedWaking::info.kind:
        return fmt::format("comm={} pid={} prio={prio} target_cpu={:03}", comm(words[0]), words[0],
                           words[1], fmt::arg("prio", kEverybodysPriority));
      case events::SchedMigrateTask::info.kind:
        return fmt::format("comm={} pid={} prio={} orig_cpu={} dest_cpu={}", comm(words[0]),
                           words[0], kEverybodysPriority, words[1], words[2]);
      case events::TaskNewtask::info.kind:
        return fmt::format("pid={} comm={}", words[0], comm(words[0]));
      case events::IrqHandlerEntry::info.kind:
        return fmt::format("irq={} name={}", words[1],
                           recording_.name(Named::vector, words[1], "irq"));
      case events::IrqHandlerExit::info.kind:
        return fmt::format("irq={} ret=handled", words[1]);
      case events::SoftirqRaise::info.kind:
      case events::SoftirqEntry::info.kind:
      case events::SoftirqExit::info.kind:
        return fmt::format("vec={} [action={}]", words[1], softirq_name(words[1]));
      case events::WorkqueueExecuteStart::info.kind:
      case events::WorkqueueExecuteEnd::info.kind:
        return fmt::format("work struct {:#x}", words[1]);
      case events::SysEnter::info.kind:
        return fmt::format("NR {} ({})", words[1],
                           recording_.name(Named::syscall, words[1], "syscall "));
      case events::SysExit::info.kind:
        return fmt::format("NR {} = {}", words[1], static_cast<std::int64_t>(words[2]));
    }
    return named(record);
  }

  // The idle threads of Linux are called after their CPUs.
  std::string swapper(std::uint64_t cpu, std::uint64_t thread) const {
    return thread == 0 ? fmt::format("swapper/{}", cpu) : comm(thread);
  }

  static std::string named(const Record& record) {
    std::string text;
    std::size_t word = 0;
    for (const std::string_view name : field_names(record.info->fields)) {
      std::uint64_t value = record.words[word++];
      if (name == "request") value = events::request_number(value);
      const char* const blank = text.empty() ? "" : " ";
      if (name == "result" || name == "error")
        text += fmt::format("{}{}={}", blank, name, static_cast<std::int64_t>(value));
      else
        text += fmt::format("{}{}={}", blank, name, value);
    }
    return text;
  }

  const Recording& recording_;
  const RunFacts& run_;
  std::string& text_;
  std::vector<std::uint64_t> current_;
};

}  // namespace

void append_ftrace(const Recording& recording, const RunFacts& run, std::string& text) {
  FtraceText(recording, run, text).write();
}

}  // namespace iodrome::timeline
