// SPDX-License-Identifier: BSD-2-Clause
// metrics_text.h - Prometheus' text exposition format, version 0.0.4: families of samples with HELP and TYPE.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace flowxdp {

enum class MetricType { kCounter, kGauge, kHistogram };

class MetricsText {
  public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    // The samples that follow belong to this family. Name and help are plain ASCII text of this program, without
    // backslash and newline; a name is not used twice. A family without samples leaves no trace.
    void family(std::string_view name, MetricType type, std::string_view help);
    void add(Labels labels, std::uint64_t value);
    void add(Labels labels, double value);
    // A histogram: limits in the family's unit, ascending; counts by bucket, one more than limits.
    void add_histogram(Labels labels, std::span<const double> limits, std::span<const std::uint64_t> counts,
                       double sum);
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void begin_sample(std::string_view suffix, Labels labels, std::string_view limit = {});

    std::string text_;
    std::string heading_; // HELP and TYPE that no sample has needed yet
    std::string name_;
};

} // namespace flowxdp
