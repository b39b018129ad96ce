// SPDX-License-Identifier: Apache-2.0
// What is wrong with parameters, of which a user wants to see all.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace iodrome {

/// A word that a parameter may be, and what it means.
template <class T>
struct NamedValue {
  std::string_view name;
  T value;
};

/// Of one owner's parameters, in the order in which they are looked at.
class Complaints {
 public:
  /// `owner` stands before each key.
  explicit Complaints(std::string owner) : owner_(std::move(owner)) {}

  /// Sets `value` to what the word means.
  template <class T, std::size_t N>
  void one_of(const char* key, const std::string& given, const NamedValue<T> (&known)[N],
              T& value) {
    std::string names;
    for (const NamedValue<T>& each : known) {
      if (each.name == given) value = each.value;
      names.append(names.empty() ? "" : ", ").append(each.name);
    }
    if (std::ranges::find(known, given, &NamedValue<T>::name) == std::end(known))
      add(std::string(key) + " is one of " + names + ", not '" + given + "'");
  }
  void within(const char* key, std::int64_t given, std::int64_t least, std::int64_t most) {
    if (given < least || given > most)
      add(std::string(key) + " must be " + std::to_string(least) + " to " + std::to_string(most));
  }
  void require(bool holds, const std::string& else_complaint) {
    if (!holds) add(else_complaint);
  }
  void add(const std::string& complaint) {
    text_.append(text_.empty() ? "" : "; ").append(owner_).append(".").append(complaint);
  }
  /// Empty: nothing is wrong.
  const std::string& text() const { return text_; }

 private:
  const std::string owner_;
  std::string text_;
};

}  // namespace iodrome
