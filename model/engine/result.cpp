// SPDX-License-Identifier: Apache-2.0
#include "model/engine/result.h"

namespace iodrome {

const char* name_of(Errno error) {
  switch (error) {
    case Errno::ok:
      return "OK";
    case Errno::eperm:
      return "EPERM";
    case Errno::enoent:
      return "ENOENT";
    case Errno::eintr:
      return "EINTR";
    case Errno::eio:
      return "EIO";
    case Errno::ebadf:
      return "EBADF";
    case Errno::eagain:
      return "EAGAIN";
    case Errno::enomem:
      return "ENOMEM";
    case Errno::efault:
      return "EFAULT";
    case Errno::ebusy:
      return "EBUSY";
    case Errno::eexist:
      return "EEXIST";
    case Errno::enodev:
      return "ENODEV";
    case Errno::enotdir:
      return "ENOTDIR";
    case Errno::eisdir:
      return "EISDIR";
    case Errno::einval:
      return "EINVAL";
    case Errno::enfile:
      return "ENFILE";
    case Errno::emfile:
      return "EMFILE";
    case Errno::efbig:
      return "EFBIG";
    case Errno::enospc:
      return "ENOSPC";
    case Errno::espipe:
      return "ESPIPE";
    case Errno::epipe:
      return "EPIPE";
    case Errno::enosys:
      return "ENOSYS";
    case Errno::etime:
      return "ETIME";
    case Errno::eoverflow:
      return "EOVERFLOW";
    case Errno::ebadr:
      return "EBADR";
    case Errno::eopnotsupp:
      return "EOPNOTSUPP";
    case Errno::econnreset:
      return "ECONNRESET";
    case Errno::enobufs:
      return "ENOBUFS";
    case Errno::ealready:
      return "EALREADY";
    case Errno::einprogress:
      return "EINPROGRESS";
    case Errno::etimedout:
      return "ETIMEDOUT";
    case Errno::erestartsys:
      return "ERESTARTSYS";
    case Errno::ecanceled:
      return "ECANCELED";
  }
  return "E?";
}

}  // namespace iodrome
