// SPDX-License-Identifier: Apache-2.0
// An oracle that lets memory run out once, and decides by default otherwise.
#pragma once
#include <cstdint>
#include <string_view>

#include "model/engine/choice.h"

namespace iodrome {

class FailAllocation final : public ChoiceOracle {
 public:
  /// The `number`-th allocation fails, counted from 1; of those at `only`, if it is given.
  explicit FailAllocation(std::uint64_t number, std::string_view only = {})
      : number_(number), only_(only) {}
  std::uint32_t choose(Choice kind, std::uint32_t, const char* site) override {
    if (kind != Choice::allocation || (!only_.empty() && only_ != site)) return 0;
    if (++asked_ != number_) return 0;
    site_ = site;
    return 1;
  }
  std::uint64_t asked() const { return asked_; }
  bool failed() const { return !site_.empty(); }
  std::string_view site() const { return site_; }

 private:
  std::uint64_t number_;
  std::string_view only_;
  std::uint64_t asked_ = 0;
  std::string_view site_;
};

}  // namespace iodrome
