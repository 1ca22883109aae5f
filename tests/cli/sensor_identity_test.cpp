// SPDX-License-Identifier: BSD-2-Clause
// Which options make another sensor: the table marks them, and the name of the sensor's pins must follow the marks.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/command_line.h"
#include "cli/live_options.h"
#include "cli/option_samples.h"
#include "cli/options.h"
#include "cli/run_setup.h"
#include "live/live_sensor.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

using Words = std::vector<std::string>;

class SensorIdentity : public testing::Test {
  protected:
    void SetUp() override
    {
        std::ofstream(folder_ + "/filter") << "udp port 53\n";
        std::filesystem::create_symlink(FLOWXDP_LIBRARY_FOLDER, folder_ + "/lib");
    }

    // The id of the sensor that `flowxdp attach WORDS` would make or take over on lo.
    std::uint64_t id_of(const Words& given)
    {
        Words words = {"attach", "lo"};
        words.insert(words.end(), given.begin(), given.end());
        Options options;
        const auto reply = read_command_line(command_table(&options, words), words, "");
        EXPECT_FALSE(reply) << reply->text;
        AttachOptions& attach = options.attach;
        if (attach.run.library_folder.empty())
            attach.run.library_folder = FLOWXDP_LIBRARY_FOLDER;
        // A database is opened by a run, and nothing else depends on it.
        attach.run.geo_country.clear();
        attach.run.geo_asn.clear();
        attach.run.quiet = true;
        Log log(LogLevel::kError);
        try {
            RunSetup setup(attach.run, RunInput{"lo", {}}, "test", RunKind::kLive, &log);
            LiveSensorOptions sensor = live_sensor_options(
                attach.run, {compile_frame_filter(attach.run.filter, kLinkTypeEthernet, "lo"), {}}, setup.plan());
            // The sensor itself finds out what an interface can do, and its index.
            sensor.object.egress = attach.direction == DirectionWish::kBoth;
            return sensor_id(sensor, attach.merge ? std::vector<unsigned>{7} : std::vector<unsigned>());
        } catch (const StartupError& error) {
            ADD_FAILURE() << error.what();
        }
        return 0;
    }

    const test::TempFolder temporary_;
    const std::string folder_ = temporary_.path();
};

TEST_F(SensorIdentity, EveryOptionOfAttachSaysWhenItChanges)
{
    Options options;
    for (const CommandRow& command : command_table(&options)) {
        if (command.name != "attach")
            continue;
        for (const OptionRow& row : command.options.rows())
            EXPECT_NE(row.change, Change::kUnsaid) << row.called();
    }
}

TEST_F(SensorIdentity, FollowsTheMarksOfTheTable)
{
    const std::uint64_t plain = id_of({});
    EXPECT_EQ(id_of({}), plain);
    const auto samples = test::option_samples(folder_);
    Options options;
    for (const CommandRow& command : command_table(&options)) {
        if (command.name != "attach")
            continue;
        for (const OptionRow& row : command.options.rows()) {
            if (row.key.empty() || row.key == "interfaces") // another interface has pins of its own
                continue;
            SCOPED_TRACE(row.key);
            const auto sample = samples.find(row.key);
            ASSERT_NE(sample, samples.end());
            const bool is_marked = row.change == Change::kSensor;
            EXPECT_EQ(id_of(sample->second) != plain, is_marked)
                << "another value " << (is_marked ? "does not change" : "changes") << " the sensor's id";
        }
    }
}

TEST_F(SensorIdentity, IsOfTheMeaningNotOfTheWords)
{
    EXPECT_EQ(id_of({"--idle-timeout", "182"}), id_of({}));
    EXPECT_EQ(id_of({"--idle-timeout", "3m"}), id_of({"--idle-timeout", "180s"}));
    EXPECT_EQ(id_of({"udp", "port", "53"}), id_of({"--filter", "udp port 53"}));
    EXPECT_EQ(id_of({"udp", "port", "53"}), id_of({"-F", folder_ + "/filter"}));
    EXPECT_EQ(id_of({"--tunnel", "none", "--tunnel", "ip", "--tunnel", "gtp"}),
              id_of({"--tunnel", "none", "--tunnel", "gtp", "--tunnel", "ip"}));
    EXPECT_EQ(id_of({"-e", "all:" + folder_ + "/a.pcapng"}), id_of({"-e", "all:" + folder_ + "/b.pcapng"}));
    EXPECT_EQ(id_of({"--no-plugin", "tcp_geo_win", "--no-plugin", "tcp_win"}),
              id_of({"--no-plugin", "tcp_win", "--no-plugin", "tcp_geo_win"}));
    EXPECT_NE(id_of({"--idle-timeout", "9s"}), id_of({"--idle-timeout", "8s"}));
    EXPECT_NE(id_of({"-S", "64"}), id_of({"-S", "65"}));
    EXPECT_NE(id_of({"udp"}), id_of({"tcp"}));
}

} // namespace
} // namespace flowxdp
