-- What has each sensor sent, and when did its last flow end?
SELECT sensor, count() AS rows, countIf(dir = 'A') AS flows, sum(pktsSnt) AS packets, sum(l7BytesSnt) AS bytes,
    toDateTime(intDiv(max(timeLast), 1000000000), 'UTC') AS last
FROM flows FINAL
GROUP BY sensor
ORDER BY sensor
