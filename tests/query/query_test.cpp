// SPDX-License-Identifier: BSD-2-Clause
// Answers of userspace/query over files written by hand. Expected rows come from arithmetic on them.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

#include "flowxdp/row.h"
#include "query/json_row.h"
#include "query/query_functions.h"
#include "query/question.h"
#include "support/packed_file.h"
#include "support/temp_folder.h"

namespace flowxdp::query {
namespace {

using namespace test;

// Three flows in four rows. The text of row 3 holds what would end a cell in CSV.
constexpr const char* kFlows =
    "%dir\tflowInd\tflowStat\ttimeFirst\tduration\tsrcIP\tsrcPort\tdstIP\tdstPort\tvlanID\tsrcIPOrg\tpktsSnt\n"
    "A\t1\t0x0400000000004000\t1022171701.691172001\t0.500000000\t192.0.2.10\t1024\t198.51.100.20\t80\t\t\"Dell\"\t10\n"
    "B\t1\t0x0400000000004001\t1022171701.700000000\t0.400000000\t198.51.100.20\t80\t192.0.2.10\t1024\t\t\"-\"\t20\n"
    "A\t2\t0x8000000000008000\t1022171702.000000000\t1.000000000\t2001:db8::1\t53\t2001:db8::2\t9\t7;8\t\"a \\\"b\\\", "
    "c\"\t5\n"
    "A\t30\t0x0000000000000004\t1022171703.000000000\t0.000000000\t-\t\t-\t\t\t\"\"\t1\n";

ColumnCatalog catalog()
{
    ColumnCatalog all;
    all.add("dir", FX_CHAR, false, "Flow direction");
    all.add("flowInd", FX_U64, false, "Flow index");
    all.add("flowStat", FX_H64, false, "Flow status", {{0x4000, "IPv4 flow"}, {0x1, "B"}, {0x8000, "IPv6 flow"}});
    all.add("timeFirst", FX_TIME, false, "Date time of first packet");
    all.add("duration", FX_DURATION, false, "Flow duration");
    all.add("srcIP", FX_IP, false, "Source");
    all.add("dstIP", FX_IP, false, "Destination");
    all.add("srcPort", FX_U16, false, "Source port");
    all.add("dstPort", FX_U16, false, "Destination port");
    all.add("vlanID", FX_U16, true, "VLAN IDs");
    all.add("srcIPOrg", FX_STRING, false, "Organisation");
    all.add("pktsSnt", FX_U64, false, "Packets");
    all.add("pktNo", FX_U64, false, "Packet number");
    return all;
}

std::string pack_gzip(const std::string& text, const std::string& path)
{
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path;
}

struct Asked {
    std::string text;
    std::string error;
    Answer answer;
};

Asked ask_files(std::vector<std::string> files, const std::string& sql, AnswerFormat format = AnswerFormat::kTsv,
                ReadyQuestion ready = ReadyQuestion::kNone, const std::string& flows_to = "")
{
    Question question;
    question.files = std::move(files);
    question.sql = sql;
    question.ready = ready;
    question.format = format;
    question.flows_to = flows_to;
    char* bytes = nullptr;
    std::size_t size = 0;
    std::FILE* out = ::open_memstream(&bytes, &size);
    const auto answer = ask(question, catalog(), out);
    std::fclose(out);
    Asked asked;
    asked.text.assign(bytes, size);
    std::free(bytes);
    if (answer.ok())
        asked.answer = answer.value();
    else
        asked.error = answer.error().message;
    return asked;
}

class QueryTest : public ::testing::Test {
  protected:
    std::string write(const std::string& name, const std::string& text)
    {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        return folder_ / name;
    }
    // Rows without the line of names.
    std::string rows(const std::string& sql, const std::string& text = kFlows)
    {
        const Asked asked = ask_files({write("x_flows.txt", text)}, sql);
        return asked.error.empty() ? asked.text.substr(asked.text.find('\n') + 1) : "error: " + asked.error;
    }
    TempFolder folder_;
};

TEST_F(QueryTest, CellsHaveTheirTypes)
{
    EXPECT_EQ(rows("SELECT sum(pktsSnt), max(pktsSnt) FROM flows"), "36\t20\n");
    EXPECT_EQ(rows("SELECT flowStat FROM flows WHERE flowInd = 2"), "0x8000000000008000\n") << "the top bit is one";
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE flowStat & 0x4000"), "2\n");
    EXPECT_EQ(rows("SELECT timeFirst, timeFirst_ns, duration FROM flows WHERE flowInd = 1 AND dir = 'A'"),
              "1022171701.691172\t1022171701691172001\t0.500000000\n");
    EXPECT_EQ(rows("SELECT flowInd FROM flows WHERE timeFirst > 1022171701.7 AND duration < 0.5"), "30\n");
    EXPECT_EQ(rows("SELECT srcPort IS NULL, dstPort, srcIPOrg FROM flows WHERE flowInd = 30"), "1\t\t\n");
    EXPECT_EQ(rows("SELECT srcIPOrg FROM flows WHERE flowInd = 2"), "a \"b\", c\n");
    EXPECT_EQ(rows("SELECT DISTINCT flowInd FROM flows ORDER BY 1"), "1\n2\n30\n") << "as numbers";
    EXPECT_EQ(rows("SELECT count(*) FROM flows"), "4\n") << "a question without columns";
    EXPECT_EQ(rows("SELECT utc(timeFirst) FROM flows LIMIT 1"), "2002-05-23 16:35:01.691172\n");
}

TEST_F(QueryTest, FunctionsOfTawk)
{
    EXPECT_EQ(rows("SELECT flowInd, dir FROM flows WHERE flow('2-3;30')"), "2\tA\n30\tA\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE flow('0x1,2')"), "3\n");
    EXPECT_EQ(rows("SELECT flowInd FROM flows WHERE bitsanyset(flowStat, '0x8001')"), "1\n2\n");
    EXPECT_EQ(rows("SELECT flowInd FROM flows WHERE bitsallset(flowStat, 0x4001)"), "1\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE host('192.0.2.0/24')"), "2\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE HOST ( '2001:db8::2' )"), "1\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE port('80;50-60')"), "3\n");
    EXPECT_EQ(rows("SELECT dir FROM flows WHERE ipinnet(srcIP, '198.51.100.20')"), "B\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE ipinnet(srcIP, '0.0.0.0/0')"), "2\n") << "no IPv6, no '-'";
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE ipinnet(srcIP, '2001:db8::/127')"), "1\n");
    EXPECT_EQ(rows("SELECT flowInd FROM flows WHERE listhas(vlanID, 8)"), "2\n");
    EXPECT_EQ(rows("SELECT count(*) FROM flows WHERE listhas(vlanID, '7;8')"), "0\n");
    EXPECT_EQ(rows("SELECT decode('flowStat', flowStat) FROM flows WHERE dir = 'B'"), "IPv4 flow; B\n");
    for (const char* wrong : {"flow('x')", "flow('5-3')", "host('10.0.0.0/33')", "host('10')",
                              "bitsanyset(flowStat, 'x')", "decode('pktsSnt', 1)", "ipinnet(srcIP, '10.0.0.0/')"})
        EXPECT_TRUE(rows(std::string("SELECT * FROM flows WHERE ") + wrong).starts_with("error: ")) << wrong;
}

