// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/machine.h"

namespace iodrome::testbed {

namespace {
constexpr std::uint64_t kStorageDevice = 1;  // keys the media's draws
}

kernel::BlockDriver& Machine::make_storage(const MachineSpec& spec, const PortMaker& ports,
                                           std::uint64_t seed) {
  memory_port_ = ports(memory_, "storage_dma");
  interrupt_port_ = ports(irqs_, "storage_msi");
  const hw::DrawKey key{seed, kStorageDevice};
  const auto bytes = static_cast<std::uint64_t>(spec.storage_bytes);
  if (spec.storage_kind == "nvme") {
    storage_ = hw::make_nvme(spec.nvme, timeline_, *memory_port_, *interrupt_port_, files_, key);
    storage_port_ = ports(*storage_, "nvme_registers");
    nvme_driver_ = std::make_unique<drivers::NvmeDriver>(
        system_, irqs_, *storage_port_, drivers::NvmeDriverParams{spec.queue_entries}, bytes);
    return *nvme_driver_;
  }
  if (spec.storage_kind == "virtio_blk") {
    storage_ =
        hw::make_virtio_blk(spec.virtio_blk, timeline_, *memory_port_, *interrupt_port_, files_);
    storage_port_ = ports(*storage_, "virtio_blk_registers");
    virtio_driver_ = std::make_unique<drivers::VirtioBlkDriver>(system_, irqs_, *storage_port_,
                                                                spec.queue_entries, bytes);
    return *virtio_driver_;
  }
  storage_ = hw::make_disk(spec.disk, timeline_, *memory_port_, *interrupt_port_, files_, key);
  storage_port_ = ports(*storage_, "disk_registers");
  disk_driver_ = std::make_unique<drivers::DiskDriver>(system_, irqs_, *storage_port_, bytes);
  return *disk_driver_;
}

Machine::Machine(const MachineSpec& spec, Timeline& timeline, events::Probe& probe,
                 const PortMaker& ports, std::uint64_t seed, bool payload_checked,
                 hw::ByteCheck& streams)
    : spec_(spec),
      timeline_(timeline),
      system_(timeline, probe, memory_),
      irqs_(system_),
      files_(static_cast<std::uint64_t>(spec.storage_bytes), payload_checked),
      disk_((system_.costs = spec.costs, system_.scheduler = spec.scheduler,
             system_.timer_params = spec.timer_params,
             system_.add_cpus(static_cast<std::uint32_t>(spec.cpus)),
             make_storage(spec, ports, seed))),
      page_cache_(system_, disk_),
      os_{system_, files_, page_cache_, disk_},
      process_(static_cast<std::uint32_t>(spec.fd_limit)) {
  system_.copy_rates = {spec.copy_hot.bytes_per_s, spec.copy_cold.bytes_per_s};
  system_.payload_checked = payload_checked;
  page_cache_.params = spec.page_cache;
  if (nvme_driver_) nvme_driver_->serve(disk_);
  if (disk_driver_) disk_driver_->serve(disk_);
  if (virtio_driver_) virtio_driver_->serve(disk_);

  nic_memory_port_ = ports(memory_, "nic_dma");
  nic_interrupt_port_ = ports(irqs_, "nic_msi");
  network_ = hw::make_network(spec.nic, spec.client, timeline, *nic_memory_port_,
                              *nic_interrupt_port_, payload_checked ? &streams : nullptr);
  nic_port_ = ports(*network_.card, "nic_registers");
  nic_driver_ = std::make_unique<drivers::NicDriver>(system_, irqs_, *nic_port_,
                                                     static_cast<std::uint32_t>(spec.cpus) - 1);
  if (!spec.dma_kind.empty()) make_dma(ports, payload_checked);
}

void Machine::make_dma(const PortMaker& ports, bool payload_checked) {
  dma_costs_ = spec_.dma_costs;
  dma_memory_port_ = ports(memory_, "dma_memory");
  dma_interrupt_port_ = ports(irqs_, "dma_msi");
  ioat_ = hw::make_ioat(spec_.ioat, timeline_, *dma_memory_port_, *dma_interrupt_port_,
                        payload_checked);
  dma_port_ = ports(*ioat_, "ioat_registers");
  ioat_driver_ = std::make_unique<drivers::IoatDriver>(system_, irqs_, *dma_port_, spec_.dma_driver,
                                                       dma_costs_);
  for (std::size_t cpu = 0; cpu < system_.cpus.size(); ++cpu) {
    software_dma_.push_back(std::make_unique<kernel::SoftwareChannel>(
        system_, dma_costs_, spec_.dma_software,
        static_cast<std::uint32_t>(spec_.dma_driver.descriptors)));
    dma_.add(*software_dma_.back(), true);
  }
}

Machine::~Machine() = default;

Task<void> Machine::boot() {
  if (nvme_driver_) co_await nvme_driver_->attach();
  if (disk_driver_) co_await disk_driver_->attach();
  if (virtio_driver_) co_await virtio_driver_->attach();
  co_await nic_driver_->attach();
  if (ioat_driver_) co_await ioat_driver_->attach(dma_);
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
