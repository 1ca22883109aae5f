# SPDX-License-Identifier: BSD-2-Clause
"""Why flows differ from the oracle's, for captures nobody has listed: causes that can be checked, never a tolerance.

Both sides are bags of biflows. explain() takes off the part that is equal, then asks each cause in turn whether it accounts for
a whole group of what is left: same packets, octets and windows under another key, or evidence from tshark or from our own
counters that the oracle had to answer otherwise. What no cause accounts for stays a difference. Totals are never explained by
themselves: they must follow from the flows to the last packet.
"""

import collections
import pathlib
import re
import subprocess

import remembered

# Tunnels that the oracle's walk stops at (its D2, D13): our name in hdrDesc, UDP ports of the outer flow.
TUNNELS = {"ayiya": {5072}, "capwap": {5247}, "lwapp": {12222}, "vxlan": {4790, 8472}, "gtp": {3386}}
# Ports by which the oracle's tshark enters a tunnel.
BELIEVED_BY_PORT = {4789, 6081, 2152, 2123, 3386, 3544, 1701, 6635}
COUNTS = ("pkts", "octets", "win1", "win100")
PROTOCOL_TOTALS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}

# A biflow of either side. lo, hi: (address, port); counts: name -> sum of both directions; headers: hdrDesc of our rows.
Biflow = collections.namedtuple("Biflow", "vlan proto lo hi first last counts headers")


class Evidence:
    """What else is known of a capture. Asked of tshark when a cause wants it, once."""

    def __init__(self, capture, oracle_summary, report):
        self.capture, self.oracle, self.report = capture, oracle_summary, report
        self.asked = {}

    def pairs(self, display_filter):
        """Address pairs, in any order, of the frames that tshark's filter selects."""
        if display_filter not in self.asked:
            fields = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
            said = self.ask("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-Y", display_filter, "-T", "fields",
                            *[word for f in fields for word in ("-e", f)])
            pairs = set()
            for line in said.splitlines():
                cells = (line.split("\t") + [""] * 4)[:4]
                for sources, destinations in ((cells[0], cells[1]), (cells[2], cells[3])):
                    pairs |= {frozenset(pair) for pair in zip(sources.split(","), destinations.split(",")) if all(pair)}
            self.asked[display_filter] = pairs
        return self.asked[display_filter]

    def frames(self, display_filter):
        return len(self.ask("-Y", display_filter, "-T", "fields", "-e", "frame.number").splitlines())

    def ask(self, *options):
        """What tshark prints of the capture."""
        return remembered.answer(
            (pathlib.Path(self.capture), *options, remembered.version("tshark", "--version")),
            lambda: subprocess.run(["tshark", "-n", "-r", str(self.capture), *options], capture_output=True, text=True, errors="replace",
                                   check=False).stdout)


def total(flows, name):
    return sum(flow.counts.get(name, 0) for flow in flows)


def same_sums(theirs, ours, names=COUNTS):
    return all(total(theirs, name) == total(ours, name) for name in names)


def addresses(flow):
    return frozenset((flow.lo[0], flow.hi[0]))


# A cause: the key that groups what it may account for, and whether it accounts for a group's flows of both sides.
def step_back(theirs, ours, evidence):
    """The clock stepped back: there a flow ends for us (the clock rule), the oracle never splits backwards (its D5)."""
    return evidence.oracle["time_backwards"] > 0 and same_sums(theirs, ours)


def other_tag(theirs, ours, evidence):
    """Several tags, or tags inside a tunnel: keyed on the innermost here, on the outermost before IP by the oracle (its D1)."""
    def carry_both(flow, other):
        words = [" || ".join(f"{name} == {tag}" for name in ("vlan.id", "ieee8021ad.id", "ieee8021ad.svid", "ieee8021ad.cvid"))
                 for tag in sorted({flow.vlan, other.vlan} - {"-"})]
        return addresses(flow) in evidence.pairs(" && ".join(f"({word})" for word in words))

    return bool(ours) and same_sums(theirs, ours) and all(any(flow.vlan != o.vlan and carry_both(flow, o) for o in ours) for flow in theirs
                                                         if all(flow.vlan != o.vlan for o in ours))


