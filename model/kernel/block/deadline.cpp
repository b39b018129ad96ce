// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/deadline.h"

#include <iterator>

namespace iodrome::kernel {

DeadlineElevator::~DeadlineElevator() {
  for (Side& each : sides_) {
    each.fifo.clear();
    each.sorted.clear();
  }
}

void DeadlineElevator::add(QueuedRequest& request, SimTime now) {
  Side& its = side(request);
  request.expires = now + (request.write() ? params_.write_expire : params_.read_expire);
  its.sorted.insert(request);
  its.fifo.push_back(request);
}

QueuedRequest* DeadlineElevator::behind(Side& of, QueuedRequest& request) {
  const auto next = std::next(of.sorted.iterator_to(request));
  return next == of.sorted.end() ? nullptr : &*next;
}

void DeadlineElevator::remove(QueuedRequest& request) {
  Side& its = side(request);
  if (its.next == &request) its.next = behind(its, request);
  its.sorted.erase(its.sorted.iterator_to(request));
  its.fifo.erase(its.fifo.iterator_to(request));
}

QueuedRequest* DeadlineElevator::ending_at(bool write, std::uint64_t sector) {
  Sorted& sorted = sides_[write ? 1 : 0].sorted;
  auto place = sorted.lower_bound(sector);
  if (place == sorted.begin()) return nullptr;
  QueuedRequest& before = *--place;
  return before.end_sector() == sector ? &before : nullptr;
}

QueuedRequest* DeadlineElevator::beginning_at(bool write, std::uint64_t sector) {
  Sorted& sorted = sides_[write ? 1 : 0].sorted;
  const auto place = sorted.lower_bound(sector);
  return place != sorted.end() && place->sector == sector ? &*place : nullptr;
}

// Its sector has changed under the tree, but it may only have passed those it overlaps.
void DeadlineElevator::grown_at_front(QueuedRequest& request) {
  Side& its = side(request);
  its.sorted.erase(its.sorted.iterator_to(request));
  its.sorted.insert(request);
}

// Source: deadline_merged_requests().
void DeadlineElevator::merged(QueuedRequest& kept, QueuedRequest& gone) {
  Side& its = side(kept);
  if (gone.expires < kept.expires) {
    its.fifo.erase(its.fifo.iterator_to(kept));
    its.fifo.insert(its.fifo.iterator_to(gone), kept);
    kept.expires = gone.expires;
  }
  remove(gone);
}

// The next higher request of a direction, if the elevator is on its way there.
QueuedRequest* DeadlineElevator::go_on(bool write) {
  Side& its = sides_[write ? 1 : 0];
  if (rules_ == Rules::linux_2_6) return its.next;
  const auto place = its.sorted.lower_bound(its.position);
  return place == its.sorted.end() ? nullptr : &*place;
}

bool DeadlineElevator::batch_goes_on(const QueuedRequest& request) const {
  if (rules_ == Rules::linux_2_6 && request.sector != last_end_) return false;
  return batching_ < params_.fifo_batch;
}

bool DeadlineElevator::expired(const Side& of, SimTime now) const {
  return now >= of.fifo.front().expires;
}

// There are requests. A batch begins with one whose time is over; else the elevator goes on
// upwards, and where nothing is left there it turns to the lowest sector (2.6) or to the oldest.
QueuedRequest* DeadlineElevator::begin_batch(Side& of, SimTime now) {
  QueuedRequest* const higher = go_on(&of == &sides_[1]);
  if (rules_ == Rules::mq) {
    batching_ = 0;
    return expired(of, now) || higher == nullptr ? &of.fifo.front() : higher;
  }
  if (expired(of, now)) {
    batching_ = 0;
    return &of.fifo.front();
  }
  if (higher != nullptr) return higher;
  batching_ = 0;
  return &*of.sorted.begin();
}

QueuedRequest* DeadlineElevator::next(SimTime now) {
  const bool reads = !sides_[0].fifo.empty();
  const bool writes = !sides_[1].fifo.empty();
  if (!reads && !writes) return nullptr;
  QueuedRequest* chosen = go_on(last_write_);
  if (chosen == nullptr || !batch_goes_on(*chosen)) {
    if (rules_ == Rules::linux_2_6 && chosen != nullptr) batching_ += params_.fifo_batch;
    const bool write = !reads || (writes && starved_++ >= params_.writes_starved);
    if (write) starved_ = 0;
    chosen = begin_batch(sides_[write ? 1 : 0], now);
  }
  ++batching_;
  const bool write = chosen->write();
  Side& its = side(*chosen);
  its.position = chosen->sector;
  QueuedRequest* const after = behind(its, *chosen);
  sides_[write ? 0 : 1].next = nullptr;
  last_write_ = write;
  last_end_ = chosen->end_sector();
  remove(*chosen);
  its.next = after;
  return chosen;
}

}  // namespace iodrome::kernel
