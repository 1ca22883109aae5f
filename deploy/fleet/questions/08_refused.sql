-- Which TCP services answered with nothing but a reset or an end?
SELECT dst, dstPort, count() AS flows, sum(pktsSnt) AS packets_sent, sum(pktsRcvd) AS packets_received
FROM flows FINAL
WHERE dir = 'A' AND l4Proto = 6 AND l7BytesSnt = 0 AND l7BytesRcvd = 0
GROUP BY dst, dstPort
ORDER BY dst, dstPort
