// SPDX-License-Identifier: Apache-2.0
// Where the blocks of a RAID 5 stand on its members, and where their parity does.
#pragma once
#include <cstdint>

namespace iodrome::kernel {

/// Left-symmetric rotation: parity moves one member to the left with every row of chunks, and data
/// goes on behind it, round and round.
///
/// Units: sectors of 512 bytes. Source: Linux drivers/md/raid5.c, ALGORITHM_LEFT_SYMMETRIC (2), the
/// default of mdadm.
struct Raid5Layout {
  std::uint32_t members = 0;
  std::uint64_t chunk_sectors = 0;

  struct Place {
    std::uint64_t sector = 0;  // of the member
    std::uint32_t member = 0;
    std::uint32_t parity = 0;  // the member that has the row's parity
  };
  /// raid5_compute_sector().
  constexpr Place locate(std::uint64_t sector) const {
    const std::uint64_t chunk = sector / chunk_sectors;
    const std::uint32_t data_members = members - 1;
    const std::uint64_t row = chunk / data_members;
    const std::uint32_t parity = data_members - static_cast<std::uint32_t>(row % members);
    const auto nth = static_cast<std::uint32_t>(chunk % data_members);
    return {row * chunk_sectors + sector % chunk_sectors, (parity + 1 + nth) % members, parity};
  }
  /// Who has the parity of what stands at that sector of the members.
  constexpr std::uint32_t parity_at(std::uint64_t member_sector) const {
    const std::uint64_t row = member_sector / chunk_sectors;
    return members - 1 - static_cast<std::uint32_t>(row % members);
  }
  /// compute_blocknr(): the array's sector behind a member's, which is no parity.
  constexpr std::uint64_t array_sector(std::uint64_t member_sector, std::uint32_t member) const {
    const std::uint64_t row = member_sector / chunk_sectors;
    const std::uint32_t nth = (member + members - parity_at(member_sector) - 1) % members;
    return (row * (members - 1) + nth) * chunk_sectors + member_sector % chunk_sectors;
  }
};

}  // namespace iodrome::kernel
