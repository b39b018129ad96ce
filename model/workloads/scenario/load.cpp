// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/load.h"

#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/quantity.h"

namespace iodrome::workloads {

tl::expected<Load, std::string> parse_load(std::string_view text) {
  constexpr std::int64_t most_clients = 1'000'000;
  constexpr std::int64_t largest_share_ppm = 100'000'000;
  constexpr std::string_view closed = "closed:";
  if (text == "trace") return Load{Load::Kind::trace, 0, 0};
  if (text.starts_with(closed)) {
    const Parsed clients = parse_count(text.substr(closed.size()));
    if (clients && *clients >= 1 && *clients <= most_clients) {
      return Load{Load::Kind::closed, 0, *clients};
    }
    return tl::unexpected(in_quotes(text) + " does not name 1 to 1000000 clients; write closed:64");
  }
  const Parsed share = parse_fraction_ppm(text);
  if (share && *share > 0 && *share <= largest_share_ppm) {
    return Load{Load::Kind::share, *share, 0};
  }
  return tl::unexpected(in_quotes(text) +
                        " is no load; valid: trace, closed:N, a share above 0 such as 0.6" +
                        (share ? "" : " (" + share.error() + ")"));
}

}  // namespace iodrome::workloads
