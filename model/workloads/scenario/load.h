// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace iodrome::workloads {

/// How fast requests are offered (`workload.load`).
struct Load {
  enum class Kind {
    share,   ///< `0.6`: time is compressed until 60 % of the link is offered
    trace,   ///< `trace`: as stamped
    closed,  ///< `closed:N`: N clients that never pause
  };
  Kind kind = Kind::share;
  std::int64_t share_ppm = 600'000;  ///< of the link, in millionths; for `share`
  std::int64_t clients = 0;          ///< for `closed`

  friend bool operator==(const Load&, const Load&) = default;
};

/// Reads `trace`, `closed:N` or a share such as `0.6` or `60%`.
/// Errors: a share that is not above 0 or is above 100, N outside 1 to 1,000,000.
[[nodiscard]] tl::expected<Load, std::string> parse_load(std::string_view text);

}  // namespace iodrome::workloads
