/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_status.h - flowStat: what was seen in one direction of a flow, as Tranalyzer2 0.9 numbers the bits.
 *
 * One list for the code that raises the bits, for `flowxdp decode`, which explains them, and for the end report, which prints a line
 * for each aggregated bit. FX_FLOW_STATUS(X): X(bit, NAME, "description").
 * Some bits are explained and never raised: 28 (SIP/RTP), 55, 56, 61 and 63 need payload, address lists or T2's buffers; 40 is not
 * raised by T2 either; 52 belongs to a T2 plugin that flowxdp does not have.
 */
#ifndef FLOWXDP_FLOW_STATUS_H
#define FLOWXDP_FLOW_STATUS_H

#include "compat.h"

#define FX_FLOW_STATUS(X)                                                                            \
	X(0, INVERTED, "Inverted flow, did not initiate connection")                                 \
	X(1, NO_ETHERNET, "No Ethernet header")                                                      \
	X(2, L2_FLOW, "Pure L2 flow")                                                                \
	X(3, PPPOE_DISCOVERY, "Point to Point Protocol over Ethernet Discovery (PPPoED)")            \
	X(4, PPPOE_SESSION, "Point to Point Protocol over Ethernet Session (PPPoES)")                \
	X(5, LLDP, "Link Layer Discovery Protocol (LLDP)")                                           \
	X(6, ARP, "ARP")                                                                             \
	X(7, RARP, "Reverse ARP")                                                                    \
	X(8, VLAN, "VLAN present")                                                                   \
	X(9, MPLS_UNICAST, "MPLS unicast")                                                           \
	X(10, MPLS_MULTICAST, "MPLS multicast")                                                      \
	X(11, L2TP, "L2TP v2/3")                                                                     \
	X(12, GRE, "GRE v1/2")                                                                       \
	X(13, PPP, "PPP header after L2TP or GRE")                                                   \
	X(14, IPV4_FLOW, "IPv4 flow")                                                                \
	X(15, IPV6_FLOW, "IPv6 flow")                                                                \
	X(16, IP_BOGUS, "IPvX bogus packet")                                                         \
	X(17, IP_IN_IP, "IPv4/6 in IPv4/6")                                                          \
	X(18, ETHERIP, "Ethernet over IP")                                                           \
	X(19, TEREDO, "Teredo tunnel")                                                               \
	X(20, AYIYA, "Anything in Anything (AYIYA) tunnel")                                          \
	X(21, GTP, "GPRS Tunneling Protocol (GTP)")                                                  \
	X(22, VXLAN, "Virtual eXtensible Local Area Network (VXLAN)")                                \
	X(23, CAPWAP, "Control and Provisioning of Wireless Access Points (CAPWAP), LWAPP")          \
	X(24, SCTP, "Stream Control Transmission flows (SCTP)")                                      \
	X(25, UPNP, "SSDP/UPnP")                                                                     \
	X(26, ERSPAN, "Encapsulated Remote Switch Packet ANalysis (ERSPAN)")                         \
	X(27, WCCP, "Cisco Web Cache Communication Protocol (WCCP)")                                 \
	X(28, SIP_RTP, "SIP/RTP")                                                                    \
	X(29, GENEVE, "Generic Network Virtualization Encapsulation (GENEVE)")                       \
	X(30, IPSEC_AH, "IPsec Authentication Header (AH)")                                          \
	X(31, IPSEC_ESP, "IPsec Encapsulating Security Payload (ESP)")                               \
	X(32, L2_SNAPPED, "Acquired packet length < minimal L2 datagram")                            \
	X(33, L3_SNAPPED, "Acquired packet length < packet length in L3 header")                     \
	X(34, L3_HEADER_SNAPPED, "Acquired packet length < minimal L3 header")                       \
	X(35, L4_HEADER_SNAPPED, "Acquired packet length < minimal L4 header")                       \
	X(36, FRAGMENT, "IPv4/6 fragmentation present")                                              \
	X(37, FRAGMENT_ERROR, "IPv4/6 fragmentation error (detailed err s. tcpFlags plugin)")        \
	X(38, FRAGMENT_NO_FIRST, "IPv4/6 1. fragment out of sequence or missing")                    \
	X(39, FRAGMENT_PENDING, "IPv4/6 packet fragmentation sequence pending or not finished")      \
	X(40, TIMEOUT, "Flow timeout instead of protocol termination")                               \
	X(41, FORCED, "Force mode: remove this flow instantly")                                      \
	X(42, TABLE_FULL, "Autopilot: flow removed to free space in main hash map")                  \
	X(43, STOP_DISSECT, "Stop dissecting, clipped packet, unhandled protocol or subsequent fragment") \
	X(44, DUPLICATE_IP_ID, "Consecutive duplicate IP ID")                                        \
	X(45, PPP_UNREADABLE, "PPP L3 header not readable, compressed")                              \
	X(46, IPV4_HEADER_SHORT, "IPv4 header length < 20 bytes")                                    \
	X(47, LENGTH_MISMATCH, "IP payload length > framing length")                                 \
	X(48, HEADERS_OVERRUN, "Header description overrun")                                         \
	X(49, ALARM, "Alarm: dump packets of this flow")                                             \
	X(50, LAND_ATTACK, "Land attack: same srcIP && dstIP && srcPort && dstPort")                 \
	X(51, TIME_JUMP, "Timestamp jump, probably due to multi-path packet delay or NTP operation") \
	X(52, LIVE_EXTRACT, "liveXtr: flow to be extracted")                                         \
	X(55, SUBNET_TESTED, "Subnet tested for that flow")                                          \
	X(56, TOR, "Tor address detected")                                                           \
	X(57, PRIORITY_TAG, "A packet had a priority tag (VLAN tag with ID 0)")                      \
	X(58, IPV4_PACKET, "IPv4 packet")                                                            \
	X(59, IPV6_PACKET, "IPv6 packet")                                                            \
	X(60, LAPD, "Link Access Procedure on D-channel (LAPD) flow")                                \
	X(61, DTLS, "Datagram Transport Layer Security (DTLS) flow")                                 \
	X(62, DURATION_LIMIT, "Flow duration limit, cut by the active timeout")                      \
	X(63, PACKET_TRUNCATED, "PCAP packet length > buffer, packet truncated")

