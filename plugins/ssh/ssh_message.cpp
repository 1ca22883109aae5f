// SPDX-License-Identifier: BSD-2-Clause
#include "ssh_message.h"

#include <openssl/evp.h>

#include <cstddef>
#include <optional>
#include <string>

namespace flowxdp::ssh {

namespace {

constexpr std::string_view kProof = "SSH-";
constexpr std::size_t kMostBannerLine = 255; // RFC 4253 4.2
constexpr std::size_t kKexInitLists = 10;    // the last two are languages

// Big-endian fields, never beyond the end.
class Fields {
  public:
    explicit Fields(std::string_view bytes) : bytes_(bytes) {}
    std::optional<std::uint32_t> number()
    {
        if (bytes_.size() < 4)
            return std::nullopt;
        std::uint32_t n = 0;
        for (int i = 0; i < 4; i++)
            n = n << 8 | static_cast<std::uint8_t>(bytes_[static_cast<std::size_t>(i)]);
        bytes_.remove_prefix(4);
        return n;
    }
    std::optional<std::string_view> string() // RFC 4251 5
    {
        const auto length = number();
        if (!length || *length > bytes_.size())
            return std::nullopt;
        const std::string_view text = bytes_.substr(0, *length);
        bytes_.remove_prefix(*length);
        return text;
    }
    bool skip(std::size_t bytes)
    {
        if (bytes_.size() < bytes)
            return false;
        bytes_.remove_prefix(bytes);
        return true;
    }

