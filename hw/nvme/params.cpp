// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/params.h"

#include <bit>

namespace iodrome::hw {
namespace {

void describe_controller(NvmeParams& p, ParameterList& list) {
  list.add("doorbell_flight", "s", "register write to the controller's notice", &p.doorbell_flight);
  list.add("command_fetch", "s", "reading the new submission entries from host memory",
           &p.command_fetch);
  list.add("firmware_read_small", "s", "processing of a read of up to 4 KiB",
           &p.firmware_read_small);
  list.add("firmware_read_large", "s", "processing of a larger read", &p.firmware_read_large);
  list.add("firmware_write", "s", "processing of a write, fixed part", &p.firmware_write);
  list.add("firmware_write_unit", "s", "processing of a write, per 4 KiB begun",
           &p.firmware_write_unit);
  list.add("firmware_interval", "s", "least time between two commands admitted to processing",
           &p.firmware_interval);
  list.add("firmware_slots", "", "commands in processing at once; 0 is no limit",
           &p.firmware_slots);
  list.add("admin_latency", "s", "processing of an admin command", &p.admin_latency);
  list.add("abort_limit", "", "Abort commands that it takes at a time", &p.abort_limit);
  list.add("ready_time", "s", "CC.EN to CSTS.RDY of a controller that is enabled again",
           &p.ready_time);
  list.add("completion_write", "s", "posting a completion entry to host memory",
           &p.completion_write);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &p.msi_flight);
  list.add("notification_delay", "s", "completion entry to the start of its interrupt message",
           &p.notification_delay);
  list.add("coalesce_count", "", "completions per interrupt; 0 or 1 is no coalescing",
           &p.coalesce_count);
  list.add("coalesce_time", "s", "longest wait of a coalesced completion", &p.coalesce_time);
  list.add("queue_pairs", "", "I/O queue pairs", &p.queue_pairs);
  list.add("queue_entries", "", "most entries of a queue", &p.queue_entries);
}

void describe_medium(NvmeParams& p, ParameterList& list) {
  list.add("block_size", "B", "logical block", &p.block_size);
  list.add("max_transfer", "B", "largest read or write command", &p.max_transfer);
  list.add("channels", "", "buses to the dies", &p.channels);
  list.add("dies_per_channel", "", "dies (LUNs) on a channel", &p.dies_per_channel);
  list.add("planes_per_die", "", "planes of a die that work independently", &p.planes_per_die);
  list.add("page_size", "B", "media page: the unit of striping and of programming", &p.page_size);
  list.add("cache_read", "", "a die senses the next page while the last one is transferred",
           &p.cache_read);
  list.add("read_fast", "s", "tR of a fast page, up to 4 KiB of it", &p.read_fast);
  list.add("read_slow", "s", "tR of a slow page, up to 4 KiB of it", &p.read_slow);
  list.add("read_slow_share", "1", "share of slow pages", &p.read_slow_share);
  list.add("read_page_extra", "s", "added to tR when more than 4 KiB of a page is read",
           &p.read_page_extra);
  list.add("read_retry", "s", "added to tR when a page must be sensed again", &p.read_retry);
  list.add("read_retry_share", "1", "share of page reads that must", &p.read_retry_share);
  list.add("program", "s", "tPROG: one program operation of a plane", &p.program);
  list.add("program_pages", "", "pages that one program operation writes (one-shot programming)",
           &p.program_pages);
  list.add("erase", "s", "tBERS: erasing a block", &p.erase);
  list.add("pages_per_block", "", "pages of an erase block", &p.pages_per_block);
  list.add("mapping_unit", "B", "what the translation layer maps, and the least that is written",
           &p.mapping_unit);
  list.add("in_place", "", "the medium is rewritten where it is: no mapping, no erase",
           &p.in_place);
  list.add("over_provisioning", "1", "medium beyond the capacity, as a share of the capacity",
           &p.over_provisioning);
  list.add("gc_free_blocks", "", "free blocks of each plane at which garbage collection starts",
           &p.gc_free_blocks);
  list.add("channel_rate", "B/s", "transfer between die and controller", &p.channel_rate);
  list.add("link_rate", "B/s", "transfer to and from host memory, each direction", &p.link_rate);
  list.add("write_cache", "B", "write cache", &p.write_cache);
  list.add("cache_protected", "", "the write cache survives a loss of power: a flush has no work",
           &p.cache_protected);
  list.add("late_interrupt", "s", "how late an interrupt is that the choice oracle delays",
           &p.late_interrupt);
}

bool power_of_two(std::int64_t value) {
  return value > 0 && std::has_single_bit(static_cast<std::uint64_t>(value));
}

}  // namespace

