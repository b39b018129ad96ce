// SPDX-License-Identifier: Apache-2.0
// The life of a request as the application sees it.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// The application turns to a request.
struct IoSubmit {
  static constexpr EventInfo info{"io_submit", Subsystem::io};
  std::uint64_t request;
  std::uint64_t thread;
  Words2 words() const { return {request, thread}; }
};

/// The design has taken the request over.
struct IoAccepted {
  static constexpr EventInfo info{"io_accepted", Subsystem::io};
  std::uint64_t request;
  Words1 words() const { return {request}; }
};

/// The result can be seen by the application.
struct IoComplete {
  static constexpr EventInfo info{"io_complete", Subsystem::io};
  std::uint64_t request;
  std::uint64_t result;
  Words2 words() const { return {request, result}; }
};

/// The application has taken the result.
struct IoReap {
  static constexpr EventInfo info{"io_reap", Subsystem::io};
  std::uint64_t request;
  std::uint64_t result;
  Words2 words() const { return {request, result}; }
};

}  // namespace iodrome::events
