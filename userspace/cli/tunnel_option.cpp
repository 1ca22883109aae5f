// SPDX-License-Identifier: BSD-2-Clause
#include "cli/tunnel_option.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/number.h"

namespace flowxdp {
namespace {

struct Tunnel {
    std::string_view name;
    std::uint32_t kind;
    std::vector<std::uint16_t> own_ports;
};

const std::vector<Tunnel>& tunnels()
{
    static const std::vector<Tunnel> kTunnels = {
#define X(name, kind, ...) {#name, kind, {__VA_ARGS__}},
        FX_TUNNEL(X)
#undef X
    };
    return kTunnels;
}

std::string names()
{
    std::string out;
    for (const Tunnel& tunnel : tunnels())
        out += std::string(tunnel.name) + ", ";
    return out + "ip";
}

// A port and its tunnel; asked: by the user, not by default.
struct Port {
    std::uint16_t number;
    const Tunnel* tunnel;
    bool asked;
};

// What --tunnel said so far.
class Choice {
  public:
    Choice()
    {
        for (const Tunnel& tunnel : tunnels())
            for (const std::uint16_t port : tunnel.own_ports)
                ports_.push_back({port, &tunnel, false});
    }

    Result<void> take(const std::string& value)
    {
        if (value == "none") {
            ports_.clear();
            over_ip_ = false;
            return {};
        }
        const std::size_t equals = value.find('=');
        const std::string name = value.substr(0, equals);
        const std::string list = equals == std::string::npos ? "" : value.substr(equals + 1);
        if (name == "ip")
            return take_ip(equals == std::string::npos, list);
        const auto tunnel = std::ranges::find(tunnels(), name, &Tunnel::name);
        if (tunnel == tunnels().end())
            return Error{
                fmt::format("there is no tunnel '{}'; there are: {}; or none", printable(name, kValueBytes), names())};
        std::erase_if(ports_, [&](const Port& port) { return port.tunnel == &*tunnel; });
        if (equals == std::string::npos) {
            for (const std::uint16_t port : tunnel->own_ports)
                if (auto added = add(port, &*tunnel); !added.ok())
                    return added.error();
            return {};
        }
        if (list == "none")
            return {};
        for (std::size_t at = 0; at <= list.size();) {
            const std::size_t end = std::min(list.find(',', at), list.size());
            const auto port = read_number(list.substr(at, end - at), 1, 65535, tunnel->own_ports.front());
            if (!port.ok())
                return Error{fmt::format("tunnel {}: {}; or write {}=none", name, port.error().message, name)};
            if (auto added = add(static_cast<std::uint16_t>(port.value()), &*tunnel); !added.ok())
                return added.error();
            at = end + 1;
        }
        return {};
    }

    [[nodiscard]] Result<tunnel_config> config() const
    {
        tunnel_config out{};
        if (over_ip_)
            out.flags = TUNNEL_OVER_IP;
        // In one order, however they were given: a sensor's configuration is compared byte by byte.
        std::vector<Port> ports = ports_;
        std::ranges::stable_sort(ports, {}, [](const Port& port) { return port.tunnel - tunnels().data(); });
        for (const Port& port : ports)
            if (!tunnel_config_add(&out, port.number, port.tunnel->kind))
                return Error{
                    fmt::format("{} tunnel ports are more than the {} that are kept", ports_.size(), TUNNEL_PORTS_MAX)};
        return out;
    }

  private:
    Result<void> take_ip(bool alone, const std::string& list)
    {
        if (!alone && list != "none")
            return Error{"tunnels over IP have no ports: write ip, or ip=none"};
        over_ip_ = alone;
        return {};
    }

    // A port that another tunnel has by default is taken from it.
    Result<void> add(std::uint16_t number, const Tunnel* tunnel)
    {
        const auto other = std::ranges::find(ports_, number, &Port::number);
        if (other != ports_.end() && other->asked && other->tunnel != tunnel)
            return Error{fmt::format("port {} is given to {} and to {}", number, other->tunnel->name, tunnel->name)};
        std::erase_if(ports_, [&](const Port& port) { return port.number == number; });
        ports_.push_back({number, tunnel, true});
        return {};
    }

    std::vector<Port> ports_;
    bool over_ip_ = true;
};

} // namespace

Result<tunnel_config> tunnel_config_of(const std::vector<std::string>& values)
{
    Choice choice;
    for (const std::string& value : values)
        if (auto taken = choice.take(value); !taken.ok())
            return taken.error();
    return choice.config();
}

Result<void> TunnelChoice::take(const std::string& value)
{
    std::vector<std::string> all = values;
    all.push_back(value);
    const auto read = tunnel_config_of(all);
    if (!read.ok())
        return read.error();
    values = std::move(all);
    config = read.value();
    return {};
}

std::string tunnel_text(const tunnel_config& config)
{
    std::string out;
    for (const Tunnel& tunnel : tunnels()) {
        std::string ports;
        for (const tunnel_port& port : config.ports)
            if (port.port && port.kind == tunnel.kind)
                ports += (ports.empty() ? "" : ",") + std::to_string(port.port);
        if (!ports.empty())
            out += fmt::format("{}{}={}", out.empty() ? "" : " ", tunnel.name, ports);
    }
    if (config.flags & TUNNEL_OVER_IP)
        out += out.empty() ? "ip" : " ip";
    return out.empty() ? "none" : out;
}

} // namespace flowxdp
