// SPDX-License-Identifier: Apache-2.0
// One machine of one run: hardware, drivers, kernel, network and the application's process.
#pragma once
#include <memory>

#include "hw/memory/memory.h"
#include "model/drivers/nic/nic_driver.h"
#include "model/kernel/block/block_softirq.h"
#include "model/kernel/irq/controller.h"
#include "model/kernel/os.h"
#include "model/kernel/socket/loopback.h"
#include "model/testbed/engines.h"
#include "model/testbed/foreign_storage.h"
#include "model/testbed/machine_spec.h"
#include "model/testbed/port_maker.h"
#include "model/testbed/raid_array.h"
#include "model/workloads/workload.h"

namespace iodrome::testbed {

class Machine {
 public:
  /// `streams` checks what clients receive. With `storage` that device serves in the place of the
  /// first storage device; further ones are parts.
  Machine(const MachineSpec& spec, Timeline& timeline, events::Probe& probe, const PortMaker& ports,
          std::uint64_t seed, bool payload_checked, hw::ByteCheck& streams,
          const StorageMaker& storage = nullptr);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Brings drivers and devices up. Time passes; no CPU works.
  Task<void> boot();
  /// Opens a connection to a client and gives it a descriptor. Returns the socket.
  kernel::Socket& connect();

  kernel::System& system() { return system_; }
  kernel::Os& os() { return os_; }
  kernel::FileSystem& files() { return files_; }
  designs::Process& process() { return process_; }
  Engines& engines() { return *engines_; }
  /// Makes all storage devices one RAID 5, once. Nothing else may use them then.
  void make_array();
  RaidArray* array() { return array_.get(); }
  /// What a design is started with.
  designs::Platform platform() { return {os_, process_, engines_->registry()}; }
  /// Whether no bio is anywhere on its way.
  bool storage_at_rest() const;
  hw::RemoteClients& clients() { return *network_.clients; }
  const std::vector<int>& socket_fds() const { return socket_fds_; }
  std::vector<kernel::Socket*> sockets();

 private:
  // One storage device and what drives it.
  struct Storage {
    std::unique_ptr<hw::Port> memory_port;     // the device's way to memory
    std::unique_ptr<hw::Port> interrupt_port;  // and to the interrupt controller
    std::unique_ptr<hw::Target> device;        // of a foreign one its medium
    std::unique_ptr<hw::Port> registers;
    std::unique_ptr<kernel::BlockDriver> driver;
    std::unique_ptr<kernel::BlockDevice> block;
  };

  void make_storage(const PortMaker& ports, std::uint64_t seed, const StorageMaker& foreign);
  std::unique_ptr<hw::Target> make_device(const Storage& storage, std::uint32_t instance,
                                          std::uint64_t seed);
  std::unique_ptr<kernel::BlockDriver> make_driver(const Storage& storage, std::uint32_t instance);

  const MachineSpec& spec_;
  Timeline& timeline_;
  hw::Memory memory_;
  hw::MemoryBus memory_bus_;
  kernel::System system_;
  kernel::IrqController irqs_;
  kernel::FileSystem files_;

  std::vector<Storage> storage_;
  std::unique_ptr<kernel::BlockSoftirq> block_softirq_;  // goes before the requests it lists
  kernel::PageCache page_cache_;

  std::unique_ptr<hw::Port> nic_memory_port_;
  std::unique_ptr<hw::Port> nic_interrupt_port_;
  hw::Network network_;
  std::unique_ptr<hw::Port> nic_port_;
  std::unique_ptr<kernel::NetRx> net_rx_;
  std::unique_ptr<drivers::NicDriver> nic_driver_;
  std::unique_ptr<kernel::Loopback> loopback_;
  std::vector<std::unique_ptr<kernel::Socket>> sockets_;
  std::vector<int> socket_fds_;

  std::unique_ptr<Engines> engines_;
  std::unique_ptr<RaidArray> array_;

  kernel::Os os_;
  designs::Process process_;
};

}  // namespace iodrome::testbed
