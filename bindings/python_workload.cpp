// SPDX-License-Identifier: Apache-2.0
#include "bindings/python_workload.h"

#include <pybind11/stl.h>

#include <deque>
#include <set>

#include "bindings/operation.h"
#include "model/workloads/expected_stream.h"
#include "model/workloads/input/quantity.h"

namespace iodrome::bindings {

namespace py = pybind11;
using chain::ChainRun;
using chain::Op;
using workloads::ArrivalListener;
using workloads::Stage;

namespace {

/// What a generator is given of its surroundings.
struct Client {
  std::uint32_t index = 0;
  std::uint32_t clients = 0;
  std::uint64_t seed = 0;
  const Timeline* timeline = nullptr;  // none once the run is over
  SimTime begun{};
};

class PythonRun final : public workloads::WorkloadRun {
 public:
  PythonRun(const PythonWorkload& workload, Stage& stage);
  ~PythonRun() override;

  ChainRun* next(std::uint32_t thread) override;
  bool ready(std::uint32_t thread) const override { return !threads_[thread].ready.empty(); }
  bool exhausted(std::uint32_t thread) const override { return threads_[thread].live == 0; }
  bool open_loop() const override { return true; }
  void finished(std::uint32_t thread, ChainRun& run) override;
  std::uint32_t thread_count() const override {
    return static_cast<std::uint32_t>(threads_.size());
  }
  void start(ArrivalListener& listener) override;
  std::uint64_t requests_total() const override { return 0; }
  std::uint64_t requests_issued() const override { return issued_; }
  bool stream_matches(std::uint32_t connection, std::uint64_t offset,
                      std::span<const std::byte> bytes) override {
    return programs_[connection].expected.matches(offset, bytes);
  }
  std::uint64_t bytes_expected() const override;

 private:
  // One client's generator and the request it waits for.
  struct Program : Event {
    Program() : Event{&Program::wake} {}
    static void wake(Event* self);
    PythonRun* owner = nullptr;
    std::shared_ptr<Client> client = std::make_shared<Client>();
    py::object send;  // bound methods of the generator: looked up once
    py::object raise;
    Operation operation;
    std::uint64_t requests = 0;
    ChainRun run;
    workloads::ExpectedStream expected;
  };
  struct Thread {
    std::deque<std::uint32_t> ready;  // programs whose request may start
    std::uint32_t live = 0;           // programs that have not returned
  };

  std::uint32_t thread_of(std::uint32_t index) const {
    return index % static_cast<std::uint32_t>(threads_.size());
  }
  void resume(Program& program, py::object result, Errno error);
  void arrange(Program& program, py::handle yielded);
  void prepare(Program& program);
  static const std::string* path_of(void* self, std::string_view path);