TEST(QueryFunctions, ColumnsAreAddedToCallsAlone)
{
    EXPECT_EQ(with_columns("SELECT flow('1') FROM flows"), "SELECT flow(\"flowInd\", '1') FROM flows");
    EXPECT_EQ(with_columns("port ('1')"), "port (\"srcPort\", \"dstPort\", '1')");
    for (const char* same : {"flow(f.flowInd, '1')", "'flow(1)'", "\"flow(1)\"", "-- flow(1)\n", "/* host(1) */ 1",
                             "myflow(1)", "flow()", "flow", "flow (", "flow('"})
        EXPECT_EQ(with_columns(same), same);
}

TEST_F(QueryTest, FormatsOfFilesHaveTheSameAnswer)
{
    const std::string sql = "SELECT dir, flowInd, flowStat, timeFirst_ns, srcIP, srcPort, vlanID, srcIPOrg FROM flows";
    const std::string wanted = "A\t2\t0x8000000000008000\t1022171702000000000\t2001:db8::1\t53\t7;8\ta \"b\", c\n"
                               "A\t30\t0x0000000000000004\t1022171703000000000\t-\t\t\t\n";
    EXPECT_EQ(rows(sql + " WHERE flowInd > 1"), wanted);
    const std::string csv = "dir,flowInd,flowStat,timeFirst,srcIP,srcPort,vlanID,srcIPOrg\r\n"
                            "A,2,0x8000000000008000,1022171702.000000000,2001:db8::1,53,7;8,\"a \"\"b\"\", c\"\r\n"
                            "A,30,0x0000000000000004,1022171703.000000000,-,,,\r\n";
    const auto without_names = [](const Asked& asked) {
        return asked.error + asked.text.substr(asked.text.find('\n') + 1);
    };
    EXPECT_EQ(without_names(ask_files({write("x.csv", csv)}, sql)), wanted);
    const std::string json =
        R"({"dir":"A","flowInd":2,"flowStat":"0x8000000000008000","timeFirst":"1022171702.000000000","srcIP":"2001:db8::1","srcPort":53,"vlanID":[7,8],"srcIPOrg":"a \"b\", c"})"
        "\n"
        R"({"pktNo":1,"flowInd":2})"
        "\n"
        R"({"flowInd":30,"dir":"A","srcIPOrg":"","flowStat":"0x0000000000000004","timeFirst":"1022171703.000000000","srcIP":"-","srcPort":null,"vlanID":[]})"
        "\n";
    const std::string path = write("x.json", json);
    EXPECT_EQ(without_names(ask_files({path}, sql)), wanted);
    EXPECT_EQ(ask_files({path}, "SELECT pktNo, flowInd FROM packets").text, "pktNo\tflowInd\n1\t2\n");
}

