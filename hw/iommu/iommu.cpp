// SPDX-License-Identifier: Apache-2.0
#include "hw/iommu/iommu.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace iodrome::hw {

using iommu::Entry;

namespace {
constexpr std::uint64_t kPage = iommu::kPageBytes;
}

// A device's way to memory. What the IOTLB holds is served on the spot, everything else in order by
// an activity.
class Iommu::DevicePort final : public Port {
 public:
  DevicePort(Iommu& owner, std::uint16_t domain, const iommu::PageTable& table, Port& memory)
      : owner_(owner), domain_(domain), table_(table), memory_(memory) {
    share(memory.shared());
  }

  Activities& activities() { return activities_; }

  bool serve_now(Access& access) override {
    if (!waiting_.empty()) return false;
    const std::span<std::byte> data = access.data();
    const Entry* const entry = cached(access.command(), access.address(), data.size());
    if (entry == nullptr) return false;
    Access inner(memory_, access.command(), translated(*entry, access.address()), data);
    if (!memory_.serve_now(inner)) return false;
    ++owner_.hits_;
    access.set_response(inner.response());
    return true;
  }

  void start(Access& access) override {
    waiting_.push_back(&access);
    if (!serving_) serve_waiting();
  }

  // Nobody gets a pointer: it would know no direction, and outlive the mapping.
  std::span<const std::byte> view(std::uint64_t address, std::span<std::byte> scratch) override {
    if (!waiting_.empty()) return {};
    const Entry* const entry = cached(Command::read, address, scratch.size());
    if (entry == nullptr) return {};
    ++owner_.hits_;
    return memory_.view(translated(*entry, address), scratch);
  }
  bool write_unseen(std::uint64_t address, std::size_t size, const Reproducible& source,
                    std::uint64_t offset) override {
    if (!waiting_.empty()) return false;
    const Entry* const entry = cached(Command::write, address, size);
    if (entry == nullptr) return false;
    if (!memory_.write_unseen(translated(*entry, address), size, source, offset)) return false;
    ++owner_.hits_;
    return true;
  }

 private:
  static PhysAddr translated(const Entry& entry, std::uint64_t address) {
    return entry.page + address % kPage;
  }

  // The kept translation of an access that lies in one page and is allowed.
  const Entry* cached(Command command, std::uint64_t address, std::size_t size) {
    if (size == 0 || address % kPage + size > kPage) return nullptr;
    const Entry* const entry = owner_.look_up({domain_, address / kPage});
    return entry != nullptr && entry->allows(command) ? entry : nullptr;
  }

  Activity serve_waiting() {
    serving_ = true;
    while (!waiting_.empty()) {
      Access& access = *waiting_.front();
      const std::span<std::byte> data = access.data();
      Response response = Response::ok;
      for (std::size_t done = 0; done < data.size() && response == Response::ok;) {
        const std::uint64_t at = access.address() + done;
        const Key key{domain_, at / kPage};
        const Entry* kept = owner_.look_up(key);
        ++(kept != nullptr ? owner_.hits_ : owner_.misses_);
        if (kept == nullptr) {
          co_await pause_for(owner_.timeline_, owner_.params_.page_walk);
          const Entry* const walked = table_.find(key.page);
          if (walked != nullptr) kept = &owner_.keep(key, *walked);
        }
        if (kept == nullptr || !kept->allows(access.command())) {
          owner_.record_fault(at, access.command());
          response = Response::address_error;
          break;
        }
        const std::size_t piece = std::min<std::size_t>(kPage - at % kPage, data.size() - done);
        Access inner(memory_, access.command(), translated(*kept, at), data.subspan(done, piece));
        co_await inner;
        response = inner.response();
        done += piece;
      }
      access.set_response(response);
      waiting_.pop_front();
      access.waiter().resume();  // it may start the next access, which then waits here
    }
    serving_ = false;
  }

  Iommu& owner_;
  const std::uint16_t domain_;
  const iommu::PageTable& table_;
  Port& memory_;
  std::deque<Access*> waiting_;
  bool serving_ = false;
  Activities activities_;
};

Iommu::Iommu(const IommuParams& params, Timeline& timeline)
    : params_(params),
      timeline_(timeline),
      faults_(static_cast<std::size_t>(params.fault_records)) {
  ParameterProblems problems;
  params.examine(problems);
  check(problems.empty(), "an IOMMU with values that examine() refuses");
}

Iommu::~Iommu() {
  lru_.clear();
}

std::unique_ptr<Port> Iommu::port_for(std::uint16_t domain, const iommu::PageTable& table,
                                      Port& memory) {
  return std::make_unique<DevicePort>(*this, domain, table, memory);
}

const Entry* Iommu::look_up(const Key& key) {
  const auto found = iotlb_.find(key);
  if (found == iotlb_.end()) return nullptr;
  lru_.splice(lru_.end(), lru_, lru_.iterator_to(found->second));
  return &found->second.entry;
}

const Entry& Iommu::keep(const Key& key, const Entry& entry) {
  const auto [place, inserted] = iotlb_.try_emplace(key);
  Cached& cached = place->second;
  if (inserted) {
    cached.key = key;
    lru_.push_back(cached);
  }
  cached.entry = entry;
  if (iotlb_.size() > static_cast<std::size_t>(params_.iotlb_entries)) {
    const Key oldest = lru_.front().key;
    lru_.pop_front();
    iotlb_.erase(oldest);
  }
  return cached.entry;
}

void Iommu::drop(Key first, std::uint64_t pages) {
  auto at = iotlb_.lower_bound(first);
  while (at != iotlb_.end() && at->first.domain == first.domain &&
         at->first.page - first.page < pages) {
    lru_.erase(lru_.iterator_to(at->second));
    at = iotlb_.erase(at);
  }
}

void Iommu::record_fault(std::uint64_t address, Command command) {
  if (faults_.full()) {
    fault_overflow_ = true;
    return;
  }
  const std::uint64_t flags =
      iommu::kFaultValid | (command == Command::write ? iommu::kFaultWrite : 0);
  faults_.push_back(address / kPage * kPage | flags);
}

std::uint64_t Iommu::read_register(std::uint64_t address) {
  if (address == iommu::kFaultOverflow) return std::exchange(fault_overflow_, false) ? 1 : 0;
  if (address != iommu::kFaultRecord || faults_.empty()) return 0;
  const std::uint64_t oldest = faults_.front();
  faults_.pop_front();
  return oldest;
}

Response Iommu::write_register(std::uint64_t address, std::uint64_t value) {
  switch (address) {
    case iommu::kFlushDomain:
      drop({static_cast<std::uint16_t>(value), 0}, ~std::uint64_t{0});
      return Response::ok;
    case iommu::kFlushPages:
      drop({static_cast<std::uint16_t>(value >> 48), value & 0xffff'ffff}, value >> 32 & 0xffff);
      return Response::ok;
    default:
      return Response::address_error;
  }
}

Response Iommu::access(Command command, std::uint64_t address, std::span<std::byte> data) {
  if (data.size() != 8 || address % 8 != 0) return Response::address_error;
  std::uint64_t value = 0;
  if (command == Command::read) {
    value = read_register(address);
    std::memcpy(data.data(), &value, sizeof value);
    return Response::ok;
  }
  std::memcpy(&value, data.data(), sizeof value);
  return write_register(address, value);
}

}  // namespace iodrome::hw
