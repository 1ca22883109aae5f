-- Which flows lasted longest?
SELECT sensor, flowInd, src, srcPort, dst, dstPort, l4Proto, round(toFloat64(duration), 6) AS seconds
FROM flows FINAL
WHERE dir = 'A'
ORDER BY seconds DESC, sensor, flowInd
LIMIT 5