TEST_F(QueryTest, CompressedFilesAndPiecesAreOneTable)
{
    const std::string text = kFlows;
    const std::size_t cut = text.find("A\t2\t");
    const std::string first = write("x.txt0", text.substr(0, cut)), second = write("x.txt1", text.substr(cut));
    EXPECT_EQ(ask_files({first, second}, "SELECT count(*), sum(pktsSnt) FROM flows").text,
              "count(*)\tsum(pktsSnt)\n4\t36\n");
    EXPECT_NE(ask_files({second}, "SELECT 1 FROM flows").error.find("no header line"), std::string::npos);
    const std::string packed = pack_gzip(text, folder_ / "x.gz");
    EXPECT_EQ(ask_files({packed, first}, "SELECT count(*) FROM flows").text, "count(*)\n6\n");
}

TEST_F(QueryTest, ManyBlocksComeInOrder)
{
    std::string text = "%dir\tflowInd\tpktsSnt\tsrcIPOrg\n";
    constexpr int kRows = 200000; // several megabytes
    for (int i = 1; i <= kRows; i++)
        text += "A\t" + std::to_string(i) + "\t2\t\"" + std::string(static_cast<std::size_t>(i % 40), 'x') + "\"\n";
    const std::string path = write("x.txt", text);
    EXPECT_EQ(ask_files({path}, "SELECT count(*), sum(pktsSnt), sum(flowInd), sum(length(srcIPOrg)) FROM flows").text,
              "count(*)\tsum(pktsSnt)\tsum(flowInd)\tsum(length(srcIPOrg))\n200000\t400000\t20000100000\t3900000\n");
    EXPECT_EQ(ask_files({path},
                        "SELECT count(*) FROM (SELECT flowInd, lag(flowInd) OVER () AS before FROM flows) WHERE "
                        "flowInd = before + 1")
                  .text,
              "count(*)\n199999\n");
    EXPECT_EQ(ask_files({path}, "SELECT flowInd FROM flows LIMIT 2").text, "flowInd\n1\n2\n") << "ends early";
    EXPECT_EQ(ask_files({path}, "SELECT pktsSnt FROM flows WHERE flowInd = 199999").text, "pktsSnt\n2\n");
    EXPECT_EQ(ask_files({path}, "SELECT sum(flowInd) FROM flows WHERE flowInd IN (1, 7, 199999)").text,
              "sum(flowInd)\n200007\n");
}

