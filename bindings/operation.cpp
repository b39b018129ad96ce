// SPDX-License-Identifier: Apache-2.0
#include "bindings/operation.h"

namespace iodrome::bindings {

namespace py = pybind11;
using chain::ChainRun;
using chain::Op;
using chain::Step;

namespace {

// The tuple's first field; steps go by chain::Op.
constexpr long kPause = -1;
constexpr long kChain = -2;

constexpr const char* kWhatToYield =
    "yield an operation of iodrome, such as io.read(fd, 4096), or a chain";

[[noreturn]] void refuse(const std::string& what) {
  throw py::type_error(what);
}

std::int64_t integer(PyObject* value, const char* what) {
  if (!PyLong_Check(value))
    refuse(std::string(what) + " is an integer, not " + std::string(py::repr(value)));
  const long long number = PyLong_AsLongLong(value);
  if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

std::uint64_t size(PyObject* value, const char* what) {
  const std::int64_t number = integer(value, what);
  if (number < 0) throw py::value_error(std::string(what) + " is negative");
  return static_cast<std::uint64_t>(number);
}

// The operation's code, once its form is known to be the one that iodrome.operations lays out.
long code_of(PyObject* yielded) {
  static constexpr Py_ssize_t kFields[chain::kOps] = {1, 2, 2, 5, 5, 2};
  const bool is_tuple = PyTuple_Check(yielded) && PyTuple_GET_SIZE(yielded) > 0;
  PyObject* const first = is_tuple ? PyTuple_GET_ITEM(yielded, 0) : nullptr;
  if (first != nullptr && PyLong_Check(first)) {
    int overflow = 0;
    const long code = PyLong_AsLongAndOverflow(first, &overflow);
    const Py_ssize_t fields = PyTuple_GET_SIZE(yielded);
    if (overflow == 0 && (code == kChain || (code == kPause && fields == 2))) return code;
    if (code >= 0 && code < chain::kOps && fields == kFields[code]) return code;
  }
  refuse(std::string(kWhatToYield) + "; got " + std::string(py::repr(yielded)));
}

// None stands for the file that the chain itself opened.
void read_fd(PyObject* value, Step& step, std::int16_t opened) {
  if (value != Py_None) {
    const std::int64_t fd = integer(value, "a descriptor");
    step.fd = fd < 0 || fd > 0x7fff'ffff ? -1 : static_cast<std::int32_t>(fd);
    return;
  }
  if (opened < 0) throw py::value_error("a chain uses a file before it opened one");
  step.fd_from = opened;
}

struct Reader {
  ChainRun& run;
  std::int32_t to_fd;
  PathOf path_of;
  void* owner;
  std::int16_t opened = -1;

  void add(PyObject* tuple) {
    Step step;
    step.op = static_cast<Op>(code_of(tuple));
    if (step.op == Op::open) {
      if (opened >= 0) throw py::value_error("a chain opens one file");
      PyObject* const text = PyTuple_GET_ITEM(tuple, 1);
      if (!PyUnicode_Check(text)) refuse("a path is a str, not " + std::string(py::repr(text)));
      Py_ssize_t length = 0;
      const char* const path = PyUnicode_AsUTF8AndSize(text, &length);
      if (path == nullptr) throw py::error_already_set();
      step.path = path_of(owner, {path, static_cast<std::size_t>(length)});
      opened = static_cast<std::int16_t>(run.chain.steps.size());
    } else if (step.op != Op::nop) {
      read_fd(PyTuple_GET_ITEM(tuple, 1), step, opened);
    }
    if (step.op == Op::read || step.op == Op::send) {
      step.bytes = size(PyTuple_GET_ITEM(tuple, 2), "a number of bytes");
      step.offset = size(PyTuple_GET_ITEM(tuple, 3), "an offset");
      run.direct = PyTuple_GET_ITEM(tuple, 4) == Py_True;
      if (step.op == Op::send) step.to_fd = to_fd;
    }
    run.chain.steps.push_back(step);
  }

  // A descriptor that the chain does not close is the program's to keep.
  void settle_descriptors() {
    for (std::size_t i = 0; i < run.chain.steps.size(); ++i) {
      Step& step = run.chain.steps[i];
      if (step.op != Op::open) continue;
      step.keep = true;
      for (const Step& other : run.chain.steps)
        if (other.op == Op::close && other.fd_from == static_cast<std::int16_t>(i))
          step.keep = false;
    }
  }
};

}  // namespace

Operation read_operation(py::handle yielded, ChainRun& run, std::int32_t to_fd, PathOf path_of,
                         void* owner) {
  py::object converted;
  if (!PyTuple_Check(yielded.ptr())) {
    converted = py::getattr(yielded, "operation", yielded);
    yielded = converted;
  }
  PyObject* const tuple = yielded.ptr();
  Operation operation;
  run.chain.steps.clear();
  run.direct = false;
  Reader reader{run, to_fd, path_of, owner};
  const long code = code_of(tuple);
  if (code == kPause) {
    operation.pause = true;
    operation.length = ps(integer(PyTuple_GET_ITEM(tuple, 1), "a pause"));
    return operation;
  }
  operation.is_chain = code == kChain;
  if (operation.is_chain) {
    if (PyTuple_GET_SIZE(tuple) == 1) throw py::value_error("a chain has no steps");
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(tuple); ++i) {
      PyObject* const step = PyTuple_GET_ITEM(tuple, i);
      if (code_of(step) < 0) refuse("a chain holds operations only");
      reader.add(step);
    }
  } else {
    reader.add(tuple);
  }
  reader.settle_descriptors();
  return operation;
}

}  // namespace iodrome::bindings
