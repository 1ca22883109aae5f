-- Who sends most? By the minute, so that a month is asked in a moment.
SELECT src, sum(flows) AS directions, sum(packets) AS packets_sent, sum(bytes) AS bytes_sent
FROM talkers_by_minute
GROUP BY src
ORDER BY bytes_sent DESC, src
LIMIT 10