void NvmeParams::describe(ParameterList& list) {
  describe_controller(*this, list);
  describe_medium(*this, list);
}

void NvmeParams::examine(ParameterProblems& problems) const {
  ParameterList list;
  NvmeParams copy = *this;
  copy.describe(list);
  for (const Parameter& parameter : list.all()) {
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
    if (const auto* share = std::get_if<Fraction*>(&parameter.slot))
      problems.require((*share)->parts_per_million >= 0 && (*share)->parts_per_million <= 1'000'000,
                       parameter.name, "a share lies between 0 and 1");
    if (const auto* rate = std::get_if<Rate*>(&parameter.slot))
      problems.require((*rate)->bytes_per_s > 0, parameter.name, "a rate is positive");
  }
  problems.require(firmware_slots >= 0 && firmware_slots <= 65536, "firmware_slots",
                   "must be 0 to 65536");
  problems.require(coalesce_count >= 0 && coalesce_count <= 256, "coalesce_count",
                   "must be 0 to 256");
  problems.require(abort_limit >= 1 && abort_limit <= 16, "abort_limit", "must be 1 to 16");
  problems.require(ready_time <= 127s, "ready_time", "CAP.TO can tell 127 s at most");
  problems.require(queue_pairs >= 1 && queue_pairs <= 1023, "queue_pairs", "must be 1 to 1023");
  problems.require(queue_entries >= 2 && queue_entries <= 65536, "queue_entries",
                   "must be 2 to 65536");
  problems.require(power_of_two(block_size) && block_size >= 512 && block_size <= 65536,
                   "block_size", "must be a power of two from 512 B to 64 KiB");
  problems.require(coalesce_count < 2 || coalesce_time > ps(0), "coalesce_time",
                   "must be positive where completions are coalesced");
  problems.require(channels >= 1 && channels <= 1024, "channels", "must be 1 to 1024");
  problems.require(dies_per_channel >= 1 && dies_per_channel <= 1024, "dies_per_channel",
                   "must be 1 to 1024");
  problems.require(planes_per_die >= 1 && planes_per_die <= 16, "planes_per_die",
                   "must be 1 to 16");
  problems.require(power_of_two(page_size) && page_size >= block_size && page_size <= (1 << 20),
                   "page_size", "must be a power of two from the block size to 1 MiB");
  problems.require(
      power_of_two(max_transfer) && max_transfer >= 8192 && max_transfer <= (1 << 25) &&
          (block_size <= 0 || max_transfer / block_size <= 65536),
      "max_transfer", "must be a power of two from 8 KiB to 32 MiB, at most 65536 blocks");
  problems.require(power_of_two(mapping_unit) && mapping_unit >= block_size &&
                       mapping_unit <= page_size && mapping_unit <= max_transfer,
                   "mapping_unit", "must be a power of two from the block size to the page size");
  problems.require(pages_per_block >= 1 && pages_per_block <= 65536, "pages_per_block",
                   "must be 1 to 65536");
  problems.require(program_pages >= 1 && program_pages <= 64 && pages_per_block >= 1 &&
                       pages_per_block % program_pages == 0,
                   "program_pages", "must be 1 to 64 and divide pages_per_block");
  problems.require(gc_free_blocks >= 2 && gc_free_blocks <= 1024, "gc_free_blocks",
                   "must be 2 to 1024: one for the host, one for the collection");
  problems.require(!in_place || (page_size == mapping_unit && program_pages == 1), "in_place",
                   "needs a page of one mapping unit, programmed alone");
  problems.require(write_cache >= max_transfer + program_pages * page_size, "write_cache",
                   "must hold the largest command and what one program operation writes");
}

}  // namespace iodrome::hw
