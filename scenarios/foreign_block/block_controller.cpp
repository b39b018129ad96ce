// SPDX-License-Identifier: Apache-2.0
#include "scenarios/foreign_block/block_controller.h"

#include <cstring>
#include <string>

namespace {

// From the data sheet.
constexpr std::uint64_t kMagic = 0x000, kDeviceId = 0x008, kQueueNumMax = 0x034, kQueueNum = 0x038,
                        kQueueReady = 0x044, kQueueNotify = 0x050, kStatus = 0x070,
                        kQueueDesc = 0x080, kQueueAvail = 0x090, kQueueUsed = 0x0a0,
                        kMsiAddress = 0x200, kMsiData = 0x208;
constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4;
constexpr std::uint32_t kIn = 0, kOut = 1, kFlush = 4;
constexpr std::uint8_t kOk = 0, kIoError = 1, kUnsupported = 2;
constexpr std::uint64_t kEntries = 256;

bool passed(std::uint16_t event, std::uint16_t now, std::uint16_t before) {
  return static_cast<std::uint16_t>(now - event - 1) < static_cast<std::uint16_t>(now - before);
}

}  // namespace

BlockController::BlockController(sc_core::sc_module_name name, const BlockControllerConfig& config)
    : sc_module(name),
      registers("registers"),
      host("host"),
      messages("messages"),
      media("media"),
      config_(config) {
  registers.register_b_transport(this, &BlockController::b_transport);
  SC_THREAD(run_clock);
  SC_THREAD(run);
}

void BlockController::record(sc_core::sc_trace_file* waves) {
  const std::string prefix = std::string(name()) + ".";
  sc_core::sc_trace(waves, clk, prefix + "clk");
  sc_core::sc_trace(waves, busy, prefix + "busy");
  sc_core::sc_trace(waves, interrupt, prefix + "interrupt");
  sc_core::sc_trace(waves, doorbells, prefix + "doorbells");
  sc_core::sc_trace(waves, in_flight, prefix + "in_flight");
  sc_core::sc_trace(waves, sector, prefix + "sector");
}

// --- registers ----------------------------------------------------------------------------------

void BlockController::b_transport(tlm::tlm_generic_payload& access, sc_core::sc_time& delay) {
  wait(delay + config_.register_cycles * config_.clock_period);
  delay = sc_core::SC_ZERO_TIME;
  std::uint64_t value = 0;
  if (access.get_data_length() > sizeof value)
    return access.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
  if (access.is_write()) {
    std::memcpy(&value, access.get_data_ptr(), access.get_data_length());
    const bool known = write_register(access.get_address(), value);
    return access.set_response_status(known ? tlm::TLM_OK_RESPONSE
                                            : tlm::TLM_ADDRESS_ERROR_RESPONSE);
  }
  value = value_of(access.get_address());
  std::memcpy(access.get_data_ptr(), &value, access.get_data_length());
  access.set_response_status(tlm::TLM_OK_RESPONSE);
}

std::uint64_t BlockController::value_of(std::uint64_t address) const {
  switch (address) {
    case kMagic:
      return 0x7472'6976;
    case kDeviceId:
      return 2;
    case kQueueNumMax:
      return kEntries;
    default: {
      const auto found = registers_.find(address);
      return found == registers_.end() ? 0 : found->second;
    }
  }
}

bool BlockController::write_register(std::uint64_t address, std::uint64_t value) {
  switch (address) {
    case kQueueNotify:
      doorbells.write(doorbells.read() + 1);
      rung_ = true;
      clock_enabled_ = true;
      clock_on_.notify();
      doorbell_.notify();
      return true;
    case kQueueNum:
    case kQueueReady:
    case kStatus:
    case kQueueDesc:
    case kQueueAvail:
    case kQueueUsed:
    case kMsiAddress:
    case kMsiData:
      registers_[address] = value;
      return true;
    default:
      return false;
  }
}

// --- the controller -----------------------------------------------------------------------------

void BlockController::run_clock() {
  for (;;) {
    if (!clock_enabled_) wait(clock_on_);
    clk.write(true);
    wait(config_.clock_period / 2);
    clk.write(false);
    wait(config_.clock_period / 2);
  }
}

void BlockController::cycles(unsigned count) {
  for (unsigned i = 0; i < count; ++i) wait(clk.posedge_event());
}

