-- Which receivers are slow? Packets whose TCP window was below the threshold, and their share of what the host sent in these flows.
SELECT src, sum(tcpWinThCnt) AS below, sum(pktsSnt) AS packets, round(100 * below / packets, 1) AS percent
FROM flows FINAL
WHERE l4Proto = 6 AND tcpWinThCnt > 0
GROUP BY src
ORDER BY below DESC, src
