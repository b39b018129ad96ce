// SPDX-License-Identifier: Apache-2.0
// What a file holds: a function of (inode, offset), so that every byte that arrives anywhere can be
// checked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace iodrome::kernel {

/// Writes the content of [offset, offset + to.size()) of the inode into `to`.
void fill_content(std::uint64_t inode, std::uint64_t offset, std::span<std::byte> to);

/// True if `bytes` are exactly the content at that place.
bool content_matches(std::uint64_t inode, std::uint64_t offset, std::span<const std::byte> bytes);

}  // namespace iodrome::kernel
