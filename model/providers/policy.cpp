// SPDX-License-Identifier: Apache-2.0
#include "model/providers/policy.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace iodrome::providers {
namespace {

class FirstFit final : public Policy {
  Provider& choose(const Job&, std::span<Provider* const> candidates) override {
    return *candidates.front();
  }
};

// Candidates vary from job to job, so the turn is that of the next one chosen after the last.
class RoundRobin final : public Policy {
  Provider& choose(const Job&, std::span<Provider* const> candidates) override {
    Provider* next = nullptr;
    for (Provider* const each : candidates) {
      if (turn_of(*each) == turns_.size()) turns_.push_back({each, 0});
      if (next == nullptr || turns_[turn_of(*each)].second < turns_[turn_of(*next)].second)
        next = each;
    }
    turns_[turn_of(*next)].second = ++last_turn_;
    return *next;
  }
  std::size_t turn_of(const Provider& provider) const {
    const auto found = std::find_if(turns_.begin(), turns_.end(), [&provider](const auto& each) {
      return each.first == &provider;
    });
    return static_cast<std::size_t>(found - turns_.begin());
  }
  std::vector<std::pair<const Provider*, std::uint64_t>> turns_;  // when each was chosen last
  std::uint64_t last_turn_ = 0;
};

class LeastLoaded final : public Policy {
  Provider& choose(const Job&, std::span<Provider* const> candidates) override {
    return **std::min_element(candidates.begin(), candidates.end(), [](auto* a, auto* b) {
      return a->queue_length() < b->queue_length();
    });
  }
};

class EarliestEnd : public Policy {
 public:
  Provider& choose(const Job& job, std::span<Provider* const> candidates) override {
    const auto end = [&](const Provider& provider) {
      return provider.backlog() + estimate(job, provider);
    };
    return **std::min_element(candidates.begin(), candidates.end(),
                              [&end](auto* a, auto* b) { return end(*a) < end(*b); });
  }
};

class Learned final : public EarliestEnd {
 public:
  // Nothing is known of who was not tried, so it is taken for free.
  Duration estimate(const Job& job, const Provider& provider) const override {
    const Mean* const mean = find(job, provider);
    return mean == nullptr ? Duration{0} : mean->value;
  }
  void ended(const Job& job, const Provider& provider, Duration service) override {
    if (Mean* const mean = find(job, provider); mean != nullptr)
      mean->value += (service - mean->value) / kMemory;
    else
      means_.push_back({&provider, job.operation, size_class(job), service});
  }

 private:
  static constexpr int kMemory = 8;
  struct Mean {
    const Provider* provider;
    Operation operation;
    int size_class;
    Duration value;
  };
  static int size_class(const Job& job) {
    return static_cast<int>(std::bit_width(job.bytes * std::max(job.source_count, 1u)));
  }
  const Mean* find(const Job& job, const Provider& provider) const {
    const auto wanted = std::tuple{&provider, job.operation, size_class(job)};
    const auto found = std::find_if(means_.begin(), means_.end(), [&wanted](const Mean& each) {
      return std::tuple{each.provider, each.operation, each.size_class} == wanted;
    });
    return found == means_.end() ? nullptr : &*found;
  }
  Mean* find(const Job& job, const Provider& provider) {
    return const_cast<Mean*>(std::as_const(*this).find(job, provider));
  }

  std::vector<Mean> means_;
};

}  // namespace

Duration Policy::estimate(const Job& job, const Provider& provider) const {
  return provider.capability_for(job)->cost(job);
}

std::span<const std::string_view> policy_names() {
  static constexpr std::string_view kNames[] = {"first_fit", "round_robin", "least_loaded",
                                                "cost_model", "learned"};
  return kNames;
}

std::unique_ptr<Policy> make_policy(std::string_view name) {
  if (name == "first_fit") return std::make_unique<FirstFit>();
  if (name == "round_robin") return std::make_unique<RoundRobin>();
  if (name == "least_loaded") return std::make_unique<LeastLoaded>();
  if (name == "cost_model") return std::make_unique<EarliestEnd>();
  if (name == "learned") return std::make_unique<Learned>();
  return nullptr;
}

}  // namespace iodrome::providers
