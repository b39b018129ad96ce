// SPDX-License-Identifier: Apache-2.0
#include "model/chain/course.h"

#include <algorithm>

namespace iodrome::chain {

namespace {
constexpr std::int64_t kCanceled = -static_cast<std::int64_t>(Errno::ecanceled);

std::size_t index_of(std::int16_t step) {
  return static_cast<std::size_t>(step);
}
std::uint64_t bit(std::size_t step) {
  return std::uint64_t{1} << step;
}
}  // namespace

void Course::forget() {
  chain_ = nullptr;
  results_ = nullptr;
  records_ = nullptr;
  begun_ = ended_ = 0;
  cursor_ = skip_to_ = 0;
  first_error_ = why_ = Errno::ok;
  running_ = stopped_ = false;
}

void Course::start(const Chain& chain, std::int64_t* results) {
  forget();
  chain_ = &chain;
  results_ = results;
  const bool recorded = std::ranges::any_of(chain.steps, [](const Step& step) {
    return step.loop.used() || step.offset_from.total || step.bytes_from.total ||
           step.on_error == OnError::retry || step.on_short == OnShort::resume;
  });
  if (recorded) records_ = std::make_unique<Record[]>(chain.steps.size());
}

bool Course::over() const {
  const std::size_t steps = chain_->steps.size();
  if (!chain_->graph) return cursor_ == steps && !running_;
  return ended_ == (steps == kMaxGraphSteps ? ~std::uint64_t{0} : bit(steps) - 1);
}

std::optional<std::size_t> Course::next() {
  return chain_->graph ? next_in_graph() : next_in_line();
}

std::optional<std::size_t> Course::next_in_line() {
  while (!running_ && cursor_ < chain_->steps.size()) {
    running_ = true;
    const std::size_t step = cursor_;
    if (begins(step)) return step;
  }
  return std::nullopt;
}

std::optional<std::size_t> Course::next_in_graph() {
  for (std::size_t i = 0; i < chain_->steps.size(); ++i) {
    if ((begun_ & bit(i)) != 0 || (chain_->steps[i].after & ~ended_) != 0) continue;
    begun_ |= bit(i);
    if (begins(i)) return i;
  }
  return std::nullopt;
}

// False: the step has ended without having begun.
bool Course::begins(std::size_t step) {
  if (passed_over(step)) {
    results_[step] = kCanceled;
    note_error(kCanceled);
    ended_ |= chain_->graph ? bit(step) : 0;
    running_ = false;
    ++cursor_;
    return false;
  }
  const std::int64_t error = missing_operand(chain_->steps[step]);
  if (error == 0) return true;
  settle(step, error);
  return false;
}

bool Course::passed_over(std::size_t step) const {
  return (stopped_ || (!chain_->graph && step < skip_to_)) && !cleans_up(chain_->steps[step]);
}

bool Course::cleans_up(const Step& step) const {
  if (step.clean_up) return true;
  return step.op == Op::close && step.fd_from >= 0 && results_[index_of(step.fd_from)] >= 0;
}

// A step whose operand is an error fails: with EBADF if it is the descriptor or the event that
// names its file, else with that error.
std::int64_t Course::missing_operand(const Step& step) const {
  if (step.fd_from >= 0 && results_[index_of(step.fd_from)] < 0)
    return -static_cast<std::int64_t>(Errno::ebadf);
  if (step.to_opened && results_[index_of(step.to_from())] < 0)
    return -static_cast<std::int64_t>(Errno::ebadf);
  for (const From& from : {step.offset_from, step.bytes_from}) {
    if (!from.used() || from.total) continue;
    const std::int64_t value = results_[index_of(from.step)];
    if (value < 0) return value;
  }
  return 0;
}

Course::Numbers Course::numbers(std::size_t step) const {
  const Step& of = chain_->steps[step];
  const auto done =
      records_ == nullptr ? std::uint64_t{0} : static_cast<std::uint64_t>(records_[step].done);
  return {of.offset + sum(of.offset_from) + done, of.bytes + sum(of.bytes_from) - done, done};
}

std::uint64_t Course::sum(const From& from) const {
  if (!from.used()) return 0;
  const std::size_t step = index_of(from.step);
  return static_cast<std::uint64_t>(from.total ? records_[step].total : results_[step]);
}

bool Course::ended(std::size_t step, std::int64_t value, bool at_end) {
  const std::optional<std::int64_t> result = judge(step, value, at_end);
  if (!result) return false;
  settle(step, *result);
  return true;
}

void Course::cut(std::size_t step, std::int64_t moved) {
  if (records_ != nullptr) moved += records_[step].done;
  if (first_error_ == Errno::ok) first_error_ = why_;
  settle(step, moved > 0 ? moved : kCanceled);
}

// What a try means by the step's own rules: the step's result, or nothing if it is tried again.
std::optional<std::int64_t> Course::judge(std::size_t step, std::int64_t value, bool at_end) {
  const Step& of = chain_->steps[step];
  const bool is_short =
      value >= 0 && of.transfers() && static_cast<std::uint64_t>(value) < numbers(step).bytes;
  if (is_short && of.on_short == OnShort::error) value = -static_cast<std::int64_t>(Errno::enodata);
  if (value < 0) {
    if (of.on_error != OnError::retry || stopped_) return value;
    return records_[step].failures++ < of.retries ? std::nullopt : std::optional(value);
  }
  if (of.on_short != OnShort::resume) return value;
  records_[step].done += value;
  const bool resumes = is_short && value > 0 && !at_end && !stopped_;
  return resumes ? std::nullopt : std::optional(records_[step].done);
}

void Course::settle(std::size_t step, std::int64_t result) {
  results_[step] = result;
  running_ = false;
  ended_ |= chain_->graph ? bit(step) : 0;
  if (records_ != nullptr) {
    Record& record = records_[step];
    record.total += std::max<std::int64_t>(result, 0);
    record.done = 0;
    record.failures = 0;
  }
  const Step& of = chain_->steps[step];
  note_error(result);
  if (result < 0 && of.on_error == OnError::jump)
    skip_to_ = std::max(skip_to_, static_cast<std::uint16_t>(of.jump_to));
  if (result < 0 && (of.on_error == OnError::stop || of.on_error == OnError::retry))
    stopped_ = true;
  cursor_ = static_cast<std::uint16_t>(goes_round(step, result) ? index_of(of.loop.to) : step + 1);
}

void Course::note_error(std::int64_t result) {
  if (result >= 0 || first_error_ != Errno::ok) return;
  first_error_ = result == kCanceled ? why_ : static_cast<Errno>(-result);
}

bool Course::goes_round(std::size_t step, std::int64_t result) {
  const Step& of = chain_->steps[step];
  if (!of.loop.used() || step < skip_to_) return false;
  const bool at_end = result < 0 || (result == 0 && of.transfers());
  if (at_end || stopped_ || ++records_[step].rounds == of.loop.rounds) return false;
  // The loops inside begin anew, and so does what a jump passed over.
  for (std::size_t i = index_of(of.loop.to); i < step; ++i) records_[i].rounds = 0;
  skip_to_ = 0;
  return true;
}

}  // namespace iodrome::chain
