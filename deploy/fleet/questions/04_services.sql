-- Which services are used?
SELECT l4Proto, port, sum(flows) AS flows_begun, sum(packets) AS packets_both, sum(bytes) AS bytes_both
FROM services_by_minute
WHERE port != 0
GROUP BY l4Proto, port
ORDER BY bytes_both DESC, l4Proto, port
LIMIT 10
