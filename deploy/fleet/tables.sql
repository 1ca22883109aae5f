-- SPDX-License-Identifier: BSD-2-Clause
-- Tables of the fleet: each row of each sensor once, and sums by the minute.
-- Made in a database of their own by clickhouse-client --multiquery. queue.sql fills them from Kafka. ClickHouse 18.16 takes these files, and
-- so do current ones.

-- A row a direction of a flow. Rows that came twice have the same sorting key: merges keep one of them, and FINAL shows one.
-- Times are nanoseconds since 1970 (a current ClickHouse shows them by fromUnixTimestamp64Nano(toInt64(timeLast))).
-- Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; src and dst show them.
CREATE TABLE IF NOT EXISTS flows
(
    sensor UInt32,
    boot UInt64,
    day Date,
    minute DateTime('UTC'),
    flowInd UInt64,
    dir FixedString(1),
    flowStat UInt64,
    timeFirst UInt64,
    timeLast UInt64,
    duration Decimal(18, 9),
    ethType UInt16,
    vlanID Array(UInt16),
    srcIP FixedString(16),
    srcIPCC String,
    srcIPOrg String,
    srcPort UInt16,
    dstIP FixedString(16),
    dstIPCC String,
    dstIPOrg String,
    dstPort UInt16,
    l4Proto UInt8,
    pktsSnt UInt64,
    pktsRcvd UInt64,
    l7BytesSnt UInt64,
    l7BytesRcvd UInt64,
    tcpStatesAFlags UInt8,
    tcpWinStat UInt8,
    tcpWinThCnt UInt32,
    src String ALIAS if(srcIP = toFixedString('', 16), '-', replaceOne(IPv6NumToString(srcIP), '::ffff:', '')),
    dst String ALIAS if(dstIP = toFixedString('', 16), '-', replaceOne(IPv6NumToString(dstIP), '::ffff:', ''))
)
ENGINE = ReplacingMergeTree
PARTITION BY day
ORDER BY (minute, sensor, boot, flowInd, dir);

-- The minute in which a flow ended, by sensor, protocol and the port of the side that was called.
CREATE TABLE IF NOT EXISTS services_by_minute
(
    day Date,
    minute DateTime('UTC'),
    sensor UInt32,
    l4Proto UInt8,
    port UInt16,
    flows UInt64,
    packets UInt64,
    bytes UInt64
)
ENGINE = SummingMergeTree
PARTITION BY day
ORDER BY (minute, sensor, l4Proto, port);

-- What each address sent.
CREATE TABLE IF NOT EXISTS talkers_by_minute
(
    day Date,
    minute DateTime('UTC'),
    sensor UInt32,
    srcIP FixedString(16),
    flows UInt64,
    packets UInt64,
    bytes UInt64,
    src String ALIAS if(srcIP = toFixedString('', 16), '-', replaceOne(IPv6NumToString(srcIP), '::ffff:', ''))
)
ENGINE = SummingMergeTree
PARTITION BY day
ORDER BY (minute, sensor, srcIP);