  const PythonWorkload& workload_;
  Stage& stage_;
  ArrivalListener* listener_ = nullptr;
  std::deque<Program> programs_;
  std::vector<Thread> threads_;
  std::set<std::string, std::less<>> paths_;
  std::uint64_t issued_ = 0;
};

PythonRun::PythonRun(const PythonWorkload& workload, Stage& stage)
    : workload_(workload), stage_(stage), programs_(workload.connections()) {
  const bool per_connection = stage.design.threads == designs::Threads::per_connection;
  threads_.resize(per_connection ? programs_.size()
                                 : std::min(stage.system.cpus.size(), programs_.size()));
  for (std::uint32_t i = 0; i < programs_.size(); ++i) {
    Program& program = programs_[i];
    program.owner = this;
    program.run.slot = program.run.connection = i;
    *program.client = {i, workload.connections(), stage.seed, &stage.timeline,
                       stage.timeline.now()};
    const py::object generator = workload.app().app(program.client);
    if (!py::hasattr(generator, "send") || !py::hasattr(generator, "throw"))
      throw py::type_error("the application returns no generator: use `yield` in it");
    program.send = generator.attr("send");
    program.raise = generator.attr("throw");
    ++threads_[thread_of(i)].live;
  }
}

PythonRun::~PythonRun() {
  for (Program& program : programs_) program.client->timeline = nullptr;
}

void PythonRun::start(ArrivalListener& listener) {
  listener_ = &listener;
  for (Program& program : programs_) {
    program.client->begun = stage_.timeline.now();
    resume(program, py::none(), Errno::ok);
  }
}

void PythonRun::Program::wake(Event* self) {
  auto& program = *static_cast<Program*>(self);
  program.owner->resume(program, py::none(), Errno::ok);
}

// Runs the program up to its next request or pause, or to its end.
void PythonRun::resume(Program& program, py::object result, Errno error) {
  PyObject* yielded = nullptr;
  if (error == Errno::ok) {
    yielded = PyObject_CallOneArg(program.send.ptr(), result.ptr());
  } else {
    const py::object type = py::reinterpret_borrow<py::object>(PyExc_OSError);
    const int number = static_cast<int>(error);
    yielded = PyObject_CallOneArg(program.raise.ptr(), type(number, name_of(error)).ptr());
  }
  if (yielded != nullptr) return arrange(program, py::reinterpret_steal<py::object>(yielded));
  if (PyErr_ExceptionMatches(PyExc_StopIteration) == 0) throw py::error_already_set();
  PyErr_Clear();
  const std::uint32_t thread = thread_of(program.run.slot);
  if (--threads_[thread].live == 0) listener_->on_arrival(thread);
}

void PythonRun::arrange(Program& program, py::handle yielded) {
  const std::uint32_t index = program.run.slot;
  program.operation =
      read_operation(yielded, program.run, stage_.socket_fds[index], &PythonRun::path_of, this);
  if (program.operation.pause) return stage_.timeline.after(program.operation.length, program);
  // The same for every design: which of its own client's requests it is.
  program.run.id = program.requests++ * programs_.size() + index;
  ++issued_;
  prepare(program);
  stage_.population.arrive(stage_.timeline.now());
  program.run.start(stage_.timeline.now());
  const std::uint32_t thread = thread_of(index);
  threads_[thread].ready.push_back(index);
  listener_->on_arrival(thread);
}

// Gives reads their buffer, and notes what sends ought to bring.
void PythonRun::prepare(Program& program) {
  ChainRun& run = program.run;
  std::uint64_t stream = stage_.sockets[run.connection]->bytes_queued();
  for (const chain::Step& step : run.chain.steps) {
    const std::uint64_t pages = (step.bytes + hw::kPageBytes - 1) / hw::kPageBytes;
    while (step.op == Op::read && run.buffer.size() < pages)
      run.buffer.push_back(stage_.system.memory.allocate_page());
    if (step.op != Op::send) continue;
    const kernel::Inode* inode = nullptr;
    if (step.fd_from >= 0) {
      const auto found =
          stage_.files.lookup(*run.chain.steps[static_cast<std::size_t>(step.fd_from)].path);
      if (found) inode = *found;
    } else if (const auto file = stage_.process.files.get(step.fd)) {
      inode = (*file)->inode.get();
    }
    if (inode == nullptr) continue;  // the send will fail
    program.expected.promise(stream, inode->number, step.offset, step.bytes);
    stream += step.bytes;
  }
}

ChainRun* PythonRun::next(std::uint32_t thread) {
  auto& ready = threads_[thread].ready;
  if (ready.empty()) return nullptr;
  const std::uint32_t index = ready.front();
  ready.pop_front();
  return &programs_[index].run;
}

void PythonRun::finished(std::uint32_t, ChainRun& run) {
  Program& program = programs_[run.connection];
  program.expected.cut_at(stage_.sockets[run.connection]->bytes_queued());
  if (program.operation.is_chain) {
    py::list results;
    for (const std::int64_t result : run.results) results.append(result);
    return resume(program, std::move(results), Errno::ok);
  }
  const std::int64_t result = run.results[0];
  if (result < 0) return resume(program, py::none(), static_cast<Errno>(-result));
  resume(program, py::int_(result), Errno::ok);
}

std::uint64_t PythonRun::bytes_expected() const {
  std::uint64_t total = 0;
  for (const kernel::Socket* socket : stage_.sockets) total += socket->bytes_queued();
  return total;
}

const std::string* PythonRun::path_of(void* self, std::string_view path) {
  auto& paths = static_cast<PythonRun*>(self)->paths_;
  const auto known = paths.find(path);
  return known != paths.end() ? &*known : &*paths.emplace(path).first;
}

std::uint64_t bytes_of(const std::string& path, py::handle size) {
  if (py::isinstance<py::int_>(size) && !py::isinstance<py::bool_>(size)) {
    const auto bytes = size.cast<std::int64_t>();
    if (bytes < 0) throw py::value_error("files: '" + path + "' has a negative size");
    return static_cast<std::uint64_t>(bytes);
  }
  if (!py::isinstance<py::str>(size))
    throw py::type_error("files: the size of '" + path +
                         "' is bytes as an integer, or a string with its unit");
  const auto parsed = workloads::parse_bytes(size.cast<std::string>());
  if (!parsed) throw py::value_error("files: '" + path + "': " + parsed.error());
  return static_cast<std::uint64_t>(*parsed);
}

std::shared_ptr<PythonWorkload> make(py::object app, std::string name, std::string source,
                                     const py::dict& files, std::uint32_t clients,
                                     bool check_bytes) {
  PythonApp made{std::move(app), std::move(name), std::move(source), {}, clients, check_bytes};
  for (const auto& [path, size] : files) {
    const auto key = path.cast<std::string>();
    made.files[key] = bytes_of(key, size);
  }
  return std::make_shared<PythonWorkload>(std::move(made));
}

}  // namespace

std::uint64_t PythonWorkload::file_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, size] : app_.files) total += size;
  return total;
}

