// SPDX-License-Identifier: Apache-2.0
// Items on their way through queues that own nothing: whoever takes one frees it, and what nobody
// has taken when a run ends early is freed with the list.
#pragma once
#include <boost/intrusive/list.hpp>

namespace iodrome::designs::task_chain {

using OwnedHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class ByOwner>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// What leaves its list by its end.
class Owned : public OwnedHook {
 public:
  virtual ~Owned() = default;
};

class OwnedList {
 public:
  OwnedList() = default;
  OwnedList(const OwnedList&) = delete;
  OwnedList& operator=(const OwnedList&) = delete;
  /// Nothing may have an item of it any more.
  ~OwnedList() {
    while (!items_.empty()) delete &items_.front();
  }

  /// The list's from now on; made by new.
  template <class Item>
  Item& add(Item* item) {
    items_.push_back(*item);
    return *item;
  }
  std::size_t size() const { return items_.size(); }

 private:
  boost::intrusive::list<Owned, boost::intrusive::base_hook<OwnedHook>,
                         boost::intrusive::constant_time_size<false>>
      items_;
};

}  // namespace iodrome::designs::task_chain
