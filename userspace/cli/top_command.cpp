// SPDX-License-Identifier: BSD-2-Clause
#include "cli/top_command.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/top_table.h"
#include "core/unique_fd.h"
#include "live/live_sensor.h"

namespace flowxdp {
namespace {

std::vector<PinnedSensor> sensors_of(const TopOptions& options)
{
    return find_pinned_sensors("read the sensors' flows", options.interfaces);
}

// The terminal in raw mode on its second screen; as it was when this ends, however it ends.
class Screen {
  public:
    Screen()
    {
        tcgetattr(0, &before_);
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(0, TCSANOW, &raw);
        write("\x1b[?1049h\x1b[?25l"); // alternate screen, no cursor
    }
    ~Screen()
    {
        write("\x1b[?25h\x1b[?1049l");
        tcsetattr(0, TCSANOW, &before_);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    [[nodiscard]] static winsize size()
    {
        winsize w{};
        if (ioctl(1, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
            w = {24, 80, 0, 0};
        return w;
    }
    // Clears the rest of each line after its text, and everything below the last line: no flicker.
    static void show(const std::vector<std::string>& lines)
    {
        std::string out = "\x1b[H";
        for (std::size_t i = 0; i < lines.size(); i++)
            out += lines[i] + "\x1b[0m\x1b[K" + (i + 1 < lines.size() ? "\r\n" : "");
        write(out + "\x1b[J");
    }

  private:
    static void write(const std::string& text)
    {
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }
    termios before_{};
};

// What the keys have chosen.
struct View {
    std::size_t key = 0; // in kTopKeys
    std::size_t first = 0;
    bool talkers = false, paused = false, quit = false, help = false;

    void press(const std::string& keys, std::size_t page)
    {
        static constexpr std::size_t kKeys = std::size(kTopKeys);
        const bool help_before = std::exchange(help, false); // any key closes it
        if (keys == "h" || keys == "?")
            help = !help_before;
        else if (keys == "q")
            quit = true;
        else if (keys == "s" || keys == "\x1b[C")
            key = (key + 1) % kKeys;
        else if (keys == "\x1b[D")
            key = (key + kKeys - 1) % kKeys;
        else if (keys == "t")
            talkers = !talkers;
        else if (keys == "p" || keys == " ")
            paused = !paused;
        else if (keys == "\x1b[A")
            first -= std::min<std::size_t>(first, 1);
        else if (keys == "\x1b[B")
            first++;
        else if (keys == "\x1b[5~")
            first -= std::min(first, page);
        else if (keys == "\x1b[6~")
            first += page;
    }
};

// Splits what was read into keys: one character, or a whole escape sequence.
std::vector<std::string> keys_in(const std::string& bytes)
{
    std::vector<std::string> keys;
    for (std::size_t at = 0; at < bytes.size();) {
        std::size_t end = at + 1;
        if (bytes[at] == '\x1b' && end < bytes.size() && (bytes[end] == '[' || bytes[end] == 'O')) {
            end++;
            while (end < bytes.size() && !(bytes[end] >= '@' && bytes[end] <= '~'))
                end++;
            end = std::min(end + 1, bytes.size());
        }
        keys.push_back(bytes.substr(at, end - at));
        at = end;
    }
    return keys;
}

constexpr const char* kHelp[] = {
    "",
    "  s, left, right   sort by rate (bit/s), bytes, packets, pps (packets/s),",
    "                   duration, idle; the column with * is sorted by",
    "  t                talkers (addresses that send) or flows",
    "  up, down         a line further; page up, page down: a screen",
    "  p, blank         pause",
    "  h, ?             this text; any key closes it",
    "  q                quit; so does Ctrl-C",
    "",
    "  Rates are those between two looks (-i). Bytes are IP octets, of flows",
    "  without IP bytes on the wire. A long address is shortened in its middle;",
    "  a wider terminal shows more columns.",
};

std::vector<std::string> screen_lines(const RateSample& sample, View* view, std::size_t limit)
{
    const winsize size = Screen::size();
    const std::size_t rows = view->talkers ? sample.talkers.size() : sample.flows.size();
    view->first = std::min(view->first, rows ? rows - 1 : 0);
    const std::size_t fits = std::min<std::size_t>(limit ? limit : rows, size.ws_row > 4 ? size.ws_row - 4u : 1);
    const std::string key = kTopKeys[view->key];
    std::vector<std::string> lines = {
        "flowxdp top: " + (sample.capacity ? summary_line(sample) : std::string("no sensor is attached")) +
            (view->paused ? " (paused)" : ""),
        fmt::format("sorted by {} (*) | h: help  s: sort  t: {}  p: pause  q: quit", key,
                    view->talkers ? "flows" : "talkers")};
    if (view->help) {
        lines.insert(lines.end(), std::begin(kHelp), std::end(kHelp));
        lines.resize(std::min<std::size_t>(lines.size(), size.ws_row));
    }
    for (std::string& line : lines)
        line.resize(std::min<std::size_t>(line.size(), size.ws_col));
    if (view->help)
        return lines;
    auto table = view->talkers ? talker_lines(sample, key, view->first, fits, size.ws_col)
                               : flow_lines(sample, key, view->first, fits, size.ws_col);
    table[0] = "\x1b[7m" + table[0];
    lines.insert(lines.end(), table.begin(), table.end());
    for (const std::string& text : sample.unreadable)
        lines.push_back(text.substr(0, size.ws_col));
    return lines;
}

ExitCode run_screen(const TopOptions& options)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC));
    FlowRates rates;
    View view;
    view.key = static_cast<std::size_t>(std::ranges::find(kTopKeys, options.sort) - std::begin(kTopKeys));
    RateSample sample = rates.sample(sensors_of(options), boot_clock_ns());
    std::int64_t next_ns = boot_clock_ns() + static_cast<std::int64_t>(options.interval_ms) * 1000000;
    const Screen screen;
    while (!view.quit) {
        sort_sample(kTopKeys[view.key], &sample);
        Screen::show(screen_lines(sample, &view, options.count));
        const std::int64_t left_ms = std::max<std::int64_t>(0, (next_ns - boot_clock_ns()) / 1000000 + 1);
        pollfd polled[] = {{0, POLLIN, 0}, {signals.get(), POLLIN, 0}};
        poll(polled, 2, static_cast<int>(left_ms));
        if (polled[1].revents) {
            signalfd_siginfo info{};
            if (read(signals.get(), &info, sizeof info) != sizeof info || info.ssi_signo != SIGWINCH)
                break;
        }
        if (polled[0].revents) {
            std::array<char, 64> bytes{};
            const ssize_t n = read(0, bytes.data(), bytes.size());
            if (n <= 0)
                break; // the terminal is gone
            for (const std::string& key : keys_in(std::string(bytes.data(), static_cast<std::size_t>(n))))
                view.press(key, Screen::size().ws_row);
        }
        if (boot_clock_ns() < next_ns)
            continue;
        next_ns = boot_clock_ns() + static_cast<std::int64_t>(options.interval_ms) * 1000000;
        if (!view.paused)
            sample = rates.sample(sensors_of(options), boot_clock_ns());
    }
    return ExitCode::kOk;
}

// Two looks, an interval apart: rates need both.
ExitCode run_once(const TopOptions& options)
{
    FlowRates rates;
    rates.sample(sensors_of(options), boot_clock_ns());
    poll(nullptr, 0, static_cast<int>(options.interval_ms));
    RateSample sample = rates.sample(sensors_of(options), boot_clock_ns());
    sort_sample(options.sort, &sample);
    constexpr std::size_t kLines = 20, kJsonObjects = 1000;
    const std::size_t most = options.count  ? options.count
                             : options.all  ? std::max(sample.flows.size(), sample.talkers.size())
                             : options.json ? kJsonObjects
                                            : kLines;
    if (options.json) {
        fmt::print("{}\n", sample_json(sample, most));
        return ExitCode::kOk;
    }
    if (!sample.capacity)
        fmt::print("no sensor is attached\n");
    else
        fmt::print("{}\n", summary_line(sample));
    // A pipe gets every column, a terminal what fits.
    const std::size_t width = isatty(1) ? Screen::size().ws_col : 0;
    const auto print = [most](const std::vector<std::string>& lines, std::size_t in_all, const char* what) {
        for (const std::string& line : lines)
            fmt::print("{}\n", line);
        if (in_all > most)
            fmt::print("... and {} {} more (-n N or --all shows them)\n", in_all - most, what);
    };
    print(flow_lines(sample, options.sort, 0, most, width), sample.flows.size(), "flows");
    print(talker_lines(sample, options.sort, 0, most, width), sample.talkers.size(), "talkers");
    for (const std::string& text : sample.unreadable)
        fmt::print("{}\n", text);
    return ExitCode::kOk;
}

} // namespace

ExitCode run_top_command(const TopOptions& options)
{
    return options.once || options.json || !isatty(0) || !isatty(1) ? run_once(options) : run_screen(options);
}

} // namespace flowxdp