def without_payload_length(theirs, ours, evidence):
    """IPv6 payload length 0: the frame's length here, as after TSO; 40 octets and no ports for the oracle (its D7)."""
    return same_sums(theirs, ours, ("pkts",)) and addresses((theirs or ours)[0]) in evidence.pairs("ipv6.plen == 0")


def tshark_stopped(theirs, ours, evidence):
    """tshark calls a header malformed, or cut, and does not go on behind it; lengths lead us on (its D12)."""
    return same_sums(theirs, ours, ("pkts", "octets")) and \
        addresses((theirs or ours)[0]) in evidence.pairs("_ws.malformed || _ws.short")


def tunnel_entered(theirs, ours, _evidence):
    """A tunnel that the oracle does not enter (its D2, D13): the inner flow here, the outer one for the oracle."""
    ports = set()
    for flow in ours:
        names = {name for headers in flow.headers for name in re.split(r"[:({]", headers)} & TUNNELS.keys()
        if not names:
            return False
        ports |= {port for name in names for port in TUNNELS[name]}
    return bool(ours) and total(theirs, "pkts") == total(ours, "pkts") and \
        all(flow.proto == 17 and {flow.lo[1], flow.hi[1]} & ports for flow in theirs)


def tunnel_not_believed(theirs, ours, _evidence):
    """A port that a tunnel may have, and no tunnel by its lengths, checks and direction: the outer flow here, tshark enters."""
    return total(theirs, "pkts") == total(ours, "pkts") and \
        all(flow.proto == 17 and {flow.lo[1], flow.hi[1]} & BELIEVED_BY_PORT for flow in ours) and \
        not any(flow.proto == 17 and {flow.lo[1], flow.hi[1]} & BELIEVED_BY_PORT for flow in theirs)


def fragment_of_a_tunnel(theirs, ours, evidence):
    """A later fragment of a tunnel's outer header: in the first fragment's inner flow here, in an outer one for the oracle."""
    return same_sums(theirs, ours) and \
        any(addresses(flow) in evidence.pairs("ip.frag_offset > 0 || ipv6.fraghdr.offset > 0") for flow in theirs)


def super_packet(theirs, ours, evidence):
    """A frame above 64 KiB (BIG TCP): tshark stops at an outer header whose length field is 0, we go on to the frame's end."""
    long_frames = evidence.pairs("frame.len > 65575")
    return bool(ours) and same_sums(theirs, ours, ("pkts",)) and all(addresses(flow) in long_frames for flow in theirs)


def source_route(theirs, ours, evidence):
    """IPv4 source route: the header's destination is the key here, the route's end for tshark (RFC 791 3.1)."""
    routed = evidence.pairs("ip.opt.type.number == 3 || ip.opt.type.number == 9")
    return same_sums(theirs, ours) and any(addresses(flow) in routed for flow in theirs)


def length_below_the_header(theirs, ours, evidence):
    """IPv4 total length below the header length: not usable, an L2 flow or the flow around it; a flow of tshark's."""
    return total(theirs, "pkts") > total(ours, "pkts") and addresses(theirs[0]) in evidence.pairs("ip.len < ip.hdr_len")


def link_without_a_parser(theirs, ours, evidence):
    """A link type that tshark knows and we do not: counted, no flow."""
    return not ours and total(theirs, "pkts") <= evidence.report["counters"]["packets_link_unsupported"]


def link_unknown_to_tshark(theirs, ours, evidence):
    """A link type that tshark reads as data alone (SLIP)."""
    return not theirs and total(ours, "pkts") <= evidence.frames('frame.protocols == "data"')


def no_flow_of_the_oracle(theirs, ours, evidence):
    """An IP header that tshark gives no addresses of: no flow there (its D11); the addresses are captured, or the header around it
    is whole, so there is one here."""
    kept = {flow[:4] for flow in ours}
    return all(flow[:4] in kept for flow in theirs) and \
        0 < total(ours, "pkts") - total(theirs, "pkts") <= evidence.oracle["ip_incomplete"]


def everything(_flow):
    return None


