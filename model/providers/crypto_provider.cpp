// SPDX-License-Identifier: Apache-2.0
#include "model/providers/crypto_provider.h"

#include "model/engine/aes.h"

namespace iodrome::providers {

using namespace kernel;
using drivers::CryptoRequest;

std::vector<Capability> published(std::uint32_t most, const CryptoClaim& claim) {
  return {
      {Operation::crc32c, 1, most, 1, 1, claim.crc, claim.fixed},
      {Operation::encrypt, Aes128::kBlock, most, 1, 1, claim.cipher, claim.fixed, Aes128::kBlock},
      {Operation::decrypt, Aes128::kBlock, most, 1, 1, claim.cipher, claim.fixed, Aes128::kBlock},
      {Operation::hash, 1, most, 1, 1, claim.hash, claim.fixed}};
}

namespace {

hw::crypto::Operation device_operation(Operation operation) {
  switch (operation) {
    case Operation::encrypt:
      return hw::crypto::Operation::aes_cbc_encrypt;
    case Operation::decrypt:
      return hw::crypto::Operation::aes_cbc_decrypt;
    case Operation::hash:
      return hw::crypto::Operation::sha256;
    default:
      return hw::crypto::Operation::crc32c;
  }
}

}  // namespace

void fill(CryptoRequest& request, Job& job) {
  request.operation = device_operation(job.operation);
  request.bytes = job.bytes;
  request.source = job.source();
  request.destination = job.destination;
  if (job.session != nullptr) request.key = job.session->key;
  request.iv = job.iv;
}

void take_result(Job& job, const CryptoRequest& request) {
  if (job.operation == Operation::hash) job.digest = request.result;
  if (job.operation != Operation::crc32c) return;
  job.crc = 0;
  for (unsigned byte = 0; byte < 4; ++byte)
    job.crc |= std::uint32_t{request.result[byte]} << 8 * byte;
}

CryptoProvider::CryptoProvider(drivers::CryptoDriver& driver, std::uint32_t queue_limit,
                               const CryptoClaim& claim)
    : Provider("crypto", published(driver.max_bytes(), claim), queue_limit),
      driver_(driver),
      requests_(queue_limit) {
  for (CryptoRequest& request : requests_) free_.push_back(&request);
}

Task<Errno> CryptoProvider::start(Atomic& ctx, Job& job) {
  check(!free_.empty(), "more jobs than the provider's queue holds");
  CryptoRequest& request = *free_.back();
  free_.pop_back();
  fill(request, job);
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
  take_result(job, request);
  mine.free_.push_back(&request);
  return mine.ends().ended(ctx, job, error);
}

}  // namespace iodrome::providers