  private:
    std::string_view bytes_;
};

// Zeros when the library refuses the algorithm (FIPS mode has no MD5).
void digest(std::string_view bytes, const EVP_MD* kind, std::uint8_t* out)
{
    EVP_Digest(bytes.data(), bytes.size(), out, nullptr, kind, nullptr);
}

bool is_name(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

class Reader {
  public:
    Reader(const StreamView& head, const Side& other, Side* side) : head_(head), other_(other), s_(*side) {}

    bool run()
    {
        if (s_.phase == Phase::kBanner)
            banner();
        while (s_.phase == Phase::kPackets && packet()) {
        }
        if (head_.complete)
            s_.phase = Phase::kDone;
        const bool more = s_.phase != Phase::kDone;
        if (!(s_.stat & kSsh))
            s_ = {};
        return more;
    }

  private:
    void banner()
    {
        const std::string_view front = head_.text(0, kProof.size());
        if (front != kProof.substr(0, front.size()) || (head_.complete && front.size() < kProof.size())) {
            s_.phase = Phase::kDone;
            return;
        }
        const std::string_view bytes = head_.text(0, kMostBannerLine);
        const std::size_t end = bytes.find('\n');
        const bool ended = end != std::string_view::npos;
        if (!ended && bytes.size() < kMostBannerLine && !head_.complete)
            return;
        std::string_view text = bytes.substr(0, end);
        s_.stat |= kSsh;
        if (!(other_.stat & kSsh))
            s_.stat |= kFirstBanner;
        if (ended && !text.empty() && text.back() == '\r')
            text.remove_suffix(1);
        else
            s_.stat |= kOddBanner;
        if (head_.has_gap(0, text.size()))
            s_.stat |= kMalformed;
        if (text.find('\0') != std::string_view::npos)
            s_.stat |= kOddBanner;
        s_.banner_length = copy(text, s_.banner, kMostBanner);
        s_.offset = static_cast<std::uint32_t>(end + 1);
        const bool is_2 = text.substr(4, 2) == "2." || text.substr(4, 4) == "1.99";
        s_.phase = ended && is_2 ? Phase::kPackets : Phase::kDone;
    }

    // RFC 4253 6. Returns false when more bytes are needed, or none.
    bool packet()
    {
        constexpr std::size_t kHeader = 5; // packet_length, padding_length
        const std::string_view header = head_.text(s_.offset, kHeader);
        if (header.size() < kHeader)
            return false;
        const std::uint32_t length = *Fields(header).number();
        const auto padding = static_cast<std::uint8_t>(header[4]);
        // Encrypted bytes, too, after a NEWKEYS that nobody captured.
        if (head_.has_gap(s_.offset, s_.offset + kHeader) || length < padding + 2u || length > kHeadBytes)
            return malformed();
        const std::size_t end = s_.offset + 4 + static_cast<std::size_t>(length);
        if (end > head_.size())
            return false;
        if (head_.has_gap(s_.offset, end))
            s_.stat |= kMalformed;
        else
            message(head_.text(s_.offset + kHeader, length - 1 - padding));
        s_.offset = static_cast<std::uint32_t>(end);
        return s_.phase == Phase::kPackets;
    }

    bool malformed()
    {
        s_.stat |= kMalformed;
        s_.phase = Phase::kDone;
        return false;
    }

    void message(std::string_view payload)
    {
        constexpr std::uint8_t kKexInitMessage = 20, kNewKeysMessage = 21, kFirstKex = 30, kLastKex = 34;
        const auto number = static_cast<std::uint8_t>(payload[0]);
        payload.remove_prefix(1);
        if (number == kNewKeysMessage) {
            s_.stat |= kNewKeys;
            s_.phase = Phase::kDone;
        } else if (number == kKexInitMessage) {
            if (!(s_.stat & kKexInit) && !kex_init(payload))
                s_.stat |= kMalformed;
            s_.stat |= kKexInit;
        } else if (number >= kFirstKex && number <= kLastKex) {
            s_.messages |= static_cast<std::uint8_t>(1u << (number - kFirstKex));
            if (number == 31 || number == 33)
                host_key(payload);
        }
    }

    bool kex_init(std::string_view payload)
    {
        Fields fields(payload);
        if (!fields.skip(16)) // cookie
            return false;
        std::string_view lists[kKexInitLists];
        for (std::string_view& list : lists) {
            const auto text = fields.string();
            if (!text)
                return false;
            list = *text;
        }
        hassh(lists[kKex], lists[kCipherCs], lists[kMacCs], lists[kCompressionCs], s_.hassh);
        hassh(lists[kKex], lists[kCipherSc], lists[kMacSc], lists[kCompressionSc], s_.hassh_server);
        for (unsigned i = 0; i < kLists; i++) {
            if (i >= kCipherCs && i % 2 == 1 && lists[i] == lists[i - 1]) { // mostly one for both ways
                s_.list_offset[i] = s_.list_offset[i - 1];
                s_.list_length[i] = s_.list_length[i - 1];
                s_.lists_cut |= static_cast<std::uint8_t>((s_.lists_cut & 1u << (i - 1)) << 1);
                continue;
            }
            keep_list(i, lists[i]);
        }
        return true;
    }

    // What does not fit is cut behind a whole name.
    void keep_list(unsigned which, std::string_view list)
    {
        const std::size_t room = kMostLists - s_.lists_used;
        std::string_view kept = list;
        if (kept.size() > room) {
            const std::size_t comma = list.substr(0, room + 1).rfind(',');
            kept = list.substr(0, comma == std::string_view::npos ? 0 : comma);
            s_.lists_cut |= static_cast<std::uint8_t>(1u << which);
            s_.stat |= kListCut;
        }
        s_.list_offset[which] = s_.lists_used;
        s_.list_length[which] = static_cast<std::uint16_t>(kept.size());
        if (!kept.empty())
            std::memcpy(s_.lists + s_.lists_used, kept.data(), kept.size());
        s_.lists_used = static_cast<std::uint16_t>(s_.lists_used + kept.size());
    }

    static void hassh(std::string_view kex, std::string_view cipher, std::string_view mac, std::string_view compression,
                      std::uint8_t* out)
    {
        std::string text;
        text.reserve(kex.size() + cipher.size() + mac.size() + compression.size() + 3);
        for (const std::string_view part : {kex, cipher, mac, compression}) {
            if (part.data() != kex.data())
                text += ';';
            text += part;
        }
        digest(text, EVP_md5(), out);
    }

    // A reply begins with the host key, a group with a prime, whose first bytes are no name (RFC 4253 8, RFC 4419 3).
    void host_key(std::string_view payload)
    {
        const auto key = Fields(payload).string();
        if (!key || s_.has_host_key)
            return;
        const auto type = Fields(*key).string();
        if (!type || !is_name(*type))
            return;
        s_.has_host_key = 1;
        s_.key_type_length = copy(*type, s_.key_type, kMostKeyType);
        digest(*key, EVP_md5(), s_.key_md5);
        digest(*key, EVP_sha256(), s_.key_sha256);
    }

    std::uint8_t copy(std::string_view text, char* out, std::size_t most)
    {
        if (text.size() > most)
            s_.stat |= kTextCut;
        const std::size_t length = std::min(text.size(), most);
        if (length)
            std::memcpy(out, text.data(), length);
        return static_cast<std::uint8_t>(length);
    }

    const StreamView& head_;
    const Side& other_;
    Side& s_;
};

// Calls with each name of a comma-separated list until it returns true; returns whether it did.
template <typename Call>
bool any_name(std::string_view list, Call call)
{
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (call(list.substr(0, comma)))
            return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

} // namespace

bool read(const StreamView& head, const Side& other, Side* side)
{
    return Reader(head, other, side).run();
}

bool is_client(const Side& side, const Side& other, bool by_port)
{
    constexpr std::uint8_t kClientSends = 1 << 0 | 1 << 2 | 1 << 4, kServerSends = 1 << 1 | 1 << 3;
    if ((side.messages & kClientSends) || (other.messages & kServerSends))
        return true;
    if ((side.messages & kServerSends) || (other.messages & kClientSends))
        return false;
    return by_port;
}

std::string_view chosen(const Side& client, const Side& server, List which)
{
    std::string_view found;
    if (server.lists_cut & 1u << which)
        return found;
    any_name(client.list(which), [&](std::string_view name) {
        const bool both = any_name(server.list(which), [&](std::string_view other) { return other == name; });
        if (both)
            found = name;
        return both;
    });
    return found;
}

std::uint16_t stat_with_messages(const Side& side, std::string_view kex)
{
    enum class Kind : std::uint8_t { kDh, kGex, kEcdh };
    const bool is_gex = kex.find("-group-exchange-") != std::string_view::npos;
    const bool is_dh = kex.substr(0, 20) == "diffie-hellman-group";
    const Kind kind = is_gex ? Kind::kGex : is_dh ? Kind::kDh : Kind::kEcdh;
    std::uint16_t stat = side.stat;
    const auto saw = [&](unsigned message) { return (side.messages & 1u << (message - 30)) != 0; };
    if (saw(30))
        stat |= kind == Kind::kDh ? kDhInit : kind == Kind::kGex ? kGexRequest : kEcdhInit;
    if (saw(31))
        stat |= kind == Kind::kDh ? kDhReply : kind == Kind::kGex ? kGexGroup : kEcdhReply;
    if (saw(32))
        stat |= kGexInit;
    if (saw(33))
        stat |= kGexReply;
    if (saw(34))
        stat |= kGexRequest;
    return stat;
}

} // namespace flowxdp::ssh
