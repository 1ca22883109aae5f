-- Who tries many services without an answer?
SELECT src, uniqExact(dstIP) AS hosts, uniqExact(dstIP, dstPort, l4Proto) AS services, count() AS tries
FROM flows FINAL
WHERE dir = 'A' AND l4Proto IN (6, 17) AND l7BytesRcvd = 0 AND pktsRcvd <= 1
GROUP BY src
ORDER BY services DESC, src
LIMIT 10
