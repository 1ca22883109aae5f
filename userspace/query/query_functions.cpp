// SPDX-License-Identifier: BSD-2-Clause
#include "query/query_functions.h"

#include <arpa/inet.h>
#include <sqlite3.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace flowxdp::query {
namespace {

std::string_view text_of(sqlite3_value* value)
{
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text ? std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(value))) : std::string_view();
}

bool any_null(int count, sqlite3_value** values)
{
    for (int i = 0; i < count; i++)
        if (sqlite3_value_type(values[i]) == SQLITE_NULL)
            return true;
    return false;
}

void fail(sqlite3_context* context, const std::string& sentence)
{
    sqlite3_result_error(context, sentence.c_str(), static_cast<int>(sentence.size()));
}

// A whole number: a number, or text in decimal or with 0x in front.
std::optional<std::uint64_t> bits_of(sqlite3_value* value)
{
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return static_cast<std::uint64_t>(sqlite3_value_int64(value));
    std::string_view text = text_of(value);
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex)
        text.remove_prefix(2);
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, hex ? 16 : 10);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return bits;
}

void bits_set(sqlite3_context* context, int count, sqlite3_value** values, bool all)
{
    if (any_null(count, values))
        return;
    const auto value = bits_of(values[0]), mask = bits_of(values[1]);
    if (!value || !mask)
        return fail(context, fmt::format("{}: '{}' is no number: give 0x4000, '0x4000' or 16384",
                                         all ? "bitsallset" : "bitsanyset", text_of(values[value ? 1 : 0])));
    sqlite3_result_int(context, all ? (*value & *mask) == *mask : (*value & *mask) != 0);
}

// Numbers and ranges, "35;40-44". error: what is wrong in it.
struct Ranges {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
    std::string error;

    explicit Ranges(std::string_view text)
    {
        while (!text.empty()) {
            const std::size_t stop = text.find_first_of(";,");
            const std::string_view one = text.substr(0, stop);
            text.remove_prefix(stop == std::string_view::npos ? text.size() : stop + 1);
            const std::size_t dash = one.find('-');
            std::uint64_t low = 0, high = 0;
            if (!number(one.substr(0, dash), &low) ||
                !number(dash == std::string_view::npos ? one : one.substr(dash + 1), &high) || low > high) {
                error = fmt::format("'{}' is no number or range: write '35;40-44'", one);
                return;
            }
            all.emplace_back(low, high);
        }
    }
    static bool number(std::string_view text, std::uint64_t* value)
    {
        const bool hex = text.starts_with("0x");
        if (hex)
            text.remove_prefix(2);
        const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), *value, hex ? 16 : 10);
        return !text.empty() && wrong == std::errc() && end == text.data() + text.size();
    }
    [[nodiscard]] bool has(std::uint64_t value) const
    {
        for (const auto& [low, high] : all)
            if (value >= low && value <= high)
                return true;
        return false;
    }
};

// A network of either family, as 16 bytes.
struct Network {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;
    bool v6 = false, good = false;

    explicit Network(std::string_view text)
    {
        const std::size_t slash = text.find('/');
        good = read(text.substr(0, slash), &bytes, &v6);
        bits = v6 ? 128 : 32;
        if (good && slash != std::string_view::npos) {
            const std::string_view length = text.substr(slash + 1);
            unsigned given = 0;
            const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), given);
            good = !length.empty() && error == std::errc() && end == length.data() + length.size() && given <= bits;
            bits = given;
        }
    }
    static bool read(std::string_view text, std::array<std::uint8_t, 16>* bytes, bool* v6)
    {
        std::array<char, INET6_ADDRSTRLEN> word{};
        if (text.empty() || text.size() >= word.size())
            return false;
        text.copy(word.data(), text.size());
        *v6 = text.find(':') != std::string_view::npos;
        return ::inet_pton(*v6 ? AF_INET6 : AF_INET, word.data(), bytes->data()) == 1;
    }
    [[nodiscard]] bool has(std::string_view address) const
    {
        std::array<std::uint8_t, 16> other{};
        bool other_v6 = false;
        if (!read(address, &other, &other_v6) || other_v6 != v6)
            return false; // "-": an L2 flow
        for (unsigned i = 0; i < bits; i += 8) {
            const unsigned rest = bits - i;
            const auto mask = static_cast<std::uint8_t>(rest >= 8 ? 0xff : 0xff << (8 - rest));
            if ((other[i / 8] ^ bytes[i / 8]) & mask)
                return false;
        }
        return true;
    }
};