Errno PythonWorkload::lay_out(kernel::FileSystem& files) const {
  for (const auto& [path, size] : app_.files) {
    const auto added = files.add_file(path, size, kernel::Inode::Metadata::cold);
    if (!added) return added.error();
  }
  return Errno::ok;
}

std::unique_ptr<workloads::WorkloadRun> PythonWorkload::start(Stage& stage) const {
  return std::make_unique<PythonRun>(*this, stage);
}

nlohmann::ordered_json PythonWorkload::summary() const {
  return {{"kind", "python"},        {"app", app_.name},           {"source", app_.source},
          {"clients", app_.clients}, {"files", app_.files.size()}, {"file_bytes", file_bytes()}};
}

std::vector<designs::Difference> PythonWorkload::not_modelled() const {
  return {{"what the application computes: its Python code takes no simulated time", "workload"}};
}

void add_python_workload(py::module_& module) {
  py::class_<Client, std::shared_ptr<Client>>(module, "Client",
                                              "Which of the clients a generator is.")
      .def_readonly("index", &Client::index, "0 … clients - 1")
      .def_readonly("clients", &Client::clients, "How many there are.")
      .def_readonly("seed", &Client::seed, "The run's seed.")
      .def_property_readonly(
          "now_ps",
          [](const Client& client) {
            if (client.timeline == nullptr) throw py::value_error("the run is over");
            return to_ps(client.timeline->now() - client.begun);
          },
          "Simulated time since the workload's start, in picoseconds.");
  py::class_<PythonWorkload, workloads::Workload, std::shared_ptr<PythonWorkload>>(
      module, "PythonWorkload", "An application that is a Python generator.");
  module.def("python_workload", &make, py::arg("app"), py::arg("name"), py::arg("source"),
             py::arg("files"), py::arg("clients"), py::arg("check_bytes"),
             "An application for run(). `files`: sizes in bytes, or with units, by path.");
}

}  // namespace iodrome::bindings