TEST_F(QueryTest, AJoinReadsTheFilesOnce)
{
    const std::string packets = write("x_packets.txt", "%pktNo\tflowInd\n1\t1\n2\t1\n3\t30\n");
    const Asked asked = ask_files({write("x_flows.txt", kFlows), packets},
                                  "SELECT f.dir, f.flowStat, count(*) FROM flows f JOIN packets p ON f.flowInd = "
                                  "p.flowInd GROUP BY 1, 2 ORDER BY 2");
    EXPECT_EQ(asked.text, "dir\tflowStat\tcount(*)\nA\t0x0000000000000004\t1\nA\t0x0400000000004000\t2\nB\t"
                          "0x0400000000004001\t2\n")
        << asked.error;
    EXPECT_TRUE(asked.answer.imported);
}

TEST_F(QueryTest, WhatIsNoRowIsCountedAndLeftOut)
{
    const std::string path = write("x.txt", "%dir\tflowInd\tpktsSnt\nA\t1\t2\nA\t2\n\nB\nA\t3\t4");
    const Asked asked = ask_files({path}, "SELECT sum(pktsSnt), count(*) FROM flows");
    EXPECT_EQ(asked.text, "sum(pktsSnt)\tcount(*)\n6\t2\n");
    EXPECT_EQ(asked.answer.damaged, 2U);
    const std::string json = write("x.json", "{\"flowInd\":1}\n{\"flowInd\":\nx\n{\"flowInd\":2}\n");
    const Asked of_json = ask_files({json}, "SELECT sum(flowInd) FROM flows");
    EXPECT_EQ(of_json.text, "sum(flowInd)\n3\n");
    EXPECT_EQ(of_json.answer.damaged, 2U);
}

TEST_F(QueryTest, WhatIsNoFileOfRowsIsNamed)
{
    EXPECT_NE(ask_files({folder_ / "none"}, "SELECT 1").error.find("No such file"), std::string::npos);
    EXPECT_NE(ask_files({write("a", "just text\n")}, "SELECT 1").error.find("no file of flows or packets"),
              std::string::npos);
    EXPECT_NE(ask_files({write("b", "%a\ta\n")}, "SELECT 1").error, "");
    EXPECT_NE(ask_files({write("c", "{")}, "SELECT 1").error, "");
    EXPECT_NE(ask_files({write("d", "")}, "SELECT 1").error.find("empty"), std::string::npos);
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    EXPECT_NE(ask_files({folder_ / "fifo"}, "SELECT 1").error.find("read twice"), std::string::npos);
    EXPECT_NE(rows("SELECT * FROM packets").find("no such table: packets"), std::string::npos);
    EXPECT_NE(rows("SELECT no_column FROM flows").find("no such column"), std::string::npos);
    EXPECT_NE(rows("SELECT").find("error"), std::string::npos);
}

TEST_F(QueryTest, AnswersAreTablesTsvCsvAndJson)
{
    const std::string path = write("x_flows.txt", kFlows);
    const std::string sql = "SELECT dir, pktsSnt, srcIPOrg, srcPort FROM flows WHERE flowInd <> 1";
    EXPECT_EQ(ask_files({path}, sql, AnswerFormat::kTable).text, "dir  pktsSnt  srcIPOrg  srcPort\n"
                                                                 "A          5  a \"b\", c       53\n"
                                                                 "A          1\n");
    EXPECT_EQ(ask_files({path}, sql, AnswerFormat::kCsv).text,
              "dir,pktsSnt,srcIPOrg,srcPort\nA,5,\"a \"\"b\"\", c\",53\nA,1,,\n");
    EXPECT_EQ(ask_files({path}, sql, AnswerFormat::kJson).text,
              "[\n{\"dir\":\"A\",\"pktsSnt\":5,\"srcIPOrg\":\"a \\\"b\\\", c\",\"srcPort\":53},\n"
              "{\"dir\":\"A\",\"pktsSnt\":1,\"srcIPOrg\":\"\",\"srcPort\":null}\n]\n");
    EXPECT_EQ(ask_files({path}, "SELECT 1 FROM flows WHERE 0", AnswerFormat::kJson).text, "[]\n");
}

