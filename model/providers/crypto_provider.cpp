// SPDX-License-Identifier: Apache-2.0
#include "model/providers/crypto_provider.h"

namespace iodrome::providers {

using namespace kernel;
using drivers::CryptoRequest;

CryptoProvider::CryptoProvider(drivers::CryptoDriver& driver, std::uint32_t queue_limit, Rate rate,
                               Duration fixed)
    : Provider("crypto", {{Operation::crc32c, 1, driver.max_bytes(), 1, 1, rate, fixed}},
               queue_limit),
      driver_(driver),
      requests_(queue_limit) {
  for (CryptoRequest& request : requests_) free_.push_back(&request);
}

Task<Errno> CryptoProvider::start(Atomic& ctx, Job& job) {
  check(!free_.empty(), "more jobs than the provider's queue holds");
  CryptoRequest& request = *free_.back();
  free_.pop_back();
  request.operation = hw::crypto::Operation::crc32c;
  request.bytes = job.bytes;
  request.source = job.sources[0];
  request.callback = &CryptoProvider::callback;
  request.argument = &job;
  const Errno error = co_await driver_.submit(ctx, request);
  if (error == Errno::ok) co_return Errno::ok;
  free_.push_back(&request);
  co_return Errno::eagain;
}

Task<void> CryptoProvider::callback(Atomic& ctx, CryptoRequest& request) {
  Job& job = *static_cast<Job*>(request.argument);
  auto& mine = *static_cast<CryptoProvider*>(job.provider);
  const Errno error = request.status;
  job.crc = 0;
  for (unsigned byte = 0; byte < 4; ++byte)
    job.crc |= std::uint32_t{request.result[byte]} << 8 * byte;
  mine.free_.push_back(&request);
  return mine.ends().ended(ctx, job, error);
}

}  // namespace iodrome::providers
