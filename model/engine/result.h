// SPDX-License-Identifier: Apache-2.0
// What a modelled call returns: a value or an errno, spelt as the kernel spells it.
#pragma once
#include <cstdint>
#include <tl/expected.hpp>

namespace iodrome {

/// Linux's numbers, so that a modelled ABI can return -errno.
enum class Errno : std::int16_t {
  ok = 0,
  eperm = 1,
  enoent = 2,
  esrch = 3,
  eintr = 4,
  eio = 5,
  e2big = 7,
  ebadf = 9,
  echild = 10,
  eagain = 11,
  enomem = 12,
  efault = 14,
  ebusy = 16,
  eexist = 17,
  exdev = 18,
  enodev = 19,
  enotdir = 20,
  eisdir = 21,
  einval = 22,
  enfile = 23,
  emfile = 24,
  efbig = 27,
  enospc = 28,
  espipe = 29,
  epipe = 32,
  enametoolong = 36,
  enosys = 38,
  enotempty = 39,
  eloop = 40,
  enodata = 61,
  etime = 62,
  eoverflow = 75,
  ebadr = 53,
  enotsock = 88,
  eopnotsupp = 95,
  eaddrinuse = 98,
  eaddrnotavail = 99,
  enetunreach = 101,
  econnaborted = 103,
  econnreset = 104,
  enobufs = 105,
  eisconn = 106,
  enotconn = 107,
  etimedout = 110,
  econnrefused = 111,
  ealready = 114,
  einprogress = 115,
  ecanceled = 125,
  erestartsys = 512,  // inside the kernel: a signal came; user space sees EINTR or a restart
};

/// The kernel's spelling, e.g. "ENOENT".
const char* name_of(Errno error);

template <class T>
using Result = tl::expected<T, Errno>;

inline tl::unexpected<Errno> fail(Errno error) {
  return tl::unexpected<Errno>(error);
}

/// The int64 of a syscall's return register: the value, or minus the errno.
template <class T>
std::int64_t as_return_value(const Result<T>& result) {
  return result ? static_cast<std::int64_t>(*result) : -static_cast<std::int64_t>(result.error());
}

}  // namespace iodrome
