// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/perfetto_packets.h"

#include "model/timeline/linux_names.h"

namespace iodrome::timeline {

namespace {

using protozero::pbf_writer;

std::uint64_t to_ns(SimTime time) {
  return static_cast<std::uint64_t>(to_ps(time)) / 1000;
}

// Fields, by message.
namespace trace {
constexpr std::uint32_t packet = 1;
}
namespace packet_field {
constexpr std::uint32_t ftrace_events = 1;
constexpr std::uint32_t timestamp = 8;
constexpr std::uint32_t sequence_id = 10;
constexpr std::uint32_t track_event = 11;
constexpr std::uint32_t interned_data = 12;
constexpr std::uint32_t sequence_flags = 13;
constexpr std::uint32_t track_descriptor = 60;
constexpr std::uint32_t task_state = 117;
constexpr std::uint32_t process_tree = 122;
}  // namespace packet_field
namespace descriptor {
constexpr std::uint32_t uuid = 1;
constexpr std::uint32_t name = 2;
constexpr std::uint32_t process = 3;
constexpr std::uint32_t thread = 4;
constexpr std::uint32_t parent_uuid = 5;
constexpr std::uint32_t counter = 8;
constexpr std::uint32_t child_ordering = 11;
constexpr std::uint32_t sibling_order_rank = 12;
constexpr std::uint32_t description = 14;
constexpr std::uint32_t explicit_order = 3;
}  // namespace descriptor
namespace event_field {
constexpr std::uint32_t annotation = 4;
constexpr std::uint32_t type = 9;
constexpr std::uint32_t name_iid = 10;
constexpr std::uint32_t track_uuid = 11;
constexpr std::uint32_t counter_value = 30;
constexpr std::uint32_t flow_id = 47;
constexpr std::uint32_t last_flow_id = 48;
}  // namespace event_field

constexpr std::uint8_t kBegin = 1;
constexpr std::uint8_t kEnd = 2;
constexpr std::uint8_t kInstant = 3;
constexpr std::uint8_t kCounter = 4;

constexpr std::uint32_t kStateCleared = 1;
constexpr std::uint32_t kNeedsState = 2;
constexpr std::int32_t kUnitCount = 2;
constexpr std::int32_t kIrqHandled = 1;  // IRQ_HANDLED

void annotate(pbf_writer& event, const Annotation& annotation) {
  pbf_writer message(event, event_field::annotation);
  message.add_string(10, annotation.name.data(), annotation.name.size());
  if (annotation.text.empty())
    message.add_uint64(3, annotation.number);
  else
    message.add_string(6, annotation.text.data(), annotation.text.size());
}

}  // namespace

pbf_writer Packets::packet() {
  return {writer_, trace::packet};
}

void Packets::process_track(std::uint64_t track, std::int32_t pid, const std::string& name) {
  pbf_writer made = packet();
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::track_descriptor);
  message.add_uint64(descriptor::uuid, track);
  pbf_writer process(message, descriptor::process);
  process.add_int32(1, pid);
  process.add_string(6, name);
}

void Packets::thread_track(std::uint64_t track, std::int32_t pid, std::int32_t tid,
                           const std::string& name) {
  pbf_writer made = packet();
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::track_descriptor);
  message.add_uint64(descriptor::uuid, track);
  pbf_writer thread(message, descriptor::thread);
  thread.add_int32(1, pid);
  thread.add_int32(2, tid);
  thread.add_string(5, name);
}

void Packets::track(std::uint64_t track, const TrackInfo& info) {
  pbf_writer made = packet();
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::track_descriptor);
  message.add_uint64(descriptor::uuid, track);
  message.add_string(descriptor::name, info.name.data(), info.name.size());
  message.add_uint64(descriptor::parent_uuid, info.parent);
  if (!info.counter.empty()) {
    pbf_writer counter(message, descriptor::counter);
    counter.add_int32(3, kUnitCount);
    counter.add_string(6, info.counter.data(), info.counter.size());
  }
  if (info.children_by_rank)
    message.add_uint32(descriptor::child_ordering, descriptor::explicit_order);
  if (info.rank != 0) message.add_int32(descriptor::sibling_order_rank, info.rank);
  if (!info.about.empty())
    message.add_string(descriptor::description, info.about.data(), info.about.size());
}

