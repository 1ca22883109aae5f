-- Which flows did more than one sensor see? Sums over the fleet count them as often.
SELECT src, srcPort, dst, dstPort, l4Proto, arraySort(groupUniqArray(sensor)) AS sensors
FROM flows FINAL
WHERE dir = 'A' AND l4Proto IN (6, 17)
GROUP BY src, srcPort, dst, dstPort, l4Proto, intDiv(timeFirst, 1000000000)
HAVING length(sensors) > 1
ORDER BY src, srcPort, dst, dstPort
