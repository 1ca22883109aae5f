-- Which pairs of hosts exchange most, both directions together?
SELECT if(src < dst, src, dst) AS one, if(src < dst, dst, src) AS other,
    countIf(dir = 'A') AS flows, sum(pktsSnt) AS packets, sum(l7BytesSnt) AS bytes
FROM flows FINAL
WHERE src != '-'
GROUP BY one, other
ORDER BY bytes DESC, one, other
LIMIT 10