void Packets::event(SimTime at, std::uint64_t track, std::uint8_t type, std::string_view name,
                    const Details& details) {
  pbf_writer made = packet();
  made.add_uint64(packet_field::timestamp, to_ns(at));
  made.add_uint32(packet_field::sequence_id, sequence_);
  made.add_uint32(packet_field::sequence_flags,
                  started_ ? kNeedsState : kStateCleared | kNeedsState);
  started_ = true;
  std::uint64_t iid = 0;
  if (!name.empty()) {
    auto known = interned_.find(name);
    if (known == interned_.end()) {
      known = interned_.emplace(name, interned_.size() + 1).first;
      pbf_writer data(made, packet_field::interned_data);
      pbf_writer entry(data, 2);
      entry.add_uint64(1, known->second);
      entry.add_string(2, known->first);
    }
    iid = known->second;
  }
  pbf_writer message(made, packet_field::track_event);
  message.add_uint32(event_field::type, type);
  message.add_uint64(event_field::track_uuid, track);
  if (iid != 0) message.add_uint64(event_field::name_iid, iid);
  if (details.flow != 0) {
    const auto field = details.last_of_flow ? event_field::last_flow_id : event_field::flow_id;
    message.add_fixed64(field, details.flow);
  }
  for (const Annotation& annotation : details.annotations) annotate(message, annotation);
}

void Packets::begin(SimTime at, std::uint64_t track, std::string_view name,
                    const Details& details) {
  event(at, track, kBegin, name, details);
}

void Packets::end(SimTime at, std::uint64_t track) {
  event(at, track, kEnd, {}, {});
}

void Packets::instant(SimTime at, std::uint64_t track, std::string_view name,
                      const Details& details) {
  event(at, track, kInstant, name, details);
}

void Packets::counter(SimTime at, std::uint64_t track, std::int64_t value) {
  pbf_writer made = packet();
  made.add_uint64(packet_field::timestamp, to_ns(at));
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::track_event);
  message.add_uint32(event_field::type, kCounter);
  message.add_uint64(event_field::track_uuid, track);
  message.add_int64(event_field::counter_value, value);
}

void Packets::task_state(SimTime at, std::int32_t cpu, std::int64_t tid, const std::string& comm,
                         TaskState state) {
  pbf_writer made = packet();
  made.add_uint64(packet_field::timestamp, to_ns(at));
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::task_state);
  message.add_int32(1, cpu);
  message.add_string(2, comm);
  message.add_int64(3, tid);
  message.add_uint32(4, static_cast<std::uint32_t>(state));
  if (state == TaskState::running) message.add_int32(5, kEverybodysPriority);
}

void Packets::process_tree(std::int64_t pid, const std::string& name,
                           const std::map<std::int64_t, std::string>& threads) {
  pbf_writer made = packet();
  made.add_uint64(packet_field::timestamp, 0);
  made.add_uint32(packet_field::sequence_id, sequence_);
  pbf_writer message(made, packet_field::process_tree);
  {
    pbf_writer process(message, 1);
    process.add_int64(1, pid);
    process.add_string(3, name);
  }
  for (const auto& [tid, comm] : threads) {
    pbf_writer thread(message, 2);
    thread.add_int64(1, tid);
    thread.add_int64(2, pid);
    thread.add_string(3, comm);
  }
}

void Packets::bundle(std::uint32_t cpu, const std::string& events) {
  if (events.empty()) return;
  std::string body;
  pbf_writer(body).add_uint32(1, cpu);
  packet().add_message(packet_field::ftrace_events, body + events);
}

void FtraceBundle::add(SimTime at, std::int64_t pid, Ftrace what, std::uint64_t number,
                       std::string_view name) {
  pbf_writer bundle(events_);
  pbf_writer event(bundle, 2);
  event.add_uint64(1, to_ns(at));
  event.add_uint32(2, static_cast<std::uint32_t>(pid));
  pbf_writer body(event, static_cast<std::uint32_t>(what));
  body.add_uint64(1, number);
  if (what == Ftrace::irq_handler_exit) body.add_int32(2, kIrqHandled);
  if (!name.empty()) body.add_string(2, name.data(), name.size());
}

}  // namespace iodrome::timeline
