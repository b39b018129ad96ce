// SPDX-License-Identifier: Apache-2.0
#include "model/engine/fingerprint.h"

#define XXH_INLINE_ALL  // so that our optimiser sees the loop; see CMakeLists.txt
#include <fmt/format.h>
#include <xxhash.h>

#include <bit>

namespace iodrome {

static_assert(std::endian::native == std::endian::little, "fingerprints hash little-endian words");

struct Fingerprint::State {
  XXH3_state_t* hash = XXH3_createState();
  State() { XXH3_64bits_reset(hash); }
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {}
Fingerprint::~Fingerprint() = default;

void Fingerprint::flush() {
  XXH3_64bits_update(state_->hash, buffer_.data(), used_ * sizeof(std::uint64_t));
  used_ = 0;
}

std::string Fingerprint::text() {
  flush();
  return fmt::format("{:016x}", XXH3_64bits_digest(state_->hash));
}

}  // namespace iodrome
