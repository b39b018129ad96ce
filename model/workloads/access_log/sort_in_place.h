// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace iodrome::workloads {

/// Elements that are moved through a buffer at a time: all that sorting needs beside the range.
inline constexpr std::ptrdiff_t sort_buffer_elements = 32768;

/// Merges two sorted neighbours; equal elements of the first come first.
template <class Iterator, class Less>
void merge_in_place(Iterator first, Iterator middle, Iterator last, Less less) {
  if (first == middle || middle == last || !less(*middle, *(middle - 1))) return;
  // What is in its place already stays there: of a log that is nearly sorted, all but a second.
  first = std::upper_bound(first, middle, *middle, less);
  last = std::lower_bound(middle, last, *(middle - 1), less);
  if (std::min(middle - first, last - middle) <= sort_buffer_elements)
    return std::inplace_merge(first, middle, last, less);
  const Iterator left = first + (middle - first) / 2;
  const Iterator right = std::lower_bound(middle, last, *left, less);
  const Iterator joint = std::rotate(left, middle, right);
  merge_in_place(first, left, joint, less);
  merge_in_place(joint, right, last, less);
}

/// A stable sort that never needs more than `sort_buffer_elements` beside the range, where
/// std::stable_sort takes half of it. Quick for ranges in which little is far from its place.
template <class Iterator, class Less>
void sort_in_place(Iterator first, Iterator last, Less less) {
  const std::ptrdiff_t count = last - first;
  const auto at = [&](std::ptrdiff_t place) { return first + std::min(place, count); };
  for (std::ptrdiff_t i = 0; i < count; i += sort_buffer_elements)
    std::stable_sort(at(i), at(i + sort_buffer_elements), less);
  for (std::ptrdiff_t width = sort_buffer_elements; width < count; width *= 2)
    for (std::ptrdiff_t i = 0; i < count; i += 2 * width)
      merge_in_place(at(i), at(i + width), at(i + 2 * width), less);
}

}  // namespace iodrome::workloads