enum flow_status_bit {
#define X(bit, name, text) FS_BIT_##name = bit,
	FX_FLOW_STATUS(X)
#undef X
};

/* FS(ARP): the 64-bit mask of one flowStat bit */
#define FS(name) (1ULL << FS_BIT_##name)

/*
 * fxStat: conditions of the sensor itself, for each direction, which have no bit in T2. FX_SENSOR_STATUS(X) is like FX_FLOW_STATUS(X).
 */
#define FX_SENSOR_STATUS(X)                                                                          \
	X(0, BOUNDARY_MOVED, "Flow end came late: no ring memory at the packet that should have ended it") \
	X(1, PACKET_ROWS_LOST, "Packet rows of this flow were lost to a full ring")                  \
	X(2, ONE_PACKET_RECORD, "Record of one packet that found no place in the flow table")        \
	X(3, ADOPTED, "Flow was alive when a daemon took the sensor over (restart)")                 \
	X(4, FORCE_LATE, "Force mode trigger took effect later than the triggering packet")          \
	X(5, FRAGMENT_COLLISION, "A first fragment took another datagram's slot, whose later fragments lose their flow") \
	X(6, MORE_SUBFRAMES, "Of an aggregated 802.11 frame (A-MSDU) only the first subframe is counted")  \
	X(7, WANTED_PACKETS_LOST, "Packets of this flow that a plugin wanted were lost to a full ring")

enum sensor_status_bit {
#define X(bit, name, text) FXS_BIT_##name = bit,
	FX_SENSOR_STATUS(X)
#undef X
};

/* FXS(BOUNDARY_MOVED): the 16-bit mask of one fxStat bit */
#define FXS(name) (1U << FXS_BIT_##name)

#endif
