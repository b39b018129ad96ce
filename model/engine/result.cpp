// SPDX-License-Identifier: Apache-2.0
#include "model/engine/result.h"

namespace iodrome {

namespace {

struct Name {
  Errno error;
  const char* name;
};
constexpr Name kNames[] = {
    {Errno::ok, "OK"},
    {Errno::eperm, "EPERM"},
    {Errno::enoent, "ENOENT"},
    {Errno::esrch, "ESRCH"},
    {Errno::eintr, "EINTR"},
    {Errno::eio, "EIO"},
    {Errno::e2big, "E2BIG"},
    {Errno::ebadf, "EBADF"},
    {Errno::echild, "ECHILD"},
    {Errno::eagain, "EAGAIN"},
    {Errno::enomem, "ENOMEM"},
    {Errno::efault, "EFAULT"},
    {Errno::ebusy, "EBUSY"},
    {Errno::eexist, "EEXIST"},
    {Errno::exdev, "EXDEV"},
    {Errno::enodev, "ENODEV"},
    {Errno::enotdir, "ENOTDIR"},
    {Errno::eisdir, "EISDIR"},
    {Errno::einval, "EINVAL"},
    {Errno::enfile, "ENFILE"},
    {Errno::emfile, "EMFILE"},
    {Errno::efbig, "EFBIG"},
    {Errno::enospc, "ENOSPC"},
    {Errno::espipe, "ESPIPE"},
    {Errno::epipe, "EPIPE"},
    {Errno::enametoolong, "ENAMETOOLONG"},
    {Errno::enosys, "ENOSYS"},
    {Errno::enotempty, "ENOTEMPTY"},
    {Errno::eloop, "ELOOP"},
    {Errno::enodata, "ENODATA"},
    {Errno::etime, "ETIME"},
    {Errno::eoverflow, "EOVERFLOW"},
    {Errno::ebadr, "EBADR"},
    {Errno::enotsock, "ENOTSOCK"},
    {Errno::eopnotsupp, "EOPNOTSUPP"},
    {Errno::eaddrinuse, "EADDRINUSE"},
    {Errno::eaddrnotavail, "EADDRNOTAVAIL"},
    {Errno::enetunreach, "ENETUNREACH"},
    {Errno::econnaborted, "ECONNABORTED"},
    {Errno::econnreset, "ECONNRESET"},
    {Errno::enobufs, "ENOBUFS"},
    {Errno::eisconn, "EISCONN"},
    {Errno::enotconn, "ENOTCONN"},
    {Errno::ealready, "EALREADY"},
    {Errno::einprogress, "EINPROGRESS"},
    {Errno::etimedout, "ETIMEDOUT"},
    {Errno::econnrefused, "ECONNREFUSED"},
    {Errno::erestartsys, "ERESTARTSYS"},
    {Errno::ecanceled, "ECANCELED"},
};

}  // namespace

const char* name_of(Errno error) {
  for (const Name& each : kNames)
    if (each.error == error) return each.name;
  return "E?";
}

}  // namespace iodrome
