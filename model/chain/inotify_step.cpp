// SPDX-License-Identifier: Apache-2.0
// A branch takes events of a watched directory, and names files by them.
//
// Source: Linux fs/namei.c, getname_flags(): of the name's bytes the first end counts, one that is
// empty is ENOENT, one without an end ENAMETOOLONG.
#include <cstring>

#include "model/chain/named_file.h"
#include "model/chain/walker.h"
#include "model/kernel/mm/copy.h"
#include "model/kernel/vfs/name_ops.h"

namespace iodrome::chain {

using namespace kernel;
using Value = Result<std::int64_t>;

namespace {

// Where the event of an inotify step lies: at a page's beginning, so in one page.
Result<std::span<std::byte>> event_of(System& system, const ChainRun& run, const Step& step) {
  const auto pages = run.memory_of(step, {.offset = 0, .bytes = kInotifyLongest, .done = 0});
  if (!pages) return fail(pages.error());
  return system.memory.bytes(pages->front(), kInotifyLongest);
}

// What a user may have made of an event's name since.
Result<std::string_view> name_in(std::span<const std::byte> event) {
  std::uint32_t name_bytes = 0;
  std::memcpy(&name_bytes, event.data() + 12, 4);
  if (name_bytes == 0) return fail(Errno::enoent);  // that events were lost, or a watch's end
  const std::string_view field(reinterpret_cast<const char*>(event.data()) + kInotifyHeader,
                               kNameMax + 1);
  const std::size_t end = field.find('\0');
  if (end == field.npos) return fail(Errno::enametoolong);
  if (end == 0) return fail(Errno::enoent);
  const std::string_view name = field.substr(0, end);
  if (name.find('/') != name.npos) return fail(Errno::einval);
  return name;
}

}  // namespace

Result<std::string> path_by_event(System& system, const ChainRun& run, const Step& step) {
  const Step& taken = run.chain.steps[static_cast<std::size_t>(step.fd_from)];
  const auto event = event_of(system, run, taken);
  if (!event) return fail(event.error());
  const Result<std::string_view> name = name_in(*event);
  if (!name) return fail(name.error());
  return *step.path + "/" + std::string(*name);
}

// As with a write's, the pages are pinned, since whoever makes the event may be the one to copy it.
Task<Value> Branch::inotify(Atomic& ctx, const Step& step) {
  const auto event = event_of(ctx.system(), walker_.run_, step);
  if (!event) co_return fail(event.error());
  if (std::holds_alternative<std::monostate>(operation_)) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    co_await ctx.spend(ctx.costs().page_pin);
    operation_ = std::make_unique<InotifyTake>(*file);
  }
  InotifyTake& take = *std::get<std::unique_ptr<InotifyTake>>(operation_);
  co_return co_await take.try_run(ctx, *event, *this);
}

// Once per try of a step: what a user writes there later is no matter.
Task<Errno> Branch::get_name(Atomic& ctx, const Step& step) {
  if (step.fd_from < 0 || !std::holds_alternative<std::monostate>(operation_)) co_return Errno::ok;
  Result<std::string> path = path_by_event(ctx.system(), walker_.run_, step);
  if (!path) co_return path.error();
  auto file = std::make_unique<NamedFile>();
  const std::size_t copied = path->size() - step.path->size();  // the name and its end
  file->path = std::move(*path);
  operation_ = std::move(file);
  co_await charge_copy(ctx, copied, CacheState::hot);
  co_return Errno::ok;
}

const std::string& Branch::path_of(const Step& step) const {
  const auto* const named = std::get_if<std::unique_ptr<NamedFile>>(&operation_);
  return named == nullptr ? *step.path : (*named)->path;
}

Task<Value> Branch::unlink(Sleepable& ctx, const Step& step) {
  const Errno named = co_await get_name(ctx, step);
  if (named != Errno::ok) co_return fail(named);
  co_return co_await unlink_file(ctx, walker_.host_.os(), path_of(step));
}

}  // namespace iodrome::chain
