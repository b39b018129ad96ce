// SPDX-License-Identifier: Apache-2.0
// What most files include of others, parsed once per build (IODROME_PRECOMPILE).
#pragma once
#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <bit>
#include <boost/circular_buffer.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive_ptr.hpp>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