// What a constant argument means is read once a statement.
template <typename T>
const T& read_once(sqlite3_context* context, int argument, sqlite3_value* value, std::optional<T>* here)
{
    if (auto* kept = static_cast<T*>(sqlite3_get_auxdata(context, argument)))
        return *kept;
    const T& made = here->emplace(text_of(value));
    sqlite3_set_auxdata(context, argument, new T(made), [](void* p) { delete static_cast<T*>(p); });
    return made;
}

// in_list(values..., list): one of them.
void in_list(sqlite3_context* context, int count, sqlite3_value** values)
{
    if (sqlite3_value_type(values[count - 1]) == SQLITE_NULL)
        return;
    std::optional<Ranges> here;
    const Ranges& ranges = read_once(context, count - 1, values[count - 1], &here);
    if (!ranges.error.empty())
        return fail(context, ranges.error);
    bool found = false;
    for (int i = 0; i + 1 < count; i++)
        found = found || (sqlite3_value_type(values[i]) != SQLITE_NULL &&
                          ranges.has(static_cast<std::uint64_t>(sqlite3_value_int64(values[i]))));
    sqlite3_result_int(context, found);
}

void in_net(sqlite3_context* context, int count, sqlite3_value** values)
{
    if (sqlite3_value_type(values[count - 1]) == SQLITE_NULL)
        return;
    std::optional<Network> here;
    const Network& network = read_once(context, count - 1, values[count - 1], &here);
    if (!network.good)
        return fail(context, fmt::format("'{}' is no network: write 10.0.0.0/8, 2001:db8::/32 or an address",
                                         text_of(values[count - 1])));
    bool found = false;
    for (int i = 0; i + 1 < count; i++)
        found = found || network.has(text_of(values[i]));
    sqlite3_result_int(context, found);
}

void list_has(sqlite3_context* context, int count, sqlite3_value** values)
{
    if (any_null(count, values))
        return;
    std::string_view list = text_of(values[0]);
    const std::string_view element = text_of(values[1]);
    bool found = false;
    while (!list.empty() && !found) {
        const std::size_t stop = list.find(';');
        found = list.substr(0, stop) == element;
        list.remove_prefix(stop == std::string_view::npos ? list.size() : stop + 1);
    }
    sqlite3_result_int(context, found);
}

void decode(sqlite3_context* context, int count, sqlite3_value** values)
{
    if (any_null(count, values))
        return;
    const auto& catalog = *static_cast<const ColumnCatalog*>(sqlite3_user_data(context));
    const ColumnType& column = catalog.find(text_of(values[0]));
    const auto value = bits_of(values[1]);
    if (column.bits.empty() || !value)
        return fail(context, column.bits.empty()
                                 ? fmt::format("decode: column '{}' has no named bits: 'flowxdp decode' lists those "
                                               "that have",
                                               text_of(values[0]))
                                 : fmt::format("decode: '{}' is no number", text_of(values[1])));
    std::string text;
    for (const auto& [mask, meaning] : column.bits)
        if (*value & mask)
            text += (text.empty() ? "" : "; ") + meaning;
    sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

void utc(sqlite3_context* context, int count, sqlite3_value** values)
{
    if (any_null(count, values))
        return;
    const double value = sqlite3_value_double(values[0]);
    if (!(std::abs(value) < 1e12))
        return;
    const auto micros = static_cast<std::int64_t>(std::llround(value * 1e6));
    auto seconds = static_cast<std::time_t>(micros / 1000000);
    std::int64_t rest = micros % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    std::tm fields{};
    char text[64];
    if (!::gmtime_r(&seconds, &fields) || !std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &fields))
        return;
    const std::string all = fmt::format("{}.{:06}", text, rest);
    sqlite3_result_text(context, all.data(), static_cast<int>(all.size()), SQLITE_TRANSIENT);
}

