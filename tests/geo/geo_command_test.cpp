// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo_command.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/command_line.h"
#include "cli/geo_options.h"
#include "geo_test_support.h"

namespace flowxdp::geo {
namespace {

struct Outcome {
    ExitCode code;
    std::string out;
    std::string error;
};

// Runs the command line behind `flowxdp geo`, as the program will.
Outcome run(std::vector<std::string> words, const std::string& input = "")
{
    GeoCommand command;
    std::vector<CommandRow> commands;
    add_geo_commands(&commands, &command);
    words.insert(words.begin(), "geo");
    if (auto reply = read_command_line(commands, words, "geo"))
        return {reply->code, "", reply->text};
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream error;
    const ExitCode code = run_geo_command(command, in, out, error);
    return {code, out.str(), error.str()};
}

const std::string kTestdata = "tests/geo/testdata/";

TEST(GeoCommand, LookupPrintsTextAndJson)
{
    const std::string database = source_path(kTestdata + "geo-test.mmdb");
    const Outcome text = run({"lookup", "--geo-country", database, "143.166.11.10", "192.168.1.105"});
    EXPECT_EQ(text.code, ExitCode::kOk);
    EXPECT_EQ(text.out, "143.166.11.10\tus\tDell, Inc.\n192.168.1.105\t07\tPrivate network\n");
    EXPECT_EQ(text.error, "");
    const Outcome json = run({"lookup", "--json", "--geo-asn", database, "-"}, "2a00:1450::1\r\n\n8.8.8.8\n");
    EXPECT_EQ(json.out, "{\"ip\":\"2a00:1450::1\",\"country\":\"ie\",\"organisation\":\"Google LLC\"}\n"
                        "{\"ip\":\"8.8.8.8\",\"country\":\"us\",\"organisation\":\"Google LLC\"}\n");
}

TEST(GeoCommand, LookupNamesWhatIsNoAddressAndGoesOn)
{
    const Outcome outcome =
        run({"lookup", "--geo-country", source_path(kTestdata + "geo-test.mmdb"), "dell", "8.8.8.8"});
    EXPECT_EQ(outcome.code, ExitCode::kUsage);
    EXPECT_EQ(outcome.out, "8.8.8.8\tus\tGoogle LLC\n");
    EXPECT_EQ(outcome.error, "flowxdp: geo lookup: \"dell\" is not an IPv4 or IPv6 address\n");
    EXPECT_EQ(run({"lookup"}).code, ExitCode::kUsage);
    EXPECT_NE(run({"lookup"}).error.find("geo lookup needs an address"), std::string::npos);
    EXPECT_EQ(run({}).code, ExitCode::kUsage);
    EXPECT_NE(run({"lokup", "8.8.8.8"}).error.find("did you mean 'lookup'?"), std::string::npos);
}

TEST(GeoCommand, ImportThenStatus)
{
    const TempFolder folder;
    ::setenv("SOURCE_DATE_EPOCH", "1767225600", 1);
    const Outcome import = run({"import", "--country", source_path(kTestdata + "geo-test-country.csv"), "--asn",
                                source_path(kTestdata + "geo-test-asn.csv"), "--attribution",
                                "test data of flowxdp, BSD-2-Clause", "-o", folder / "g.mmdb"});
    ::unsetenv("SOURCE_DATE_EPOCH");
    EXPECT_EQ(import.code, ExitCode::kOk) << import.error;
    EXPECT_NE(import.out.find("10 country and 8 AS ranges (0 overlapping)"), std::string::npos) << import.out;
    EXPECT_NE(import.out.find("\ntest data of flowxdp, BSD-2-Clause\n"), std::string::npos) << import.out;
    EXPECT_TRUE(read_bytes(folder / "g.mmdb") == read_bytes(source_path(kTestdata + "geo-test.mmdb")));

    const Outcome status = run({"status", "--json", "--geo-country", folder / "g.mmdb"});
    EXPECT_EQ(status.code, ExitCode::kOk);
    EXPECT_NE(status.out.find("\"built\":\"2026-01-01T00:00:00Z\",\"build_epoch\":1767225600"), std::string::npos);
    EXPECT_NE(status.out.find("\"licence\":\"test data of flowxdp, BSD-2-Clause\""), std::string::npos);
}

TEST(GeoCommand, WithoutADatabaseSaysWhereItLooked)
{
    ::setenv("FLOWXDP_GEO", "/nonexistent/geo.mmdb", 1);
    const Outcome lookup = run({"lookup", "127.0.0.1"});
    EXPECT_EQ(lookup.code, ExitCode::kOk);
    EXPECT_EQ(lookup.out, "127.0.0.1\t01\tLoopback\n");
    EXPECT_NE(lookup.error.find("/nonexistent/geo.mmdb"), std::string::npos);
    const Outcome status = run({"status", "--json"});
    ::unsetenv("FLOWXDP_GEO");
    EXPECT_EQ(status.code, ExitCode::kRuntime);
    EXPECT_EQ(status.out, "{\"databases\":[]}\n");
}

TEST(GeoCommand, ErrorsEndWithOne)
{
    const Outcome import = run({"import", "-o", "/nonexistent/x"});
    EXPECT_EQ(import.code, ExitCode::kRuntime);
    EXPECT_EQ(import.error, "flowxdp: geo import: nothing to import: give a country source, an ASN source, or both\n");
    ::setenv("FLOWXDP_GEO_UPDATE", "/nonexistent/script", 1);
    const Outcome update = run({"update"});
    ::unsetenv("FLOWXDP_GEO_UPDATE");
    EXPECT_EQ(update.code, ExitCode::kRuntime);
    EXPECT_EQ(update.error, "flowxdp: geo update: cannot run /nonexistent/script: No such file or directory\n");
}

} // namespace
} // namespace flowxdp::geo
