// SPDX-License-Identifier: BSD-2-Clause
// Names, messages and flows of DNS: the example of RFC 1035 4.1.4, messages made by hand, every truncation of them.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dns_flow.h"
#include "dns_message.h"
#include "dns_stream.h"

namespace flowxdp::dns {
namespace {

using Wire = std::vector<std::uint8_t>;

Wire operator+(Wire left, const Wire& right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Wire number(unsigned value)
{
    return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

// "www.example.org" as labels and the root.
Wire name(std::string_view text)
{
    Wire out;
    while (!text.empty()) {
        const std::string_view label = text.substr(0, text.find('.'));
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
        text.remove_prefix(std::min(text.size(), label.size() + 1));
    }
    out.push_back(0);
    return out;
}

Wire pointer(unsigned offset)
{
    return number(0xc000 | offset);
}

Wire header(unsigned id, unsigned flags, unsigned questions, unsigned answers = 0, unsigned authorities = 0,
            unsigned additionals = 0)
{
    return number(id) + number(flags) + number(questions) + number(answers) + number(authorities) + number(additionals);
}

Wire question(const Wire& wire_name, unsigned type, unsigned class_code = 1)
{
    return wire_name + number(type) + number(class_code);
}

Wire record(const Wire& wire_name, unsigned type, unsigned ttl, const Wire& data, unsigned class_code = 1)
{
    return wire_name + number(type) + number(class_code) + number(ttl >> 16) + number(ttl & 0xffff) +
           number(static_cast<unsigned>(data.size())) + data;
}

constexpr unsigned kQuery = 0x0100, kAnswer = 0x8180, kNoSuchName = 0x8183;

Wire query(unsigned id, std::string_view asked = "www.example.org", unsigned type = kTypeA)
{
    return header(id, kQuery, 1) + question(name(asked), type);
}

Wire answer(unsigned id)
{
    return header(id, kAnswer, 1, 1) + question(name("www.example.org"), kTypeA) +
           record(pointer(12), kTypeA, 300, {198, 51, 100, 20});
}

std::string name_at(const Wire& message, std::size_t offset, Fault expected = Fault::kNone, std::size_t end = 0)
{
    Text text;
    EXPECT_EQ(static_cast<int>(read_name(message, &offset, &text)), static_cast<int>(expected));
    if (end) {
        EXPECT_EQ(offset, end);
    }
    return std::string(text.view());
}

// All of it, with the fault at its end.
struct Whole {
    std::vector<Question> questions;
    std::vector<Record> records;
    Fault fault = Fault::kNone;
};
Whole read(const Wire& message)
{
    Whole whole;
    auto reader = MessageReader::open(message);
    if (!reader)
        return whole;
    for (Question q; reader->next_question(&q);)
        whole.questions.push_back(q);
    for (Record r; reader->next_record(&r);)
        whole.records.push_back(r);
    whole.fault = reader->fault();
    return whole;
}

TEST(DnsName, IsThatOfTheStandardsExample)
{
    // RFC 1035 4.1.4: F.ISI.ARPA at 20, FOO and a pointer to 20 at 40, a pointer to ARPA (26) at 64, the root at 92.
    Wire message(93);
    const auto put = [&](std::size_t at, const Wire& bytes) {
        std::copy(bytes.begin(), bytes.end(), message.begin() + at);
    };
    put(20, name("F.ISI.ARPA"));
    put(40, Wire{3, 'F', 'O', 'O'} + pointer(20));
    put(64, pointer(26));
    EXPECT_EQ(name_at(message, 20, Fault::kNone, 32), "F.ISI.ARPA");
    EXPECT_EQ(name_at(message, 40, Fault::kNone, 46), "FOO.F.ISI.ARPA");
    EXPECT_EQ(name_at(message, 64, Fault::kNone, 66), "ARPA");
    EXPECT_EQ(name_at(message, 92, Fault::kNone, 93), ".");
}

TEST(DnsName, PointsBackwardsOnly)
{
    EXPECT_EQ(name_at(Wire(12) + pointer(12), 12, Fault::kPointer), "") << "to itself";
    EXPECT_EQ(name_at(Wire(12) + pointer(14) + name("a"), 12, Fault::kPointer), "") << "forwards";
    EXPECT_EQ(name_at(Wire(12) + Wire{1, 'a'} + pointer(12), 12, Fault::kPointer), "a")
        << "to the start of its own labels";
    // 12 -> 14 would be a loop by two steps; 14 leads back to 12, which leads forwards.
    EXPECT_EQ(name_at(Wire(12) + pointer(14) + pointer(12), 14, Fault::kPointer), "");
}

TEST(DnsName, HasAtMost255Bytes)
{
    const std::string label(63, 'x');
    // Three labels of 63 and one of 61: 3 * 64 + 62 + 1 = 255 bytes.
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'y');
    EXPECT_EQ(name_at(name(longest), 0, Fault::kNone, 255), longest);
    name_at(name(longest + "y"), 0, Fault::kLabel);
    // The same by pointers: each name of 64 bytes ends in the one before.
    Wire message = name(label);
    for (unsigned at = 0, i = 0; i < 3; i++) {
        const unsigned start = static_cast<unsigned>(message.size());
        Wire next = name(label);
        next.pop_back();
        message = message + next + pointer(at);
        at = start;
    }
    name_at(message, 65 + 66 * 2, Fault::kLabel);
    EXPECT_EQ(name_at(message, 65 + 66).size(), 3 * 63U + 2);
    // No more labels than fit, however many pointers: 127 labels of one byte.
    EXPECT_EQ(name_at(name([] {
                          std::string text = "a";
                          for (int i = 1; i < 127; i++)
                              text += ".a";
                          return text;
                      }()),
                      0, Fault::kNone, 255)
                  .size(),
              253U);
}

TEST(DnsName, EscapesWhatIsNoText)
{
    EXPECT_EQ(name_at({3, 'a', '.', 'b', 1, '\\', 0}, 0), "a\\.b.\\\\") << "RFC 1035 5.1";
    EXPECT_EQ(name_at({4, 0, 10, 0x7f, 0xff, 0}, 0), "\\000\\010\\127\\255");
    EXPECT_EQ(name_at({3, 'M', 0xc3, 0xbc, 0}, 0), "M\xc3\xbc") << "UTF-8 stays (RFC 6762 16)";
    EXPECT_EQ(name_at({2, 0xc3, 'a', 0}, 0), "\\195a");
    EXPECT_EQ(name_at({3, 0xed, 0xa0, 0x80, 0}, 0), "\\237\\160\\128") << "a surrogate is no UTF-8 (RFC 3629 4)";
    EXPECT_EQ(name_at({2, 0xc0, 0x80, 0}, 0), "\\192\\128") << "overlong";
    EXPECT_EQ(name_at({0x41, 0}, 0, Fault::kLabel), "") << "RFC 6891 5: a label type that nobody uses";
    // 63 bytes of four characters are 252, one dot and one more label of such bytes do not fit 255.
    Text text;
    std::size_t offset = 0;
    Wire wire = Wire{63} + Wire(63, 1) + Wire{1, 1, 0};
    EXPECT_EQ(static_cast<int>(read_name(wire, &offset, &text)), static_cast<int>(Fault::kNone));
    EXPECT_TRUE(text.cut());
    EXPECT_EQ(text.view().size(), 253U);
}

TEST(DnsMessage, HasTheDataOfItsRecords)
{
    const Wire asked = question(name("example.org"), kTypeAny);
    Wire message = header(7, kAnswer, 1, 9, 1, 2) + asked;
    const Wire owner = pointer(12);
    Wire v6(16);
    v6[0] = 0x20, v6[1] = 0x01, v6[15] = 1;
    message = message + record(owner, kTypeA, 60, {192, 0, 2, 1}) + record(owner, kTypeAaaa, 61, v6) +
              record(owner, kTypeNs, 62, Wire{2, 'n', 's'} + pointer(12)) +
              record(owner, kTypeMx, 63, number(10) + Wire{2, 'm', 'x'} + pointer(12)) +
              record(owner, kTypeSrv, 64, number(1) + number(2) + number(5060) + name("sip.example.org")) +
              record(owner, kTypeTxt, 65, Wire{3, 'a', '=', '1', 0, 2, 'b', 'c'}) +
              record(owner, kTypeHttps, 66, number(1) + Wire{0} + Wire{0, 1, 0, 3, 2, 'h', '2'}) +
              record(owner, 43, 67, {1, 2, 3}) + record(owner, kTypeCname, 68, name("other.example.org")) +
              record(owner, kTypeSoa, 69, name("primary.example.org") + name("admin.example.org") + Wire(20)) +
              record({0}, kTypeOpt, 0x8000, {}, 1232) + record(owner, kTypePtr, 70, name("host"));
    const Whole whole = read(message);
    ASSERT_EQ(whole.fault, Fault::kNone);
    ASSERT_EQ(whole.records.size(), 12U);
    for (const Record& r : whole.records)
        if (r.type != kTypeOpt) {
            EXPECT_EQ(r.name.view(), "example.org");
        }
    EXPECT_EQ(std::memcmp(whole.records[0].data, "\xc0\x00\x02\x01", 4), 0);
    EXPECT_EQ(whole.records[0].ttl, 60U);
    EXPECT_EQ(std::memcmp(whole.records[1].data, v6.data(), 16), 0);
    EXPECT_EQ(whole.records[2].text.view(), "ns.example.org");
    EXPECT_EQ(whole.records[3].text.view(), "mx.example.org");
    EXPECT_EQ(whole.records[3].preference, 10);
    EXPECT_EQ(whole.records[4].text.view(), "sip.example.org");
    EXPECT_EQ(whole.records[4].preference, 1);
    EXPECT_EQ(whole.records[4].weight, 2);
    EXPECT_EQ(whole.records[4].port, 5060);
    EXPECT_EQ(whole.records[5].text.view(), "a=1bc");
    EXPECT_EQ(whole.records[6].text.view(), ".");
    EXPECT_FALSE(whole.records[7].shown);
    EXPECT_EQ(whole.records[8].text.view(), "other.example.org");
    EXPECT_EQ(whole.records[9].text.view(), "primary.example.org");
    EXPECT_EQ(whole.records[10].class_code, 1232);
    EXPECT_EQ(whole.records[10].ttl, 0x8000U);
    EXPECT_EQ(whole.records[11].text.view(), "host");
}

TEST(DnsMessage, GivesWhatStandsBeforeItsBreak)
{
    const Wire message = answer(7);
    for (std::size_t size = 0; size < message.size(); size++) {
        // Bytes on the heap, so that a sanitizer sees a read behind them.
        const Wire cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
        const Whole whole = read(cut);
        EXPECT_EQ(whole.questions.size(), size >= 12 + 21 ? 1U : 0U) << size;
        EXPECT_EQ(whole.records.size(), 0U) << size;
        EXPECT_EQ(static_cast<int>(whole.fault), static_cast<int>(size < 12 ? Fault::kNone : Fault::kEnd)) << size;
    }
    EXPECT_EQ(read(message).records.size(), 1U);
}

TEST(DnsMessage, BelievesNoLength)
{
    const Wire start = header(7, kAnswer, 0, 1);
    EXPECT_EQ(read(start + record(name("a"), kTypeA, 1, {1, 2, 3})).fault, Fault::kEnd);
    EXPECT_EQ(read(start + record(name("a"), kTypeA, 1, {})).fault, Fault::kNone) << "RFC 2136 2.5.2: no data";
    EXPECT_EQ(read(start + record(name("a"), kTypeTxt, 1, {5, 'a'})).fault, Fault::kEnd);
    EXPECT_EQ(read(start + record(name("a"), kTypeSrv, 1, {0, 1, 0, 2, 0, 3})).fault, Fault::kEnd) << "no target";
    // The name goes on behind the record's data, where another record stands.
    EXPECT_EQ(read(header(7, kAnswer, 0, 2) + record(name("a"), kTypeNs, 1, {3, 'n', 's'}) +
                   record({0}, kTypeA, 1, {1, 2, 3, 4}))
                  .fault,
              Fault::kEnd);
    EXPECT_EQ(read(header(7, kAnswer, 0xffff, 0xffff, 0xffff, 0xffff)).fault, Fault::kEnd);
}

class DnsFlow : public testing::Test {
  protected:
    bool add(const Wire& message, unsigned direction, std::int64_t ts_ns, bool whole = true)
    {
        return messages->add(message, {ts_ns, static_cast<std::uint8_t>(direction), true, whole});
    }
    std::string query_name(std::size_t i) { return std::string(messages->text(messages->query(i).name)); }

    std::unique_ptr<FlowMessages> messages{new FlowMessages{}};
};

TEST_F(DnsFlow, KnowsBothSidesAndTheTimeBetweenThem)
{
    EXPECT_TRUE(add(query(7), 0, 1'000));
    EXPECT_TRUE(add(answer(7), 1, 5'000));
    const auto& asked = messages->sums(0);
    const auto& answered = messages->sums(1);
    EXPECT_EQ(asked.status, kStatDns);
    EXPECT_EQ(answered.status, kStatDns);
    EXPECT_EQ(asked.queries, 1U);
    EXPECT_EQ(answered.responses, 1U);
    EXPECT_EQ(asked.last_flags, kQuery);
    EXPECT_EQ(answered.last_flags, kAnswer);
    EXPECT_EQ(asked.flags, 0x10) << "RD";
    EXPECT_EQ(answered.flags, 0x98) << "QR, RD, RA";
    EXPECT_EQ(answered.codes, 1U);
    EXPECT_EQ(answered.answered, 1U);
    EXPECT_EQ(answered.fastest_ns, 4'000);
    EXPECT_EQ(answered.slowest_ns, 4'000);
    EXPECT_EQ(answered.response_bytes, 49U) << "12 + 21 + 16";
    EXPECT_EQ(answered.response_question_bytes, 33U);
    ASSERT_EQ(messages->query_count(), 2U);
    ASSERT_EQ(messages->answer_count(), 1U);
    EXPECT_EQ(messages->answer_direction(0), 1U);
    EXPECT_EQ(messages->answer(0).name, messages->query(0).name) << "one text is kept once";
    EXPECT_EQ(messages->text(messages->answer(0).name), "www.example.org");
}

TEST_F(DnsFlow, TimesTheFirstQueryOfAnId)
{
    add(query(7), 0, 1'000);
    add(query(7), 0, 3'000); // repeated
    add(query(8), 0, 3'500);
    add(answer(8), 1, 4'000);
    add(answer(7), 1, 6'000);
    add(answer(7), 1, 9'000);  // once more: it has no query
    add(answer(99), 1, 9'000); // nobody asked
    add(query(7), 1, 9'500);   // the other side asks with the same id
    const auto& sums = messages->sums(1);
    EXPECT_EQ(sums.answered, 2U);
    EXPECT_EQ(sums.responses, 4U);
    EXPECT_EQ(sums.fastest_ns, 500);
    EXPECT_EQ(sums.slowest_ns, 5'000);
    EXPECT_EQ(sums.total_ns, 5'500);
    EXPECT_EQ(messages->sums(0).answered, 0U);
}

TEST_F(DnsFlow, SaysWhenItForgetsAQuery)
{
    for (unsigned id = 0; id < FlowMessages::kMostOpen; id++)
        add(query(id), 0, id);
    EXPECT_EQ(messages->sums(0).status & kStatOpenFull, 0U);
    add(query(1000), 0, 1000);
    EXPECT_NE(messages->sums(0).status & kStatOpenFull, 0U);
    add(answer(0), 1, 2000);
    EXPECT_EQ(messages->sums(1).answered, 0U) << "the oldest one was forgotten";
    add(answer(1000), 1, 2000);
    EXPECT_EQ(messages->sums(1).answered, 1U);
}

TEST_F(DnsFlow, CountsAndMarksWhatItDoesNotList)
{
    for (unsigned i = 0; i < FlowMessages::kMostQueries; i++)
        add(query(i, "a"), 0, i);
    EXPECT_EQ(messages->sums(0).status & kStatQueriesFull, 0U);
    add(query(100, "b", kTypeAxfr), 0, 100);
    EXPECT_NE(messages->sums(0).status & kStatQueriesFull, 0U);
    EXPECT_NE(messages->sums(0).status & kStatAxfr, 0U) << "the types of all questions are looked at";
    EXPECT_EQ(messages->query_count(), FlowMessages::kMostQueries);
    EXPECT_EQ(messages->sums(0).queries, FlowMessages::kMostQueries + 1);
    EXPECT_EQ(messages->sums(0).entries[0], FlowMessages::kMostQueries + 1);

    Wire big = header(1, kAnswer, 0, FlowMessages::kMostRecords + 1);
    for (unsigned i = 0; i <= FlowMessages::kMostRecords; i++)
        big = big + record(name("a"), kTypeA, i, {192, 0, 2, static_cast<std::uint8_t>(i)});
    add(big, 1, 100);
    EXPECT_EQ(messages->answer_count(), FlowMessages::kMostRecords);
    EXPECT_EQ(messages->sums(1).status, kStatDns | kStatAnswersFull);
}

TEST_F(DnsFlow, MarksTextsWithoutRoom)
{
    // Names of 200 bytes: three and their lengths fit into 784, the fourth does not, a short one does.
    static_assert(FlowMessages::kTextBytes / 201 == 3);
    const std::string label(63, 'x');
    const auto long_name = [&](char last) { return label + "." + label + "." + label + "." + std::string(8, last); };
    for (unsigned i = 0; i < 3; i++)
        add(query(i, long_name(static_cast<char>('a' + i))), 0, i);
    EXPECT_EQ(messages->sums(0).status, kStatDns);
    add(query(3, long_name('d')), 0, 3);
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatTextFull);
    add(query(4, "short"), 0, 4);
    EXPECT_EQ(query_name(2), long_name('c'));
    EXPECT_EQ(query_name(3), "");
    EXPECT_EQ(query_name(4), "short");
}

TEST_F(DnsFlow, MarksWhatIsWrong)
{
    EXPECT_FALSE(add({1, 2, 3}, 0, 1));
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatShort);
    *messages = {};
    EXPECT_FALSE(add(header(1, kQuery, 1) + question(pointer(12), kTypeA), 0, 1));
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatName);
    *messages = {};
    EXPECT_FALSE(add(header(1, kQuery, 2) + question(name("a"), kTypeA), 0, 1));
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatLength);
    *messages = {};
    EXPECT_TRUE(add(header(1, kQuery, 2) + question(name("a"), kTypeA), 0, 1, false));
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatUnfinished) << "the capture cut it";
    *messages = {};
    add(header(1, kQuery, 1, 0, 0, 1) + question(name("a"), kTypeAny) + record({0}, 250, 0, Wire(500)), 0, 1);
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatAny | kStatLong | kStatNotShown);
    *messages = {};
    add(header(1, kAnswer, 0, 1) + record(name("a"), kTypeTxt, 0, Wire{200} + Wire(200, 'x')), 0, 1);
    EXPECT_EQ(messages->sums(0).status, kStatDns | kStatTextCut);
    EXPECT_EQ(messages->text(messages->answer(0).text), std::string(128, 'x'));
}

TEST_F(DnsFlow, HasNoAddressOfARecordWithoutData)
{
    // RFC 2136 2.5.2: an update that deletes all addresses of a name.
    add(header(1, 5u << 11, 1, 0, 2) + question(name("example.org"), kTypeSoa) +
            record(name("www.example.org"), kTypeA, 0, {}, 255) + record(name("a"), kTypeA, 0, {192, 0, 2, 1}),
        0, 1);
    EXPECT_EQ(messages->sums(0).status, kStatDns);
    ASSERT_EQ(messages->answer_count(), 2U);
    EXPECT_FALSE(messages->has_address(0));
    EXPECT_TRUE(messages->has_address(1));
}

TEST_F(DnsFlow, KnowsTheSetsOfAllMessages)
{
    add(header(1, kNoSuchName, 0), 1, 1);
    add(header(2, 0x8005 | 5u << 11, 0), 1, 1); // REFUSED, update
    const auto& sums = messages->sums(1);
    EXPECT_EQ(sums.codes, 1u << 3 | 1u << 5);
    EXPECT_EQ(sums.opcodes, 1u << 0 | 1u << 5);
    EXPECT_EQ(sums.last_flags, 0xa805);
}

class DnsStream : public DnsFlow {
  protected:
    // The head of a stream after each of its packets, each of step bytes.
    bool deliver(const Wire& stream, std::size_t step, bool from_start = true, std::vector<fx_stream_gap> gaps = {},
                 std::size_t head = 16384)
    {
        bool more = true;
        for (std::size_t known = 0; more && known < stream.size();) {
            const std::size_t length = std::min(known + step, stream.size());
            const Wire now(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(length));
            more = add_stream(view(now, known, from_start, gaps, false), head, messages.get());
            known = length;
        }
        if (more)
            more = add_stream(view(stream, stream.size(), from_start, gaps, true), head, messages.get());
        return more;
    }
    static fx_stream view(const Wire& bytes, std::size_t known, bool from_start, const std::vector<fx_stream_gap>& gaps,
                          bool complete)
    {
        fx_stream stream{};
        stream.bytes = bytes.data();
        stream.length = bytes.size();
        stream.known_before = known;
        stream.ts_ns = static_cast<std::int64_t>(bytes.size());
        stream.gaps = gaps.data();
        stream.gap_count = gaps.size();
        stream.direction = 1;
        stream.from_start = from_start;
        stream.complete = complete;
        return stream;
    }
    static Wire framed(const Wire& message) { return number(static_cast<unsigned>(message.size())) + message; }
};

TEST_F(DnsStream, HasItsMessagesHoweverItIsCut)
{
    const Wire stream = framed(answer(1)) + framed(answer(2)) + framed(answer(3));
    for (std::size_t step = 1; step <= stream.size(); step++) {
        *messages = {};
        EXPECT_FALSE(deliver(stream, step));
        EXPECT_EQ(messages->sums(1).responses, 3U) << step;
        EXPECT_EQ(messages->answer_count(), 3U) << step;
        // Three messages of 51 bytes: only steps of a multiple of 51 cut none.
        EXPECT_EQ(messages->sums(1).status, kStatDns | (step % 51 ? kStatSegments : 0U)) << step;
    }
}

TEST_F(DnsStream, MarksAMessageThatDoesNotEnd)
{
    const Wire message = framed(answer(1)), stream = message + message;
    for (std::size_t size = message.size() + 1; size < stream.size(); size++) {
        *messages = {};
        EXPECT_FALSE(deliver(Wire(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)), size));
        EXPECT_EQ(messages->sums(1).status, kStatDns | kStatUnfinished) << size;
        EXPECT_EQ(messages->sums(1).responses, size < message.size() + 2 + 12 ? 1U : 2U) << size;
        EXPECT_EQ(messages->answer_count(), 1U);
    }
}

TEST_F(DnsStream, GoesOnBehindAMessageWithAGap)
{
    Wire stream = framed(answer(1)) + framed(answer(2)) + framed(answer(3));
    deliver(stream, stream.size(), true, {{60, 10}});
    EXPECT_EQ(messages->sums(1).responses, 2U);
    EXPECT_EQ(messages->sums(1).status, kStatDns | kStatUnfinished);
    *messages = {};
    deliver(stream, stream.size(), true, {{52, 10}});
    EXPECT_EQ(messages->sums(1).responses, 1U) << "nobody knows where the next one begins";
    EXPECT_EQ(messages->sums(1).status, kStatDns | kStatCorrupt);
}

TEST_F(DnsStream, IsEnteredLateAtASoundMessageOnly)
{
    const Wire stream = framed(answer(1)) + framed(answer(2));
    deliver(stream, stream.size(), false);
    EXPECT_EQ(messages->sums(1).responses, 2U);
    EXPECT_EQ(messages->sums(1).status, kStatDns);
    *messages = {};
    deliver(Wire(stream.begin() + 5, stream.end()), stream.size(), false);
    EXPECT_EQ(messages->sums(1).responses, 0U);
    EXPECT_EQ(messages->sums(1).status, kStatDns | kStatCorrupt);
}

TEST_F(DnsStream, SaysThatItsHeadIsFull)
{
    const Wire stream = framed(answer(1));
    deliver(stream, stream.size(), true, {}, stream.size());
    EXPECT_EQ(messages->sums(1).responses, 1U);
    EXPECT_EQ(messages->sums(1).status, kStatDns | kStatLater);
}

} // namespace
} // namespace flowxdp::dns
