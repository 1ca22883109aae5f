-- SPDX-License-Identifier: BSD-2-Clause
-- Sums by the minute count a row that came twice twice. This makes those of a day anew from rows that are each there once: after
-- something was killed or a queue was read again, for a day that gets no more rows. Write the day.

ALTER TABLE services_by_minute DROP PARTITION '2026-11-23';
INSERT INTO services_by_minute
SELECT day, minute, sensor, l4Proto, if(dir = 'A', dstPort, srcPort) AS port,
    toUInt64(countIf(dir = 'A')) AS flows, sum(pktsSnt) AS packets, sum(l7BytesSnt) AS bytes
FROM flows FINAL
WHERE day = '2026-11-23'
GROUP BY day, minute, sensor, l4Proto, port;

ALTER TABLE talkers_by_minute DROP PARTITION '2026-11-23';
INSERT INTO talkers_by_minute
SELECT day, minute, sensor, srcIP, count() AS flows, sum(pktsSnt) AS packets, sum(l7BytesSnt) AS bytes
FROM flows FINAL
WHERE day = '2026-11-23'
GROUP BY day, minute, sensor, srcIP;
