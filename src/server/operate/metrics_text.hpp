#pragma once
// Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aphex::server {

enum class MetricType { counter, gauge, histogram };

class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  // Begins a family; its samples follow. `help` is one line.
  void family(std::string_view name, MetricType type, std::string_view help);
  // Of the family that was begun; `suffix` is "_bucket", "_sum" or "_count" of a histogram.
  void sample(const Labels& labels, double value, std::string_view suffix = {});

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace aphex::server
