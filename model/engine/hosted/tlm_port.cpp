// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/tlm_port.h"

#include <algorithm>
#include <cstring>

namespace iodrome::hosted {

namespace {

tlm::tlm_response_status status_of(hw::Response response) {
  switch (response) {
    case hw::Response::ok:
      return tlm::TLM_OK_RESPONSE;
    case hw::Response::address_error:
      return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    case hw::Response::command_error:
      return tlm::TLM_COMMAND_ERROR_RESPONSE;
    case hw::Response::generic_error:
      break;
  }
  return tlm::TLM_GENERIC_ERROR_RESPONSE;
}

// In step with SystemC an access is served on the spot, in the order of a direct port; ahead of it,
// its coroutine waits until SystemC's clock has come up.
class TlmPort final : public hw::Port {
 public:
  TlmPort(Pump& pump, InitiatorModule& initiator) : pump_(pump), initiator_(initiator) {}

  bool serve_now(hw::Access& access) override {
    if (!pump_.in_step()) return false;
    transport(access);
    pump_.touched();
    return true;
  }
  void start(hw::Access& access) override {
    check(!pump_.timeline().sync_requested(),
          "two accesses through sockets in one event: run without run-ahead");
    access.perform = [](SyncRequest* request) {
      auto& asked = static_cast<hw::Access&>(*request);
      static_cast<TlmPort&>(asked.port()).perform(asked);
    };
    pump_.timeline().request_sync(access);
  }

 private:
  void perform(hw::Access& access) {
    transport(access);
    resume_.handle = access.waiter();
    pump_.timeline().post_first(resume_);
  }
  void transport(hw::Access& access) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay;
    describe(access, payload);
    initiator_.socket->b_transport(payload, delay);
    access.set_response(response_of(payload));
  }

  Pump& pump_;
  InitiatorModule& initiator_;
  ResumeEvent resume_;
};

}  // namespace

TargetModule::TargetModule(sc_core::sc_module_name name, Pump& pump, hw::Target& target)
    : sc_module(name), socket("socket"), pump_(pump), target_(target) {
  socket.register_b_transport(this, &TargetModule::b_transport);
}

void TargetModule::record(sc_core::sc_trace_file* waves) {
  traced_ = true;
  const std::string prefix = std::string(name()) + ".";
  sc_core::sc_trace(waves, address_, prefix + "address");
  sc_core::sc_trace(waves, data_, prefix + "data");
  sc_core::sc_trace(waves, write_, prefix + "write");
  sc_core::sc_trace(waves, accesses_, prefix + "accesses");
}

void TargetModule::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
  if (pump_.closing()) return payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  if (payload.get_byte_enable_ptr() != nullptr)
    return payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  if (payload.get_streaming_width() < payload.get_data_length())
    return payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND)
    return payload.set_response_status(tlm::TLM_OK_RESPONSE);
  pump_.arrive();
  const bool write = payload.get_command() == tlm::TLM_WRITE_COMMAND;
  const std::span<unsigned char> data{payload.get_data_ptr(), payload.get_data_length()};
  const hw::Response response = target_.access(write ? hw::Command::write : hw::Command::read,
                                               payload.get_address(), std::as_writable_bytes(data));
  payload.set_response_status(status_of(response));
  if (traced_) show(payload);
}

void TargetModule::show(const tlm::tlm_generic_payload& payload) {
  sc_dt::uint64 value = 0;
  std::memcpy(&value, payload.get_data_ptr(),
              std::min<std::size_t>(payload.get_data_length(), sizeof(value)));
  address_.write(payload.get_address());
  data_.write(value);
  write_.write(payload.is_write());
  accesses_.write(accesses_.read() + 1);
}

void describe(hw::Access& access, tlm::tlm_generic_payload& payload) {
  const std::span<std::byte> data = access.data();
  payload.set_command(access.command() == hw::Command::write ? tlm::TLM_WRITE_COMMAND
                                                             : tlm::TLM_READ_COMMAND);
  payload.set_address(access.address());
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(data.data()));
  payload.set_data_length(static_cast<unsigned>(data.size()));
  payload.set_streaming_width(static_cast<unsigned>(data.size()));
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

hw::Response response_of(const tlm::tlm_generic_payload& payload) {
  switch (payload.get_response_status()) {
    case tlm::TLM_OK_RESPONSE:
      return hw::Response::ok;
    case tlm::TLM_ADDRESS_ERROR_RESPONSE:
      return hw::Response::address_error;
    case tlm::TLM_COMMAND_ERROR_RESPONSE:
      return hw::Response::command_error;
    default:
      return hw::Response::generic_error;
  }
}

std::unique_ptr<hw::Port> make_tlm_port(HostedDriver::Host& host, hw::Target& target,
                                        const char* name) {
  const Context::Use use(host.context);
  auto& initiator = host.context.make<InitiatorModule>((std::string(name) + "_port").c_str());
  auto& module = host.context.make<TargetModule>(name, *host.pump, target);
  initiator.socket.bind(module.socket);
  if (host.waves != nullptr) module.record(host.waves->systemc());
  return std::make_unique<TlmPort>(*host.pump, initiator);
}

}  // namespace iodrome::hosted
