// SPDX-License-Identifier: Apache-2.0
// Registers are read and written in their own width, little-endian as the host.
#pragma once
#include <cstring>

#include "hw/ports.h"

namespace iodrome::hw {

/// Answers a read with the register's value. Errors: command_error for another width.
template <class T>
Response read_value(std::span<std::byte> data, T value) {
  if (data.size() != sizeof(T)) return Response::command_error;
  std::memcpy(data.data(), &value, sizeof(T));
  return Response::ok;
}

/// Takes what a write brings. Errors: command_error for another width.
template <class T>
Response write_value(std::span<const std::byte> data, T& value) {
  if (data.size() != sizeof(T)) return Response::command_error;
  std::memcpy(&value, data.data(), sizeof(T));
  return Response::ok;
}

}  // namespace iodrome::hw