CAUSES = (
    (step_back, lambda f: (f.vlan, f.proto, f.lo, f.hi)),
    (other_tag, lambda f: (f.proto, f.lo, f.hi)),
    (without_payload_length, addresses),
    (tshark_stopped, addresses),
    (tunnel_entered, everything),
    (tunnel_not_believed, everything),
    (fragment_of_a_tunnel, everything),
    (super_packet, everything),
    (source_route, everything),
    (length_below_the_header, addresses),
    (link_without_a_parser, everything),
    (link_unknown_to_tshark, everything),
    (no_flow_of_the_oracle, everything),
)


def subtract(theirs, ours):
    """What is left of both when flows that are the same are taken off; a flow that only has more packets is left as a whole."""
    def identity(flow):
        return flow.vlan, flow.proto, flow.lo, flow.hi, flow.first, flow.last, tuple(sorted(flow.counts.items()))

    common = collections.Counter(map(identity, theirs)) & collections.Counter(map(identity, ours))

    def rest(flows):
        left = common.copy()
        for flow in flows:
            if left[identity(flow)]:
                left[identity(flow)] -= 1
            else:
                yield flow

    return list(rest(theirs)), list(rest(ours))


def surplus(theirs, ours):
    """Of two flows under one key and start, only by how much the oracle's is larger: a tunnel's outer flow keeps its other packets."""
    mine = collections.defaultdict(list)
    for flow in ours:
        mine[flow[:4]].append(flow)
    rest_theirs, used = [], []
    for flow in theirs:
        match = next((o for o in mine[flow[:4]] if o not in used), None)
        if match is None:
            rest_theirs.append(flow)
            continue
        used.append(match)
        counts = {name: flow.counts.get(name, 0) - match.counts.get(name, 0) for name in COUNTS}
        if any(counts.values()):
            rest_theirs.append(flow._replace(counts=counts))
    return rest_theirs, [o for o in ours if o not in used]


def explain_flows(theirs, ours, evidence):
    """What stays unexplained of both sides, and how many flows each cause accounts for."""
    theirs, ours = subtract(theirs, ours)
    causes = collections.Counter()
    for cause, key in CAUSES:
        groups = collections.defaultdict(lambda: ([], []))
        for side, flows in enumerate(surplus(theirs, ours) if cause in (tunnel_entered, tunnel_not_believed) else (theirs, ours)):
            for flow in flows:
                groups[key(flow)][side].append(flow)
        for group in groups.values():
            if cause(*group, evidence):
                causes[cause.__name__] += len(group[0]) + len(group[1])
                theirs = [] if key is everything else [f for f in theirs if f not in group[0]]
                ours = [] if key is everything else [f for f in ours if f not in group[1]]
    return theirs, ours, causes


def explain_totals(theirs, ours, flows, evidence):
    """Totals that differ otherwise than flows and frames without a flow make them. flows: all of both sides."""
    counters = evidence.report["counters"]
    causes = collections.Counter()
    expected = dict(theirs)
    per_flow = collections.Counter()
    for sign, side in ((-1, flows[0]), (1, flows[1])):
        for flow in side:
            per_flow[PROTOCOL_TOTALS.get(flow.proto, "other_ip")] += sign * flow.counts.get("pkts", 0)
            for name in ("win1", "win100"):
                per_flow[name] += sign * flow.counts.get(name, 0)
    for name, more in per_flow.items():
        expected[name] += more
    expected["non_ip"] -= sum(more for name, more in per_flow.items() if not name.startswith("win"))
    # Frames that end inside their link header, and link types without a parser: tshark calls them a frame that is not IP.
    without = counters["packets_short_frame"] + counters["packets_link_unsupported"]
    if without:
        causes["no_link_header"] = without
        expected["no_flow"] += without
        expected["non_ip"] -= without
    wrong = [name for name in theirs if expected[name] != ours[name]]
    return wrong, causes


def explain(theirs, ours, their_totals, our_totals, evidence):
    """theirs, ours: all biflows. Returns the unexplained flows of both sides, the totals that are wrong, causes with counts."""
    if not their_totals["packets"] and re.search("unknown or unsupported", evidence.oracle.get("tshark_stderr", "")):
        return [], [], [], collections.Counter(link_unknown_to_tshark=our_totals["packets"])
    left_theirs, left_ours, causes = explain_flows(theirs, ours, evidence)
    wrong, more = explain_totals(their_totals, our_totals, (theirs, ours), evidence)
    return left_theirs, left_ours, wrong, causes + more
