// SPDX-License-Identifier: Apache-2.0
// Who of those that can shall do it.
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "model/providers/provider.h"

namespace iodrome::providers {

class Policy {
 public:
  virtual ~Policy() = default;
  /// One of `candidates`, which are healthy, fit the job and have room; there is at least one, and
  /// they are in the order of their registration.
  virtual Provider& choose(const Job& job, std::span<Provider* const> candidates) = 0;
  /// What that provider takes for the job, without what stands in front of it.
  virtual Duration estimate(const Job& job, const Provider& provider) const;
  /// A job has ended well that its provider worked on for `service`.
  virtual void ended(const Job&, const Provider&, Duration) {}
};

/// By name, or nullptr:
/// - `first_fit`: the first that was registered.
/// - `round_robin`: in turn, by the order of registration.
/// - `least_loaded`: the fewest jobs queued; of several the first.
/// - `cost_model`: the earliest end, by what each has published: the backlog's estimates, the fixed
///   cost, the size over the rate.
/// - `learned`: the earliest end, by what the provider took for this operation and size class (a
///   power of two) so far: a running mean over about eight jobs. Who has not been tried is tried.
std::unique_ptr<Policy> make_policy(std::string_view name);
/// The names, in this order.
std::span<const std::string_view> policy_names();

}  // namespace iodrome::providers