struct Function {
    const char* name;
    int arguments;
    void (*call)(sqlite3_context*, int, sqlite3_value**);
};
constexpr Function kFunctions[] = {
    {"bitsanyset", 2, [](sqlite3_context* c, int n, sqlite3_value** v) { bits_set(c, n, v, false); }},
    {"bitsallset", 2, [](sqlite3_context* c, int n, sqlite3_value** v) { bits_set(c, n, v, true); }},
    {"flow", 2, in_list},
    {"packet", 2, in_list},
    {"port", 3, in_list},
    {"host", 3, in_net},
    {"ipinnet", 2, in_net},
    {"listhas", 2, list_has},
    {"decode", 2, decode},
    {"utc", 1, utc},
};

struct Shorthand {
    std::string_view name;
    const char* columns;
};
constexpr Shorthand kShorthands[] = {
    {"flow", "\"flowInd\", "},
    {"packet", "\"pktNo\", "},
    {"host", "\"srcIP\", \"dstIP\", "},
    {"port", "\"srcPort\", \"dstPort\", "},
};

bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

// The end of what begins at `at` and holds no code: a string, a quoted name, a comment. at itself: it is code.
std::size_t past_quoted(std::string_view sql, std::size_t at)
{
    const auto past = [&](std::string_view end, std::size_t from) {
        const std::size_t found = sql.find(end, from);
        return found == std::string_view::npos ? sql.size() : found + end.size();
    };
    const char c = sql[at];
    if (c == '\'' || c == '"' || c == '`')
        return past(std::string_view(&c, 1), at + 1);
    if (c == '[')
        return past("]", at + 1);
    if (sql.substr(at).starts_with("--"))
        return past("\n", at);
    if (sql.substr(at).starts_with("/*"))
        return past("*/", at + 2);
    return at;
}

// Whether the argument list that begins here is one argument.
bool is_one_argument(std::string_view sql, std::size_t at)
{
    unsigned depth = 1;
    bool something = false;
    while (at < sql.size()) {
        const std::size_t past = past_quoted(sql, at);
        something = something || past != at || (sql[at] != ' ' && sql[at] != ')');
        if (past != at) {
            at = past;
            continue;
        }
        if (sql[at] == '(')
            depth++;
        else if (sql[at] == ')' && --depth == 0)
            return something;
        else if (sql[at] == ',' && depth == 1)
            return false;
        at++;
    }
    return false;
}

} // namespace

Result<void> add_functions(sqlite3* database, const ColumnCatalog& catalog)
{
    for (const Function& f : kFunctions)
        if (sqlite3_create_function_v2(
                database, f.name, f.arguments, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                const_cast<ColumnCatalog*>(&catalog), f.call, nullptr, nullptr, nullptr) != SQLITE_OK)
            return Error{fmt::format("function {}: {}", f.name, sqlite3_errmsg(database))};
    return {};
}

std::string with_columns(const std::string& sql)
{
    std::string out;
    for (std::size_t at = 0; at < sql.size();) {
        if (const std::size_t past = past_quoted(sql, at); past != at) {
            out.append(sql, at, past - at);
            at = past;
            continue;
        }
        if (!is_word(sql[at])) {
            out += sql[at++];
            continue;
        }
        std::size_t end = at;
        while (end < sql.size() && is_word(sql[end]))
            end++;
        std::string word = sql.substr(at, end - at);
        out += word;
        for (char& c : word)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        std::size_t open = end;
        while (open < sql.size() && sql[open] == ' ')
            open++;
        at = end;
        if (open == sql.size() || sql[open] != '(' || !is_one_argument(sql, open + 1))
            continue;
        for (const Shorthand& shorthand : kShorthands)
            if (word == shorthand.name) {
                out.append(sql, end, open + 1 - end);
                out += shorthand.columns;
                at = open + 1;
            }
    }
    return out;
}

} // namespace flowxdp::query
