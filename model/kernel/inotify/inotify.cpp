// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/inotify/inotify.h"

#include <algorithm>
#include <cstring>

#include "model/kernel/inotify/inotify_take.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

namespace {
constexpr std::size_t kHeader = kInotifyHeader;  // wd, mask, cookie, len
constexpr std::uint32_t kFlags = kInExclUnlink | kInOneshot;
}  // namespace

/// Once it is removed it has no owner.
struct Inotify::Watch final : InodeWatch {
  Watch(Inotify& by, Inode& of, std::int32_t descriptor, std::uint32_t asked)
      : owner(&by), inode(&of), wd(descriptor), mask(asked) {
    inode->watches.push_back(*this);
    ++owner->system_.inotify.watches;
  }
  Task<void> happened(Atomic& ctx, FsEvent event) override;
  Task<void> inode_removed(Atomic& ctx) override;
  void inode_gone() override;

  Inotify* owner;
  Inode* const inode;  // while it has an owner
  const std::int32_t wd;
  std::uint32_t mask;
};

// inotify_handle_inode_event().
Task<void> Inotify::Watch::happened(Atomic& ctx, FsEvent event) {
  if ((event.mask & mask & kInAllEvents) == 0) co_return;
  // As ever: what happens to a directory itself is not marked as such.
  if ((event.mask & (kInMoveSelf | kInDeleteSelf)) != 0) event.mask &= ~kInIsdir;
  const boost::intrusive_ptr<Inotify> keep(owner);
  const boost::intrusive_ptr<Watch> self(this);
  InotifyEvent told{wd, event.mask, event.cookie, std::string(event.name)};
  co_await ctx.spend(ctx.costs().inotify_event);
  if (owner == nullptr) co_return;  // it was removed meanwhile
  co_await keep->tell(ctx, std::move(told));
  if ((mask & kInOneshot) != 0 && owner != nullptr) co_await keep->end(ctx, *this);
}

Task<void> Inotify::Watch::inode_removed(Atomic& ctx) {
  const boost::intrusive_ptr<Inotify> keep(owner);  // whom it wakes may close the last descriptor
  co_await keep->end(ctx, *this);
}

void Inotify::Watch::inode_gone() {
  const boost::intrusive_ptr<Inotify> keep(owner);
  if ((mask & kInDeleteSelf) != 0) keep->queue({wd, kInDeleteSelf, 0, {}});
  keep->queue({wd, kInIgnored, 0, {}});
  keep->forget(*this);
  keep->waiters_.wake_from_outside(keep->system_);
}

Inotify::Inotify(System& system) : FileObject(Kind::inotify), system_(system) {
  ++system_.inotify.instances;
}

Inotify::~Inotify() {
  --system_.inotify.instances;
}

// --- the queue ----------------------------------------------------------------------------------

std::size_t Inotify::bytes_of(const InotifyEvent& event) {
  const std::size_t name = event.name.size();
  return kHeader + (name == 0 ? 0 : (name + 1 + kHeader - 1) / kHeader * kHeader);
}

// fsnotify_insert_event(). Whether the queue has one more.
bool Inotify::queue(InotifyEvent event) {
  if (queue_.size() >= system_.inotify.max_queued_events ||
      allocation_fails(system_, "inotify event")) {
    if (std::exchange(overflowed_, true)) return false;
    queue_.push_back({-1, kInQOverflow, 0, {}});
    return true;
  }
  if (!queue_.empty() && event.mask != kInIgnored) {
    const InotifyEvent& last = queue_.back();
    if (last.wd == event.wd && last.mask == event.mask && last.name == event.name) return false;
  }
  queue_.push_back(std::move(event));
  return true;
}

InotifyEvent Inotify::pop() {
  InotifyEvent event = std::move(queue_.front());
  queue_.pop_front();
  if (event.mask == kInQOverflow) overflowed_ = false;
  return event;
}

// As struct inotify_event; its bytes.
std::size_t Inotify::put(const InotifyEvent& event, std::span<std::byte> to) {
  const std::size_t bytes = bytes_of(event);
  const std::span<std::byte> place = to.first(bytes);
  const auto name_bytes = static_cast<std::uint32_t>(bytes - kHeader);
  std::ranges::fill(place, std::byte{0});
  std::memcpy(place.data(), &event.wd, 4);
  std::memcpy(place.data() + 4, &event.mask, 4);
  std::memcpy(place.data() + 8, &event.cookie, 4);
  std::memcpy(place.data() + 12, &name_bytes, 4);
  std::memcpy(place.data() + kHeader, event.name.data(), event.name.size());
  return bytes;
}

Task<void> Inotify::tell(Atomic& ctx, InotifyEvent event) {
  const bool longer = queue(std::move(event));
  const FileObjectPtr self(this);
  while (!takers_.empty() && !queue_.empty()) co_await serve(ctx);
  if (longer && !queue_.empty() && !waiters_.empty()) co_await waiters_.wake_up(ctx, 1, kPollIn);
}

