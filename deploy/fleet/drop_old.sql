-- SPDX-License-Identifier: BSD-2-Clause
-- For ClickHouse before 19.6, once a day: the statements that drop what is too old, one a line, to be read by another clickhouse-client:
--     clickhouse-client -d fleet <drop_old.sql | clickhouse-client -d fleet --multiquery
SELECT DISTINCT concat('ALTER TABLE ', table, ' DROP PARTITION \'', partition, '\';')
FROM system.parts
WHERE active AND database = currentDatabase()
    AND (table = 'flows' AND toDate(partition) < today() - 30
        OR table IN ('services_by_minute', 'talkers_by_minute') AND toDate(partition) < today() - 400)
FORMAT TabSeparatedRaw
