#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# facts.sh: what tshark says about the captures in this folder, as the table in README.md.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
count() { tshark -n -r "$1" -Y "$2" 2>/dev/null | wc -l; }
conversations() { tshark -n -q -r "$1" -z "conv,$2" 2>/dev/null | grep -c '<->' || true; }
echo "| file | bytes | packets | seconds | TCP connections | UDP pairs | ARP, ICMP, ICMPv6 packets | zero windows |"
echo "|---|---|---|---|---|---|---|---|"
for file in *.pcap; do
    seconds=$(capinfos -TruM "$file" 2>/dev/null | cut -f2)
    echo "| $file | $(stat -c %s "$file") | $(count "$file" frame) | ${seconds%????} | $(conversations "$file" tcp) |" \
        "$(conversations "$file" udp) | $(count "$file" arp), $(count "$file" icmp), $(count "$file" icmpv6) |" \
        "$(count "$file" tcp.analysis.zero_window) |"
done