Task<Value> Inotify::read(Sleepable& ctx, const File& file, std::span<std::byte> to) {
  co_await ctx.spend(ctx.costs().inotify_call);
  const FileObjectPtr self(this);
  std::size_t done = 0;
  for (;;) {
    if (queue_.empty()) {
      if (done != 0) break;
      if (file.nonblocking) co_return fail(Errno::eagain);
      const WaitOutcome ended =
          co_await waiters_.wait_for(ctx, "inotify", events::Stage::queue, kSharedWait);
      if (ended == WaitOutcome::interrupted) co_return fail(Errno::erestartsys);
      continue;
    }
    const std::size_t bytes = bytes_of(queue_.front());
    if (bytes > to.size() - done) {
      if (done == 0) co_return fail(Errno::einval);
      break;
    }
    const InotifyEvent event = pop();
    done += put(event, to.subspan(done));
    co_await ctx.spend(ctx.costs().inotify_copy);
  }
  co_return static_cast<std::int64_t>(done);
}

InotifyEvent take_inotify_event(std::span<const std::byte>& from) {
  InotifyEvent event;
  std::uint32_t name_bytes = 0;
  std::memcpy(&event.wd, from.data(), 4);
  std::memcpy(&event.mask, from.data() + 4, 4);
  std::memcpy(&event.cookie, from.data() + 8, 4);
  std::memcpy(&name_bytes, from.data() + 12, 4);
  if (name_bytes != 0) event.name = reinterpret_cast<const char*>(from.data() + kHeader);
  from = from.subspan(kHeader + name_bytes);
  return event;
}

Task<PollEvents> Inotify::poll(Sleepable&, const File&, PollTable* table) {
  if (table != nullptr) table->queue(waiters_);
  return Task<PollEvents>::ready(PollEvents{queue_.empty() ? 0 : kPollIn});
}

// --- watches ------------------------------------------------------------------------------------

std::uint32_t Inotify::mask_of(std::int32_t wd) const {
  const auto found = watches_.find(wd);
  return found == watches_.end() ? 0 : found->second->mask;
}

// Without a word to anybody.
void Inotify::forget(Watch& watch) {
  const WatchPtr keep(&watch);
  watch.unlink();
  watch.owner = nullptr;
  --system_.inotify.watches;
  watches_.erase(watch.wd);
}

Task<void> Inotify::end(Atomic& ctx, Watch& watch) {
  const std::int32_t wd = watch.wd;
  forget(watch);
  return tell(ctx, {wd, kInIgnored, 0, {}});
}

Task<Value> Inotify::add_watch(Sleepable& ctx, Inode& inode, std::uint32_t mask) {
  co_await ctx.spend(ctx.costs().inotify_watch);
  co_return watch(inode, mask);
}

Value Inotify::watch(Inode& inode, std::uint32_t mask) {
  const std::uint32_t asked = mask & (kInAllEvents | kFlags);
  for (const auto& [wd, there] : watches_) {
    if (there->inode != &inode) continue;
    if ((mask & kInMaskCreate) != 0) return fail(Errno::eexist);
    there->mask = (mask & kInMaskAdd) != 0 ? there->mask | asked : asked;
    return wd;
  }
  if (system_.inotify.watches >= system_.inotify.max_user_watches) return fail(Errno::enospc);
  const std::int32_t wd = ++last_wd_;
  watches_.emplace(wd, new Watch(*this, inode, wd, asked));
  return wd;
}

Task<Value> Inotify::remove_watch(Sleepable& ctx, std::int32_t wd) {
  co_await ctx.spend(ctx.costs().inotify_watch);
  const FileObjectPtr self(this);
  const auto found = watches_.find(wd);
  if (found == watches_.end()) co_return fail(Errno::einval);
  co_await end(ctx, *found->second);
  co_return 0;
}

// --- instances ----------------------------------------------------------------------------------

Task<void> Inotify::release(Sleepable& ctx) {
  if (!watches_.empty()) co_await ctx.spend(ctx.costs().inotify_watch, watches_.size());
}

void Inotify::file_ended() {
  while (!watches_.empty()) forget(*watches_.begin()->second);
}

Result<FilePtr> Inotify::make(System& system, std::int32_t flags) {
  if ((flags & ~(kInNonblock | kInCloexec)) != 0) return fail(Errno::einval);
  if (system.inotify.instances >= system.inotify.max_user_instances) return fail(Errno::emfile);
  FilePtr file{new File};
  file->object = new Inotify(system);
  file->nonblocking = (flags & kInNonblock) != 0;
  file->writable = false;
  return file;
}

Inotify* inotify_of(const File& file) {
  FileObject* const object = file.object.get();
  return object != nullptr && object->kind == FileObject::Kind::inotify
             ? static_cast<Inotify*>(object)
             : nullptr;
}

}  // namespace iodrome::kernel
