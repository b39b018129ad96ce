// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/published_table.h"

#include <algorithm>
#include <limits>

namespace iodrome::workloads {
namespace {

std::string needed(TomlTable& table, std::string_view key) {
  if (!table.has(key)) table.error(key, "a published figure has no " + in_quotes(key));
  const std::string text = table.text(key).value_or("");
  if (table.has(key) && text.empty()) table.error(key, in_quotes(key) + " is empty");
  return text;
}

void check_name(TomlTable& table, std::string_view key, const std::string& name,
                const std::vector<std::string>& valid) {
  if (name.empty() || valid.empty()) return;
  if (std::find(valid.begin(), valid.end(), name) != valid.end()) return;
  const std::vector<std::string_view> candidates(valid.begin(), valid.end());
  table.error(key, "unknown name " + in_quotes(name) + " in 'published." + std::string(key) + "'",
              name_hint(name, candidates));
}

}  // namespace

PublishedFigure read_published(TomlTable& table, const ScenarioVocabulary& vocabulary) {
  PublishedFigure figure;
  figure.row = needed(table, "row");
  figure.source = needed(table, "source");
  figure.design = needed(table, "design");
  check_name(table, "design", figure.design, vocabulary.designs);
  figure.metrics = table.texts("metrics").value_or(std::vector<std::string>{});
  for (const std::string& metric : figure.metrics)
    check_name(table, "metrics", metric, vocabulary.metrics);
  if (figure.metrics.empty())
    table.error("metrics", "a published figure names no 'metrics'",
                "write metrics = [\"mean\"]; several are summed");
  figure.is_rate =
      std::find(figure.metrics.begin(), figure.metrics.end(), rate_metric) != figure.metrics.end();
  if (figure.is_rate && figure.metrics.size() > 1)
    table.error("metrics", "a rate cannot be summed with other figures");
  const auto value = figure.is_rate ? table.integer("value", 1, kLargestInteger)
                                    : table.quantity("value", parse_duration_ps);
  if (!table.has("value")) table.error("value", "a published figure has no 'value'");
  figure.value = value.value_or(0);
  if (value == 0) table.error("value", "a published figure of 0 has no relative error");
  table.finish();
  return figure;
}

}  // namespace iodrome::workloads
