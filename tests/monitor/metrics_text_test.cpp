// SPDX-License-Identifier: BSD-2-Clause
// Expected text: Prometheus' exposition format, version 0.0.4.
#include <gtest/gtest.h>

#include <set>

#include "live/round_times.h"
#include "monitor/metrics_text.h"
#include "monitor/run_metrics.h"

namespace flowxdp {
namespace {

TEST(MetricsText, AFamilyHasItsHeadingOnce)
{
    MetricsText out;
    out.family("a_total", MetricType::kCounter, "what a is");
    out.add({{"interface", "eth0"}}, std::uint64_t{18446744073709551615u});
    out.add({{"interface", "eth1"}, {"mode", "native"}}, std::uint64_t{0});
    out.family("b_seconds", MetricType::kGauge, "what b is");
    out.add({}, 0.25);
    EXPECT_EQ(out.text(), "# HELP a_total what a is\n"
                          "# TYPE a_total counter\n"
                          "a_total{interface=\"eth0\"} 18446744073709551615\n"
                          "a_total{interface=\"eth1\",mode=\"native\"} 0\n"
                          "# HELP b_seconds what b is\n"
                          "# TYPE b_seconds gauge\n"
                          "b_seconds 0.25\n");
}

TEST(MetricsText, AFamilyWithoutSamplesLeavesNoTrace)
{
    MetricsText out;
    out.family("a_total", MetricType::kCounter, "nobody has it");
    out.family("b", MetricType::kGauge, "b");
    out.add({}, std::uint64_t{1});
    EXPECT_EQ(out.text(), "# HELP b b\n# TYPE b gauge\nb 1\n");
}

TEST(MetricsText, ALabelMayHoldAnything)
{
    MetricsText out;
    out.family("a", MetricType::kGauge, "a");
    out.add({{"sink", "x\"\\\n\xff\xc3\xa9"}}, std::uint64_t{1});
    // Quotes and backslashes are escaped, control characters and bytes that are no UTF-8 were made visible before.
    EXPECT_EQ(out.text(), "# HELP a a\n# TYPE a gauge\na{sink=\"x\\\"\\\\\\\\n\\\\xff\xc3\xa9\"} 1\n");
}

TEST(MetricsText, AHistogramCountsUpToEachLimit)
{
    MetricsText out;
    out.family("h_seconds", MetricType::kHistogram, "h");
    const double limits[] = {0.5, 2};
    const std::uint64_t counts[] = {3, 0, 4};
    out.add_histogram({}, limits, counts, 12.5);
    EXPECT_EQ(out.text(), "# HELP h_seconds h\n# TYPE h_seconds histogram\n"
                          "h_seconds_bucket{le=\"0.5\"} 3\n"
                          "h_seconds_bucket{le=\"2\"} 3\n"
                          "h_seconds_bucket{le=\"+Inf\"} 7\n"
                          "h_seconds_sum 12.5\n"
                          "h_seconds_count 7\n");
}

TEST(RoundTimes, ALimitBelongsToItsBucket)
{
    RoundTimes times;
    times.add(0);
    times.add(RoundTimes::kLimitsNs.front());
    times.add(RoundTimes::kLimitsNs.front() + 1);
    times.add(RoundTimes::kLimitsNs.back() + 1);
    const RoundTimes::Figures figures = times.figures();
    EXPECT_EQ(figures.rounds.front(), 2u);
    EXPECT_EQ(figures.rounds[1], 1u);
    EXPECT_EQ(figures.rounds.back(), 1u);
    EXPECT_EQ(figures.count, 4u);
    EXPECT_EQ(figures.sum_ns, 2 * RoundTimes::kLimitsNs.front() + 1 + RoundTimes::kLimitsNs.back() + 1);
}

TEST(RunMetrics, EveryCounterOfTheSensorIsThere)
{
    RunFigures run;
    run.sensors.resize(1);
    run.sensors[0].interface = "eth0";
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        run.sensors[0].counts.counter[i] = 1000 + i;
    const std::string text = run_metrics(run);
    unsigned i = 0;
    for (const char* name : {
#define X(name, text, help) text,
             FX_COUNTERS(X)
#undef X
         }) {
        std::string metric = name;
        if (metric == "octets_unattributed")
            metric = "bytes_unattributed"; // base unit
        EXPECT_NE(text.find("\nflowxdp_" + metric + "_total{interface=\"eth0\"} " + std::to_string(1000 + i++) + "\n"),
                  std::string::npos)
            << name;
    }
}

TEST(RunMetrics, FiguresOfPluginsHaveMetrics)
{
    RunFigures run;
    run.plugin_figures = {{"dns", "queries", "DNS queries", false, 7}, {"tcp_win", "hosts", "Hosts now", true, 3}};
    const std::string text = run_metrics(run);
    EXPECT_NE(text.find("# TYPE flowxdp_plugin_dns_queries_total counter\nflowxdp_plugin_dns_queries_total 7\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("# TYPE flowxdp_plugin_tcp_win_hosts gauge\nflowxdp_plugin_tcp_win_hosts 3\n"),
              std::string::npos)
        << text;
}

TEST(RunMetrics, SinksOfOneNameAreTwo)
{
    RunFigures run;
    run.sinks.resize(2);
    run.sinks[0].label = run.sinks[1].label = "socket:tcp://127.0.0.1:1";
    run.sinks[0].rows = 7;
    run.sinks[0].dropped = 5;
    run.sinks[0].dropped_queue_full = 2;
    const std::string text = run_metrics(run);
    std::set<std::string> series;
    std::size_t lines = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        if (text[at] != '#') {
            series.insert(text.substr(at, text.rfind(' ', end) - at));
            lines++;
        }
        at = end + 1;
    }
    EXPECT_EQ(series.size(), lines) << "a series is there twice";
    const std::string first = "{sink=\"socket:tcp://127.0.0.1:1\",index=\"0\"";
    EXPECT_TRUE(series.contains("flowxdp_sink_rows_total" + first + "}"));
    EXPECT_NE(text.find("flowxdp_sink_dropped_rows_total" + first + ",reason=\"queue_full\"} 2\n"), std::string::npos);
    EXPECT_NE(text.find("flowxdp_sink_dropped_rows_total" + first + ",reason=\"not_delivered\"} 3\n"),
              std::string::npos);
}

} // namespace
} // namespace flowxdp
