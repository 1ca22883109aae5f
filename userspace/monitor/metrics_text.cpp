// SPDX-License-Identifier: BSD-2-Clause
#include "monitor/metrics_text.h"

#include <cmath>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp {
namespace {

// Label values are UTF-8 in quotes. What a user named may hold anything.
void append_label(std::string_view name, std::string_view value, std::string* out)
{
    if (!out->ends_with('{'))
        out->push_back(',');
    *out += name;
    *out += "=\"";
    for (const char c : printable(value)) {
        if (c == '\\' || c == '"')
            out->push_back('\\');
        out->push_back(c);
    }
    out->push_back('"');
}

std::string number_text(double value)
{
    if (std::isnan(value))
        return "NaN";
    if (std::isinf(value))
        return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

const char* type_word(MetricType type)
{
    switch (type) {
    case MetricType::kCounter:
        return "counter";
    case MetricType::kGauge:
        return "gauge";
    case MetricType::kHistogram:
        break;
    }
    return "histogram";
}

} // namespace

void MetricsText::family(std::string_view name, MetricType type, std::string_view help)
{
    name_ = name;
    heading_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type_word(type));
}

void MetricsText::begin_sample(std::string_view suffix, Labels labels, std::string_view limit)
{
    text_ += heading_;
    heading_.clear();
    text_ += name_;
    text_ += suffix;
    if (labels.size() || !limit.empty()) {
        text_.push_back('{');
        for (const auto& [name, value] : labels)
            append_label(name, value, &text_);
        if (!limit.empty())
            append_label("le", limit, &text_);
        text_.push_back('}');
    }
    text_.push_back(' ');
}

void MetricsText::add(Labels labels, std::uint64_t value)
{
    begin_sample("", labels);
    text_ += fmt::format("{}\n", value);
}

void MetricsText::add(Labels labels, double value)
{
    begin_sample("", labels);
    text_ += number_text(value) + '\n';
}

void MetricsText::add_histogram(Labels labels, std::span<const double> limits, std::span<const std::uint64_t> counts,
                                double sum)
{
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.size(); i++) {
        so_far += counts[i];
        begin_sample("_bucket", labels, i < limits.size() ? number_text(limits[i]) : "+Inf");
        text_ += fmt::format("{}\n", so_far);
    }
    begin_sample("_sum", labels);
    text_ += number_text(sum) + '\n';
    begin_sample("_count", labels);
    text_ += fmt::format("{}\n", so_far);
}

} // namespace flowxdp
