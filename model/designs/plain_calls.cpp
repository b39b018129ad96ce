// SPDX-License-Identifier: Apache-2.0
#include "model/designs/plain_calls.h"

#include "model/chain/open_flags.h"
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/name_calls.h"
#include "model/kernel/calls/write_calls.h"

namespace iodrome::designs {

using namespace kernel;
using chain::Op;

namespace {

Task<Result<std::int64_t>> transfer(Sleepable& user, Os& os, FileTable& files,
                                    const ChainRun& run) {
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  const auto memory = run.memory_of(step, asked);
  if (!memory) return Task<Result<std::int64_t>>::ready(fail(memory.error()));
  const int fd = run.fd_of(step);
  return step.op == Op::read
             ? sys_pread(user, os, files, fd, run.direct, asked.offset, asked.bytes, *memory)
             : sys_pwrite(user, os, files, fd, run.direct, asked.offset, asked.bytes, *memory);
}

}  // namespace

Task<Result<std::int64_t>> plain_call(Sleepable& user, Os& os, FileTable& files,
                                      const ChainRun& run) {
  const Step& step = run.current_step();
  switch (step.op) {
    case Op::nop:
      return Task<Result<std::int64_t>>::ready(0);
    case Op::open: {
      const std::int32_t flags = chain::open_flags(step);
      return flags == 0 ? sys_openat(user, os, files, *step.path)
                        : sys_open(user, os, files, *step.path, flags);
    }
    case Op::stat:
      return sys_fstat(user, files, run.fd_of(step));
    case Op::read:
    case Op::write:
      return transfer(user, os, files, run);
    case Op::close:
      return sys_close(user, files, run.fd_of(step));
    case Op::fsync:
      return step.data_only ? sys_fdatasync(user, os, files, run.fd_of(step))
                            : sys_fsync(user, os, files, run.fd_of(step));
    case Op::unlink:
      return sys_unlink(user, os, *step.path);
    case Op::timeout:
      return sys_nanosleep(user, std::chrono::nanoseconds(static_cast<std::int64_t>(step.bytes)));
    default:
      return Task<Result<std::int64_t>>::ready(fail(Errno::enosys));
  }
}

}  // namespace iodrome::designs
