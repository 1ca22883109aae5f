-- How much in each minute? A flow belongs to the minute in which it ended.
SELECT minute, sum(flows) AS flows_ended, sum(packets) AS packets_both, sum(bytes) AS bytes_both
FROM services_by_minute
GROUP BY minute
ORDER BY minute
