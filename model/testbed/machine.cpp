// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/drivers/disk/disk_driver.h"
#include "model/drivers/nvme/nvme_driver.h"
#include "model/drivers/virtio_blk/virtio_blk_driver.h"

namespace iodrome::testbed {

namespace {

constexpr std::uint64_t kStorageDevice = 1;  // keys the first one's draws

// Of several devices each but the first has its number behind the port's name.
std::string numbered(const std::string& name, std::uint32_t instance) {
  return instance == 0 ? name : fmt::format("{}{}", name, instance);
}

// The bytes of a medium, for a device that reaches them over a bus.
class MediumTarget final : public hw::Target {
 public:
  explicit MediumTarget(hw::Medium& medium) : medium_(medium) {}
  hw::Response access(hw::Command command, std::uint64_t address,
                      std::span<std::byte> data) override {
    const std::uint64_t size = medium_.size_bytes();
    if (address > size || data.size() > size - address) return hw::Response::address_error;
    if (command == hw::Command::read)
      medium_.read(address, data);
    else
      medium_.write(address, data);
    return hw::Response::ok;
  }

 private:
  hw::Medium& medium_;
};

}  // namespace

std::unique_ptr<hw::Target> Machine::make_device(const Storage& storage, std::uint32_t instance,
                                                 std::uint64_t seed) {
  const hw::DrawKey key{seed, kernel::device_number(kStorageDevice, instance)};
  kernel::Volume& medium = files_.volume(instance);
  if (spec_.storage_kind == "nvme")
    return hw::make_nvme(spec_.nvme, timeline_, *storage.memory_port, *storage.interrupt_port,
                         medium, key);
  if (spec_.storage_kind == "virtio_blk")
    return hw::make_virtio_blk(spec_.virtio_blk, timeline_, *storage.memory_port,
                               *storage.interrupt_port, medium);
  return hw::make_disk(spec_.disk, timeline_, *storage.memory_port, *storage.interrupt_port, medium,
                       key);
}

std::unique_ptr<kernel::BlockDriver> Machine::make_driver(const Storage& storage,
                                                          std::uint32_t instance) {
  hw::Port& registers = *storage.registers;
  if (spec_.storage_kind == "nvme")
    return std::make_unique<drivers::NvmeDriver>(
        system_, irqs_, registers,
        drivers::NvmeDriverParams{spec_.queue_entries, spec_.poll_queues, spec_.storage_timeout,
                                  spec_.admin_timeout, spec_.max_retries, spec_.nvme.abort_limit},
        instance);
  if (spec_.storage_kind == "virtio_blk")
    return std::make_unique<drivers::VirtioBlkDriver>(system_, irqs_, *block_softirq_, registers,
                                                      spec_.queue_entries, instance);
  return std::make_unique<drivers::DiskDriver>(system_, irqs_, *block_softirq_, registers,
                                               spec_.queue_entries, instance);
}

void Machine::make_storage(const PortMaker& ports, std::uint64_t seed,
                           const StorageMaker& foreign) {
  block_softirq_ = std::make_unique<kernel::BlockSoftirq>(system_);
  for (std::uint32_t i = 0; i < files_.volume_count(); ++i) {
    Storage& storage = storage_.emplace_back();
    if (foreign && i == 0) {
      storage.device = std::make_unique<MediumTarget>(files_.volume(i));
      storage.registers = foreign({memory_, irqs_, *storage.device});
    } else {
      storage.memory_port = ports(memory_, numbered("storage_dma", i).c_str());
      storage.memory_port->share(&memory_bus_);
      storage.interrupt_port = ports(irqs_, numbered("storage_msi", i).c_str());
      storage.device = make_device(storage, i, seed);
      storage.registers =
          ports(*storage.device, numbered(spec_.storage_kind + "_registers", i).c_str());
    }
    storage.driver = make_driver(storage, i);
    storage.block = std::make_unique<kernel::BlockDevice>(*storage.driver, spec_.block);
    files_.volume(i).mount(*storage.block);
  }
}

bool Machine::storage_at_rest() const {
  if (array_ != nullptr && !array_->at_rest()) return false;
  return std::ranges::all_of(storage_, [](const Storage& storage) {
    return storage.block->in_flight() == 0 && storage.block->waiting() == 0;
  });
}

Machine::Machine(const MachineSpec& spec, Timeline& timeline, events::Probe& probe,
                 const PortMaker& ports, std::uint64_t seed, bool payload_checked,
                 hw::ByteCheck& streams, const StorageMaker& storage)
    : spec_(spec),
      timeline_(timeline),
      memory_bus_(spec.memory_bandwidth),
      system_(timeline, probe, memory_),
      irqs_(system_),
      files_(static_cast<std::uint64_t>(spec.storage_bytes), payload_checked,
             static_cast<std::size_t>(spec.storage_count)),
      page_cache_(system_),
      os_{system_, files_, page_cache_},
      process_(static_cast<std::uint32_t>(spec.fd_limit)) {
  system_.costs = spec.costs;
  system_.scheduler = spec.scheduler;
  system_.timer_params = spec.timer_params;
  system_.add_cpus(static_cast<std::uint32_t>(spec.cpus));
  system_.copy_rates = {spec.copy_hot.bytes_per_s, spec.copy_cold.bytes_per_s};
  system_.memory_bus = &memory_bus_;
  system_.payload_checked = payload_checked;
  system_.first_touch.on_demand = spec.user_memory == "on_demand";
  page_cache_.params = spec.page_cache;
  files_.dentries.limit = static_cast<std::uint64_t>(spec.dentries);
  make_storage(ports, seed, storage);

  nic_memory_port_ = ports(memory_, "nic_dma");
  nic_memory_port_->share(&memory_bus_);
  nic_interrupt_port_ = ports(irqs_, "nic_msi");
  network_ = hw::make_network(spec.nic, spec.client, timeline, *nic_memory_port_,
                              *nic_interrupt_port_, payload_checked ? &streams : nullptr);
  nic_port_ = ports(*network_.card, "nic_registers");
  net_rx_ = std::make_unique<kernel::NetRx>(system_);
  std::optional<drivers::InterruptModeration> moderation;
  if (spec.moderation != "fixed") moderation.emplace(spec.moderation == "conservative");
  nic_driver_ = std::make_unique<drivers::NicDriver>(
      system_, *net_rx_, irqs_, *nic_port_, static_cast<std::uint32_t>(spec.cpus) - 1, moderation);
  loopback_ = std::make_unique<kernel::Loopback>(system_, *net_rx_, spec.socket);
  os_.loopback = loopback_.get();
  engines_ = std::make_unique<Engines>(spec.engines, system_, irqs_, ports);
}

void Machine::make_array() {
  std::vector<kernel::BlockDevice*> members;
  for (const Storage& storage : storage_) members.push_back(storage.block.get());
  array_ = std::make_unique<RaidArray>(spec_.raid, system_, members,
                                       static_cast<std::uint64_t>(spec_.storage_bytes),
                                       engines_->async_tx(), spec_.engines.software);
}

Machine::~Machine() = default;

Task<void> Machine::boot() {
  for (const Storage& storage : storage_) co_await storage.driver->attach();
  co_await nic_driver_->attach();
  co_await engines_->boot();
}

kernel::Socket& Machine::connect() {
  const auto connection = static_cast<std::uint32_t>(sockets_.size());
  sockets_.push_back(
      std::make_unique<kernel::Socket>(system_, *nic_driver_, spec_.socket, connection));
  kernel::Socket& socket = *sockets_.back();
  nic_driver_->serve(socket);
  kernel::FilePtr file{new kernel::File};
  file->socket = &socket;
  const Result<int> fd = process_.files.install(file);
  check(fd.has_value(), "more connections than descriptors");
  socket_fds_.push_back(*fd);
  return socket;
}

std::vector<kernel::Socket*> Machine::sockets() {
  std::vector<kernel::Socket*> all;
  for (const auto& socket : sockets_) all.push_back(socket.get());
  return all;
}

}  // namespace iodrome::testbed