bool BlockController::transfer(Socket& socket, tlm::tlm_command command, std::uint64_t address,
                               void* data, std::size_t bytes) {
  cycles(config_.bus_cycles + static_cast<unsigned>(bytes) / config_.bytes_per_cycle);
  tlm::tlm_generic_payload access;
  access.set_command(command);
  access.set_address(address);
  access.set_data_ptr(static_cast<unsigned char*>(data));
  access.set_data_length(static_cast<unsigned>(bytes));
  access.set_streaming_width(static_cast<unsigned>(bytes));
  sc_core::sc_time delay;
  socket->b_transport(access, delay);
  if (delay != sc_core::SC_ZERO_TIME) wait(delay);
  return access.is_response_ok();
}

void BlockController::run() {
  for (;;) {
    while (!rung_) wait(doorbell_);
    rung_ = false;
    busy.write(true);
    while (work_is_there()) {
      const std::uint64_t slot = taken_++ % registers_[kQueueNum];
      const auto head = fetch<std::uint16_t>(registers_[kQueueAvail] + 4 + 2 * slot);
      serve(head);
    }
    busy.write(false);
    cycles(1);
    if (!rung_) clock_enabled_ = false;
  }
}

// The index is read again after the event is set: a request in between brought no doorbell.
bool BlockController::work_is_there() {
  const std::uint64_t avail = registers_[kQueueAvail];
  auto index = fetch<std::uint16_t>(avail + 2);
  if (index == taken_) {
    store(host, registers_[kQueueUsed] + 4 + 8 * registers_[kQueueNum], taken_);
    index = fetch<std::uint16_t>(avail + 2);
  }
  in_flight.write(static_cast<std::uint16_t>(index - taken_));
  return index != taken_;
}

std::vector<BlockController::Piece> BlockController::fetch_chain(std::uint16_t head) {
  std::vector<Piece> chain;
  std::uint64_t table = registers_[kQueueDesc];
  for (std::uint16_t at = head;;) {
    const auto piece = fetch<Piece>(table + sizeof(Piece) * at);
    if ((piece.flags & kIndirect) != 0) {
      table = piece.address;
      at = 0;
      continue;
    }
    chain.push_back(piece);
    if ((piece.flags & kNext) == 0) return chain;
    at = piece.next;
  }
}

void BlockController::serve(std::uint16_t head) {
  const std::vector<Piece> chain = fetch_chain(head);
  const auto header = fetch<Header>(chain.front().address);
  sector.write(header.sector);
  const std::uint8_t status = carry_out(header, chain);
  store(host, chain.back().address, status);
  std::uint32_t written = 1;
  if (header.type == kIn && status == kOk)
    for (std::size_t i = 1; i + 1 < chain.size(); ++i) written += chain[i].bytes;
  complete(head, written);
}

std::uint8_t BlockController::carry_out(const Header& header, const std::vector<Piece>& chain) {
  if (header.type == kFlush) return kOk;  // what was written is on the media
  if (header.type != kIn && header.type != kOut) return kUnsupported;
  cycles(config_.media_cycles);
  std::uint64_t byte = header.sector * 512;
  for (std::size_t i = 1; i + 1 < chain.size(); ++i) {
    const Piece& piece = chain[i];
    if (((piece.flags & kWrite) != 0) != (header.type == kIn)) return kIoError;
    std::vector<unsigned char> data(piece.bytes);
    Socket& from = header.type == kIn ? media : host;
    Socket& to = header.type == kIn ? host : media;
    const bool read = transfer(from, tlm::TLM_READ_COMMAND,
                               header.type == kIn ? byte : piece.address, data.data(), data.size());
    const bool written =
        read && transfer(to, tlm::TLM_WRITE_COMMAND, header.type == kIn ? piece.address : byte,
                         data.data(), data.size());
    if (!written) return kIoError;
    byte += piece.bytes;
  }
  return kOk;
}

void BlockController::complete(std::uint16_t head, std::uint32_t written) {
  const std::uint64_t used = registers_[kQueueUsed];
  const std::uint64_t entries = registers_[kQueueNum];
  const std::uint16_t before = posted_++;
  const std::uint64_t entry = head | static_cast<std::uint64_t>(written) << 32;
  store(host, used + 4 + 8 * (before % entries), entry);
  store(host, used + 2, posted_);
  const auto event = fetch<std::uint16_t>(registers_[kQueueAvail] + 4 + 2 * entries);
  if (!passed(event, posted_, before)) return;
  interrupt.write(true);
  store(messages, registers_[kMsiAddress], static_cast<std::uint32_t>(registers_[kMsiData]));
  interrupt.write(false);
}
