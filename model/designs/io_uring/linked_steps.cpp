// SPDX-License-Identifier: Apache-2.0
#include "model/designs/io_uring/linked_steps.h"

#include <algorithm>
#include <utility>

#include "model/chain/named_file.h"
#include "model/chain/open_flags.h"
#include "model/kernel/inotify/inotify_take.h"

namespace iodrome::designs::io_uring {

namespace {

using chain::Op;

constexpr std::size_t kNone = ~std::size_t{0};

constexpr Opcode kOpcodes[] = {
    Opcode::nop,          Opcode::openat_direct, Opcode::statx, Opcode::read,     Opcode::splice_in,
    Opcode::close_direct, Opcode::write,         Opcode::fsync, Opcode::unlinkat, Opcode::timeout};

// A file reaches a socket by splices.
bool splices(const Step& step) {
  return step.op == Op::send && !step.sends_memory();
}
// Its result is for its CQE to say, so that nothing is linked behind it.
bool tells(const Step& step) {
  return step.op == Op::accept || step.op == Op::connect || step.op == Op::receive ||
         step.op == Op::poll || step.op == Op::inotify;
}
// It has no path of its own, but that of the file that an event names.
bool named_by_event(const Step& step) {
  return step.uses_path() && step.op != Op::inotify && step.fd_from >= 0;
}

Opcode socket_opcode(Op op) {
  switch (op) {
    case Op::accept:
      return Opcode::accept;
    case Op::connect:
      return Opcode::connect;
    case Op::receive:
      return Opcode::recv;
    case Op::poll:
      return Opcode::poll_add;
    case Op::inotify:
      return Opcode::read_event;
    default:
      return Opcode::send;
  }
}

std::size_t step_of(std::uint64_t user_data) {
  return user_data >> 16 & 0xffff;
}
std::size_t splice_of(std::uint64_t user_data) {
  return user_data >> 32;
}

}  // namespace

void LinkedSteps::take(ChainRun& run) {
  run_ = &run;
  at_ = run.current;
  send_step_ = kNone;
  share_slot();
}

// The one slot of the request serves its files one after another; a file opened while another one
// has it goes into the process's table.
void LinkedSteps::share_slot() {
  in_slot_.assign(run_->chain.steps.size(), false);
  std::size_t owner = kNone;
  for (std::size_t i = 0; i < in_slot_.size(); ++i) {
    const Step& step = run_->chain.steps[i];
    if (step.op == Op::open && !step.keep && owner == kNone) {
      in_slot_[i] = true;
      owner = i;
    }
    const bool closes = step.op == Op::close && step.fd_from >= 0;
    if (closes && static_cast<std::size_t>(step.fd_from) == owner) owner = kNone;
  }
}

// Descriptors of the process have operations of their own.
Opcode LinkedSteps::opcode_of(std::size_t step) const {
  const Step& of = run_->chain.steps[step];
  if (of.op == Op::open && !in_direct_slot(step)) return Opcode::openat;
  const bool direct = of.fd_from >= 0 && in_direct_slot(static_cast<std::size_t>(of.fd_from));
  if (of.op == Op::close && !direct) return Opcode::close;
  if (tells(of) || of.sends_memory()) return socket_opcode(of.op);
  return kOpcodes[static_cast<int>(of.op)];
}

Sqe LinkedSteps::sqe_of(Opcode opcode, std::size_t step, std::size_t splice) const {
  const Step& of = run_->chain.steps[step];
  const chain::Course::Numbers asked = run_->course.numbers(step);
  Sqe sqe;
  sqe.opcode = opcode;
  sqe.link = sqe.skip_success = true;
  sqe.slot = run_->slot;
  sqe.data_only = of.data_only;
  sqe.open_flags = chain::open_flags(of);
  sqe.read_only = of.op == Op::open && chain::reads_only(run_->chain, step);
  sqe.fixed_file = of.fd_from >= 0 && in_direct_slot(static_cast<std::size_t>(of.fd_from));
  const bool to_socket = opcode == Opcode::splice_out || opcode == Opcode::send;
  sqe.fd = to_socket ? run_->to_of(of) : run_->fd_of(of);
  if (opcode == Opcode::connect) sqe.fd = socket_;
  sqe.offset = asked.offset;
  sqe.bytes = asked.bytes;
  sqe.in_page = static_cast<std::uint32_t>((of.memory + asked.done) % hw::kPageBytes);
  // A direct descriptor has no statx; what the process's table holds goes by its number.
  sqe.path = sqe.fixed_file ? path_of(static_cast<std::size_t>(of.fd_from)) : path_of(step);
  sqe.statx_size = &run_->results[step];
  sqe.direct_io = run_->direct;
  chain::Course::Numbers room = asked;
  if (of.op == Op::inotify) room.bytes = kernel::kInotifyLongest;
  const auto memory = run_->memory_of(of, room);
  if (memory) sqe.pages = *memory;
  sqe.ledger = &run_->ledger;
  sqe.request = run_->cookie();
  sqe.user_data = run_->slot | std::uint64_t{step} << 16 | std::uint64_t{splice} << 32;
  return sqe;
}

// A name that is none reads as no path, and the step's error is what getname() would have said.
void LinkedSteps::read_names() {
  for (std::size_t i = at_; i < run_->chain.steps.size(); ++i) {
    const Step& step = run_->chain.steps[i];
    if (!named_by_event(step) || run_->results[static_cast<std::size_t>(step.fd_from)] <= 0)
      continue;
    named_.resize(run_->chain.steps.size());
    const Result<std::string> path = chain::path_by_event(system_, *run_, step);
    named_[i] = path ? Named{*path} : Named{"", path.error()};
  }
}

const std::string* LinkedSteps::path_of(std::size_t step) const {
  const Step& of = run_->chain.steps[step];
  return named_by_event(of) ? &named_[step].path : of.path;
}

void LinkedSteps::build(std::uint32_t limit, std::vector<Sqe>& batch) {
  sent_at_.clear();
  read_names();
  for (std::size_t i = at_; i < run_->chain.steps.size(); ++i) {
    const Step& step = run_->chain.steps[i];
    const bool another_send = splices(step) && !sent_at_.empty();
    // What an earlier step has returned is told to this side first, and a connect gets its socket.
    const bool operand = i > at_ && (step.offset_from.used() || step.bytes_from.used() ||
                                     (step.fd_from >= 0 && run_->fd_of(step) < 0) ||
                                     step.op == Op::connect || named_by_event(step));
    if (batch.size() + 2 > limit || another_send || operand || step.on_memory()) break;
    last_step_ = i;
    const bool whole = add_step(i, limit, batch);
    if (!whole || ends_behind(i)) break;
  }
  Sqe& last = batch.back();
  last.link = last.skip_success = false;
  const bool moves = last.opcode == Opcode::splice_out || last.opcode == Opcode::read ||
                     last.opcode == Opcode::write || last.opcode == Opcode::send;
  expected_ = moves ? static_cast<std::int64_t>(last.bytes) : 0;
}

bool LinkedSteps::ends_behind(std::size_t step) const {
  const Step& of = run_->chain.steps[step];
  // The number of a descriptor is known once its open has completed.
  const bool needed = (of.op == Op::open && !in_direct_slot(step)) || tells(of);
  // What a send without its rest means is for the chain's rules to say.
  const bool judged = of.op == Op::send && of.on_short != chain::OnShort::accept;
  return needed || judged || of.loop.used() || of.on_error == chain::OnError::carry_on ||
         !run_->course.in_line(step);
}

// Notes what the step will have returned if nothing breaks. False if it goes on in the next batch.
bool LinkedSteps::add_step(std::size_t step, std::uint32_t limit, std::vector<Sqe>& batch) {
  const Step& of = run_->chain.steps[step];
  if (splices(of)) return add_send(step, limit, batch);
  batch.push_back(sqe_of(opcode_of(step), step, 0));
  const bool moves = of.op == Op::read || of.op == Op::write || of.sends_memory();
  run_->results[step] = moves ? static_cast<std::int64_t>(batch.back().bytes) : 0;
  return true;
}

bool LinkedSteps::add_send(std::size_t step, std::uint32_t limit, std::vector<Sqe>& batch) {
  const std::uint64_t wanted = run_->course.numbers(step).bytes;
  if (send_step_ != step) {
    send_step_ = step;
    sent_ = 0;
    file_ended_ = false;
  }
  std::uint64_t planned = sent_;
  if (wanted == 0) batch.push_back(sqe_of(Opcode::nop, step, 0));
  if (!pipe().empty()) {  // what a link that broke left behind
    sent_at_ = {planned, planned};
    Sqe rest = sqe_of(Opcode::splice_out, step, 1);
    rest.pipe = &pipe();
    rest.bytes = pipe().bytes();
    batch.push_back(rest);
    planned += rest.bytes;
  }
  while (!file_ended_ && planned < wanted && sent_at_.size() < kSplicesPerBatch &&
         batch.size() + 2 <= limit) {
    Sqe in = sqe_of(Opcode::splice_in, step, sent_at_.size());
    in.pipe = &pipe();
    in.offset += planned;
    in.bytes = std::min(wanted - planned, kPipePages * hw::kPageBytes - in.offset % hw::kPageBytes);
    Sqe out = sqe_of(Opcode::splice_out, step, sent_at_.size() + 1);
    out.pipe = &pipe();
    out.bytes = in.bytes;
    sent_at_.insert(sent_at_.end(), {planned, planned});
    batch.push_back(in);
    batch.push_back(out);
    planned += in.bytes;
  }
  run_->results[step] = static_cast<std::int64_t>(planned);
  return file_ended_ || planned >= wanted;
}

// Steps from the current one through `step` have their results.
Finished LinkedSteps::up_to(std::size_t step) const {
  return {run_, static_cast<std::uint32_t>(step - run_->current + 1)};
}

Finished LinkedSteps::settle(std::uint64_t user_data, std::int64_t res) {
  const std::size_t step = step_of(user_data);
  const Step& of = run_->chain.steps[step];
  std::int64_t& result = run_->results[step];
  if (of.op == Op::connect) res = settle_connect(res);
  const bool unnamed = res < 0 && named_by_event(of) && named_[step].error != Errno::ok;
  if (unnamed) res = -static_cast<std::int64_t>(named_[step].error);
  if (splices(of) && run_->course.numbers(step).bytes != 0)
    return settle_send(step, splice_of(user_data), res);
  // An error cancelled what is behind it, and so did a transfer that is shorter than asked.
  if (res < 0 || of.fills_or_drains() || of.op == Op::open || tells(of)) result = res;
  return up_to(step);
}

// The step's value is the socket, once it is connected; else that is to be closed.
std::int64_t LinkedSteps::settle_connect(std::int64_t res) {
  if (no_socket_ != Errno::ok) return -static_cast<std::int64_t>(no_socket_);
  const int socket = std::exchange(socket_, -1);
  if (res == 0) return socket;
  unconnected_ = socket;
  return res;
}

Finished LinkedSteps::settle_send(std::size_t step, std::size_t splice, std::int64_t res) {
  const auto planned = static_cast<std::uint64_t>(run_->results[step]);
  const bool goes_on = planned < run_->course.numbers(step).bytes && !file_ended_;
  const bool out = splice % 2 == 1;
  const bool last = splice + 1 == sent_at_.size();
  if (res >= 0 && last && res == expected_ && step == last_step_) {
    sent_ = planned;
    if (goes_on) {
      at_ = step;
      return {};
    }
  } else if (res >= 0) {
    // A short transfer: into the pipe, because the file ends there; out of it, the rest is inside.
    sent_ = sent_at_[splice] + (out ? static_cast<std::uint64_t>(res) : 0);
    file_ended_ = file_ended_ || !out;
    run_->results[step] = static_cast<std::int64_t>(sent_);
    at_ = step;
    if (!pipe().empty() || !file_ended_) return {};
  } else {
    // As sendfile(2): what went out before counts.
    const auto sent = static_cast<std::int64_t>(sent_at_[splice]);
    run_->results[step] = sent > 0 ? sent : res;
    pipe().consume(pipe().bytes());
  }
  return up_to(step);
}

}  // namespace iodrome::designs::io_uring
