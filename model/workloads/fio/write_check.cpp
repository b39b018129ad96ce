// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio/write_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "model/kernel/vfs/file_content.h"

namespace iodrome::workloads {

namespace {

constexpr std::uint64_t kPage = hw::kPageBytes;
constexpr std::uint64_t kSector = 512;  // no write tears one

// As if each write were a file of its own; far from the numbers of inodes.
std::uint64_t content_of(std::uint64_t id) {
  return (std::uint64_t{1} << 23) + id;
}

}  // namespace

void WriteCheck::watch(int fd, const kernel::Inode& inode, std::uint64_t offset,
                       std::uint64_t block_bytes) {
  inodes_[fd] = inode.number;
  File& file = written_[inode.number];
  file.inode = &inode;
  file.unit = std::gcd(std::gcd(file.unit, block_bytes), offset);
}

void WriteCheck::begin(const chain::ChainRun& run) {
  const chain::Step& step = run.chain.steps[0];
  for (std::uint64_t at = 0; at < step.bytes; at += kPage)
    kernel::fill_content(content_of(run.id), step.offset + at,
                         memory_.bytes(run.buffer[at / kPage], std::min(kPage, step.bytes - at)));
  File& file = file_of(run);
  const std::uint64_t last = (step.offset + step.bytes - 1) / file.unit;
  if (file.units.size() <= last) file.units.resize(last + 1);
  ++clock_;
  for (std::uint64_t unit = step.offset / file.unit; unit <= last; ++unit)
    file.units[unit].push_back({run.id, clock_, 0});
}

void WriteCheck::end(const chain::ChainRun& run) {
  const chain::Step& step = run.chain.steps[0];
  File& file = file_of(run);
  if (run.results[0] != static_cast<std::int64_t>(step.bytes)) file.failed = true;
  ++clock_;
  const std::uint64_t last = (step.offset + step.bytes - 1) / file.unit;
  for (std::uint64_t unit = step.offset / file.unit; unit <= last; ++unit) {
    Candidates& all = file.units[unit];
    const auto mine = std::ranges::find(all, run.id, &Candidate::id);
    mine->ended = clock_;
    const std::uint64_t begun = mine->begun;
    const auto overwritten = [begun](const Candidate& c) {
      return c.ended != 0 && c.ended < begun;
    };
    all.erase(std::remove_if(all.begin(), all.end(), overwritten), all.end());
  }
}

// Whether bytes that lie inside one sector and one unit are those of some write that may be last.
bool WriteCheck::may_hold(const File& file, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
  const std::uint64_t unit = offset / file.unit;
  if (unit >= file.units.size() || file.units[unit].empty())
    return kernel::content_matches(file.inode->number, offset, bytes);
  return std::ranges::any_of(file.units[unit], [&](const Candidate& candidate) {
    return kernel::content_matches(content_of(candidate.id), offset, bytes);
  });
}

std::string WriteCheck::wrong_in(const File& file) const {
  const kernel::Inode& inode = *file.inode;
  if (file.failed || inode.write_error.failures() != 0) return {};
  std::vector<std::byte> stored(kPage);
  for (std::uint64_t at = 0; at < inode.size_bytes; at += kPage) {
    const auto size = static_cast<std::size_t>(std::min(kPage, inode.size_bytes - at));
    const std::span<std::byte> page = std::span(stored).first(size);
    inode.volume->read_file(inode, at, page);
    for (std::uint64_t done = 0; done < size;) {
      const std::uint64_t place = at + done;
      const std::uint64_t piece =
          std::min({kSector - place % kSector, file.unit - place % file.unit, size - done});
      if (!may_hold(file, place, page.subspan(done, piece)))
        return fmt::format("{} holds at byte {} what nobody wrote there last", inode.path, place);
      done += piece;
    }
    if (at / kPage >= inode.pages.size() || inode.pages[at / kPage] == nullptr) continue;
    const kernel::Page& cached = *inode.pages[at / kPage];
    if (cached.state != kernel::Page::State::uptodate) continue;
    const std::span<const std::byte> bytes = memory_.bytes(cached.address, size);
    if (!std::ranges::equal(bytes, page))
      return fmt::format("the page cache and the device differ in {} at byte {}", inode.path, at);
  }
  return {};
}

std::string WriteCheck::wrong_content() const {
  for (const auto& [number, file] : written_) {
    std::string wrong = wrong_in(file);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace iodrome::workloads
