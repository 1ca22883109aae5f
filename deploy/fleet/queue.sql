-- SPDX-License-Identifier: BSD-2-Clause
-- From the topic into the table flows. Write your brokers, topic and number of consumers; DETACH TABLE queue stops, ATTACH TABLE queue goes on.

-- The messages of the kafka sink, as they are: a JSON object a row. Members that are not named here are left out.
CREATE TABLE IF NOT EXISTS queue
(
    sensor UInt32,
    boot String,
    flowInd UInt64,
    dir String,
    flowStat String,
    timeFirst String,
    timeLast String,
    duration String,
    ethType String,
    vlanID Array(UInt16),
    srcIP String,
    srcIPCC String,
    srcIPOrg String,
    srcPort UInt16,
    dstIP String,
    dstIPCC String,
    dstIPOrg String,
    dstPort UInt16,
    l4Proto UInt8,
    pktsSnt UInt64,
    pktsRcvd UInt64,
    l7BytesSnt UInt64,
    l7BytesRcvd UInt64,
    tcpStatesAFlags String,
    tcpWinStat String,
    tcpWinThCnt UInt32
)
ENGINE = Kafka SETTINGS
    kafka_broker_list = 'kafka.example.org:9092',
    kafka_topic_list = 'flows',
    kafka_group_name = 'flowxdp',
    kafka_format = 'JSONEachRow',
    kafka_num_consumers = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS from_queue TO flows AS
SELECT
    sensor,
    reinterpretAsUInt64(reverse(unhex(substring(boot, 3)))) AS boot,
    toDate(minute) AS day,
    toStartOfMinute(toDateTime(intDiv(timeLast, 1000000000), 'UTC')) AS minute,
    flowInd,
    toFixedString(dir, 1) AS dir,
    reinterpretAsUInt64(reverse(unhex(substring(flowStat, 3)))) AS flowStat,
    toUInt64(replaceOne(timeFirst, '.', '')) AS timeFirst,
    toUInt64(replaceOne(timeLast, '.', '')) AS timeLast,
    toDecimal64(duration, 9) AS duration,
    reinterpretAsUInt16(reverse(unhex(substring(ethType, 3)))) AS ethType,
    vlanID,
    IPv6StringToNum(if(srcIP = '-', '::', if(position(srcIP, ':') > 0, srcIP, concat('::ffff:', srcIP)))) AS srcIP,
    srcIPCC,
    srcIPOrg,
    srcPort,
    IPv6StringToNum(if(dstIP = '-', '::', if(position(dstIP, ':') > 0, dstIP, concat('::ffff:', dstIP)))) AS dstIP,
    dstIPCC,
    dstIPOrg,
    dstPort,
    l4Proto,
    pktsSnt,
    pktsRcvd,
    l7BytesSnt,
    l7BytesRcvd,
    reinterpretAsUInt8(unhex(substring(tcpStatesAFlags, 3))) AS tcpStatesAFlags,
    reinterpretAsUInt8(unhex(substring(tcpWinStat, 3))) AS tcpWinStat,
    tcpWinThCnt
FROM queue;

-- 18.16: a view of the table flows would see nothing of what comes from another view; each one reads the queue.
CREATE MATERIALIZED VIEW IF NOT EXISTS to_services_by_minute TO services_by_minute AS
SELECT
    toDate(minute) AS day,
    toStartOfMinute(toDateTime(intDiv(toUInt64(replaceOne(timeLast, '.', '')), 1000000000), 'UTC')) AS minute,
    sensor,
    l4Proto,
    if(dir = 'A', dstPort, srcPort) AS port,
    toUInt64(countIf(dir = 'A')) AS flows,
    sum(pktsSnt) AS packets,
    sum(l7BytesSnt) AS bytes
FROM queue
GROUP BY day, minute, sensor, l4Proto, port;

CREATE MATERIALIZED VIEW IF NOT EXISTS to_talkers_by_minute TO talkers_by_minute AS
SELECT
    toDate(minute) AS day,
    toStartOfMinute(toDateTime(intDiv(toUInt64(replaceOne(timeLast, '.', '')), 1000000000), 'UTC')) AS minute,
    sensor,
    IPv6StringToNum(if(srcIP = '-', '::', if(position(srcIP, ':') > 0, srcIP, concat('::ffff:', srcIP)))) AS srcIP,
    count() AS flows,
    sum(pktsSnt) AS packets,
    sum(l7BytesSnt) AS bytes
FROM queue
GROUP BY day, minute, sensor, srcIP;
