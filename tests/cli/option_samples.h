// SPDX-License-Identifier: BSD-2-Clause
// option_samples.h - a value that is not the default for every option of attach and replay, as words of a command line.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace flowxdp::test {

// By the key in a configuration file. What an option needs beside it comes with it. folder: where files may be written.
inline std::map<std::string, std::vector<std::string>> option_samples(const std::string& folder)
{
    return {
        {"interfaces", {"lo"}},
        {"files", {"capture \"1\".pcap", "b\\c.pcap"}},
        {"list", {"-R", "list"}},
        {"series", {"--series", "out.pcap0"}},
        {"engine", {"--engine", "bpf"}},
        {"mode", {"--mode", "generic"}},
        {"direction", {"--direction", "both"}},
        {"merge", {"--merge"}},
        {"fix-offloads", {"--fix-offloads"}},
        {"dispatcher", {"--dispatcher"}},
        {"priority", {"--dispatcher", "--priority", "7"}},
        {"user", {"--user", "nobody"}},
        {"ring", {"--ring", "8M"}},
        {"extract", {"-e", "alarmed:" + folder + "/x.pcapng"}},
        {"extract-filter", {"-e", "matching:" + folder + "/x.pcapng", "--extract-filter", "tcp port 443"}},
        {"write", {"-w", folder + "/x"}},
        {"split", {"-W", folder + "/x:10f,3"}},
        {"rotate", {"--rotate", "1h/500M"}},
        {"exec-after", {"--rotate", "1h", "--exec-after", "gzip -f"}},
        {"packet-mode", {"-s"}},
        {"sink", {"--sink", "json:" + folder + "/a.json", "--sink", "csv:" + folder + "/b=c,eol=lf,queue=64K"}},
        {"alarm", {"--alarm", "any"}},
        {"sensor-id", {"-x", "4294967295"}},
        {"plugin", {"--plugin", "tcp_win:force_at=5,threshold=100"}},
        {"plugins", {"--plugins", "basic_flow,tcp_win:threshold=7"}},
        {"no-plugin", {"--no-plugin", "tcp_win", "--no-plugin", "tcp_geo_win"}},
        {"geo-country", {"--geo-country", folder + "/country.mmdb"}},
        {"geo-asn", {"--geo-asn", folder + "/asn.mmdb"}},
        {"lib", {"--lib", folder + "/lib"}},
        {"idle-timeout", {"--idle-timeout", "1.5s"}},
        {"active-timeout", {"--active-timeout", "2h"}},
        {"max-flows", {"--max-flows", "4096"}},
        {"plugin-memory", {"--plugin-memory", "64M"}},
        {"monitoring", {"-M", "5"}},
        {"monitoring-mode", {"-M", "5", "--monitoring-mode", "difference"}},
        {"flow-factor", {"-f", "0.25"}},
        {"tunnel", {"--tunnel", "none", "--tunnel", "vxlan=4789,8472"}},
        {"key", {"--key", "tunnel"}},
        {"filter", {"--filter", "tcp port 443"}},
        {"filter-file", {"-F", folder + "/filter"}},
        {"count", {"-c", "18446744073709551615"}},
        {"snapshot-length", {"-S", "128"}},
        {"log-file", {"-l", "-w", folder + "/x"}},
        {"json", {"--json"}},
        {"quiet", {"-q"}},
        {"log-format", {"--log-format", "json"}},
        {"listen", {"--listen", "127.0.0.1:9669"}},
        {"listen-token-file", {"--listen", "127.0.0.1:9669", "--listen-token-file", folder + "/token"}},
        {"verbose", {"-v", "-v"}},
    };
}

} // namespace flowxdp::test
