// SPDX-License-Identifier: BSD-2-Clause
#include "capture/filter.h"

#include <fmt/format.h>

#include <array>

#include "capture/filter_memory.h"
#include "capture/link_type.h"

namespace flowxdp {

namespace {

constexpr std::uint32_t kEthernet = kLinkTypeEthernet;
// Link types with words of their own (802.11 frame types, SLL directions, ATM, MTP2, PPP): an expression that Ethernet
// does not know may be right for one of these.
constexpr std::array<std::uint32_t, 7> kOtherVocabularies = {127, 113, 276, 123, 140, 9, 101};

class Program {
  public:
    Program() = default;
    Program(Program&& other) noexcept : code_(std::exchange(other.code_, {})) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    Program& operator=(Program&&) = delete;
    ~Program() { pcap_freecode(&code_); }

    static Result<Program> compile(const std::string& expression, std::uint32_t link_type)
    {
        std::string reason;
        PcapHandle handle = open_link_type(link_type, &reason);
        if (!handle)
            return Error{reason};
        Program program;
        if (pcap_compile(handle.get(), &program.code_, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
            return Error{pcap_geterr(handle.get())};
        return program;
    }

    [[nodiscard]] std::vector<sock_filter> instructions() const
    {
        std::vector<sock_filter> out;
        for (u_int i = 0; i < code_.bf_len; i++)
            out.push_back({code_.bf_insns[i].code, code_.bf_insns[i].jt, code_.bf_insns[i].jf, code_.bf_insns[i].k});
        return out;
    }

    // Why the filter has no answer; empty when it has.
    [[nodiscard]] std::string no_answer() const
    {
        const auto read = unwritten_memory_read(instructions());
        return read ? unwritten_memory_reason(*read) : std::string();
    }

    [[nodiscard]] bool matches(const Frame& frame) const
    {
        struct pcap_pkthdr header = {};
        header.caplen = frame.cap_len;
        header.len = frame.wire_len;
        return pcap_offline_filter(&code_, &header, frame.data) != 0;
    }

  private:
    struct bpf_program code_ = {};
};

class CompiledFilter final : public PacketFilter {
  public:
    explicit CompiledFilter(std::string expression) : expression_(std::move(expression)) {}

    bool matches(const Frame& frame) override
    {
        if (frame.link_type != last_type_ || !looked_) {
            last_ = find_or_compile(frame.link_type);
            last_type_ = frame.link_type;
            looked_ = true;
        }
        return last_ != nullptr && last_->matches(frame);
    }

    [[nodiscard]] const std::map<std::uint32_t, std::string>& problems() const override { return problems_; }
    [[nodiscard]] const std::string& expression() const override { return expression_; }

  private:
    // Null: the expression has no meaning for this link type; problems_ says so. Map nodes keep their address.
    const Program* find_or_compile(std::uint32_t link_type)
    {
        if (auto found = programs_.find(link_type); found != programs_.end())
            return &found->second;
        if (problems_.contains(link_type))
            return nullptr;
        Result<Program> compiled = Program::compile(expression_, link_type);
        const std::string reason = compiled ? compiled->no_answer() : compiled.error().message;
        if (!reason.empty()) {
            problems_.emplace(link_type, reason);
            return nullptr;
        }
        return &programs_.emplace(link_type, compiled.take()).first->second;
    }

    std::string expression_;
    std::map<std::uint32_t, Program> programs_;
    std::map<std::uint32_t, std::string> problems_;
    const Program* last_ = nullptr;
    std::uint32_t last_type_ = 0;
    bool looked_ = false;
};

std::string shown(const std::string& expression)
{
    constexpr std::size_t kShown = 200; // a list of addresses may fill pages
    return expression.size() > kShown ? expression.substr(0, kShown) + "..." : expression;
}

Error cannot_compile(const std::string& expression, const std::string& reason)
{
    return Error{fmt::format("cannot compile the filter '{}': {}; the syntax is that of pcap-filter(7), "
                             "'tcpdump -d EXPRESSION' shows what an expression becomes",
                             shown(expression), reason)};
}

Error has_no_answer(const std::string& expression, const std::string& reason)
{
    return Error{fmt::format("the filter '{}' cannot be answered: {} ('tcpdump -d EXPRESSION' shows the instructions)",
                             shown(expression), reason)};
}

} // namespace

Result<std::vector<sock_filter>> compile_filter_program(const std::string& expression, std::uint32_t link_type)
{
    Result<Program> program = Program::compile(expression, link_type);
    if (!program)
        return cannot_compile(expression, program.error().message);
    if (const std::string reason = program->no_answer(); !reason.empty())
        return has_no_answer(expression, reason);
    return program->instructions();
}

Result<std::unique_ptr<PacketFilter>> PacketFilter::compile(const std::string& expression)
{
    Result<Program> ethernet = Program::compile(expression, kEthernet);
    if (ethernet)
        if (const std::string reason = ethernet->no_answer(); !reason.empty())
            return has_no_answer(expression, reason);
    bool usable = ethernet.ok();
    for (std::size_t i = 0; !usable && i < kOtherVocabularies.size(); ++i)
        usable = Program::compile(expression, kOtherVocabularies[i]).ok();
    if (!usable)
        return cannot_compile(expression, ethernet.error().message);
    return std::unique_ptr<PacketFilter>(std::make_unique<CompiledFilter>(expression));
}

} // namespace flowxdp