TEST_F(QueryTest, FlowsGoIntoAList)
{
    const std::string path = write("x_flows.txt", kFlows);
    const Asked asked =
        ask_files({path}, "SELECT flowInd FROM flows", AnswerFormat::kTable, ReadyQuestion::kNone, folder_ / "list");
    EXPECT_EQ(read_file(folder_ / "list"), "# flowInd\n1-2\n30\n");
    EXPECT_EQ(asked.answer.flows, 3U);
    EXPECT_NE(ask_files({path}, "SELECT dir FROM flows", AnswerFormat::kTable, ReadyQuestion::kNone, folder_ / "list")
                  .error.find("flowInd"),
              std::string::npos);
}

TEST_F(QueryTest, HealthCountsTheRowsOfEachBit)
{
    const Asked asked = ask_files({write("x_flows.txt", kFlows)}, "", AnswerFormat::kTsv, ReadyQuestion::kHealth);
    EXPECT_EQ(asked.text,
              "what\tvalue\nrows\t4\nflows\t3\nfirst packet, UTC\t2002-05-23 16:35:01.691172\npackets\t36\n"
              "rows with flowStat: IPv4 flow\t2\nrows with flowStat: B\t1\nrows with flowStat: IPv6 flow\t1\n")
        << asked.error;
}

TEST_F(QueryTest, TypesOfColumnsThatNoPluginHasComeFromTheHeadersFile)
{
    write("x_headers.txt", "# Date: x\n# Col No.\tType\tName\tDescription\n1\tU64\tflowInd\tFlow index\n"
                           "2\tH8\tmine\tBits of mine\n3\tSC:R\twords\tA list\n");
    const Asked asked = ask_files({write("x_flows.txt", "%flowInd\tmine\twords\tother\n1\t0x41\t1;2\t7\n")},
                                  "SELECT mine, mine & 1, typeof(words), words, other + 1 FROM flows");
    EXPECT_EQ(asked.text.substr(asked.text.find('\n') + 1), "0x41\t1\ttext\t1;2\t8\n") << asked.error;
}

TEST(JsonRow, TakesWhatTheJsonSinkWritesAndRefusesTheRest)
{
    const auto read = [](const std::string& line) {
        std::string all;
        JsonRow row(line);
        std::string_view key;
        JsonValue value;
        while (row.next(&key, &value))
            all += std::string(key) + "=" + std::string(value.text) + "|";
        return all + (row.damaged() ? "damaged" : "");
    };
    EXPECT_EQ(read(R"({"a":1,"b":"x\"y\\z\n","c":[],"d":["p","q"],"e":null})"), R"(a=1|b=x"y\\z\n|c=|d=p;q|e=null|)");
    EXPECT_EQ(read(R"({"a":[["m","n",1],["o","p",2]]})"), "a=m_n_1;o_p_2|");
    EXPECT_EQ(read(R"({"a":"\u00e9\ud83d\ude00\u0001"})"), "a=\xc3\xa9\xf0\x9f\x98\x80\\u0001|");
    EXPECT_EQ(read("{}"), "");
    EXPECT_EQ(read(" { } "), "");
    for (const char* wrong : {"", "{", "x", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\u00",
                              "{\"a\":[", "{\"a\":[1", "{\"a\":[[[[1]]]]}", "{} x"})
        EXPECT_TRUE(read(wrong).ends_with("damaged")) << wrong;
}

} // namespace
} // namespace flowxdp::query
