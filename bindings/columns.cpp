// SPDX-License-Identifier: Apache-2.0
// A request log as NumPy arrays that share its memory.
#include "bindings/columns.h"

#include <pybind11/numpy.h>

namespace iodrome::bindings {

namespace py = pybind11;

namespace {

// The array keeps `owner` alive, and nobody can write through it.
template <class T>
py::array view(const std::vector<T>& column, const py::capsule& owner) {
  py::array_t<T> array(static_cast<py::ssize_t>(column.size()), column.data(), owner);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

}  // namespace

py::dict columns_of(metrics::RequestLog&& log) {
  auto* const kept = new metrics::RequestLog(std::move(log));
  const py::capsule owner(kept,
                          [](void* memory) { delete static_cast<metrics::RequestLog*>(memory); });
  py::dict columns;
  columns["request"] = view(kept->request, owner);
  columns["op"] = view(kept->op, owner);
  columns["bytes"] = view(kept->bytes, owner);
  columns["error"] = view(kept->error, owner);
  columns["cpu"] = view(kept->cpu, owner);
  columns["arrival"] = view(kept->arrival, owner);
  columns["submit"] = view(kept->submit, owner);
  columns["issue"] = view(kept->issue, owner);
  columns["dispatch"] = view(kept->dispatch, owner);
  columns["complete"] = view(kept->complete, owner);
  columns["reap"] = view(kept->reap, owner);
  return columns;
}

}  // namespace iodrome::bindings
