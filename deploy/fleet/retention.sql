-- SPDX-License-Identifier: BSD-2-Clause
-- How long rows stay: flows for 30 days, sums by the minute for 400. ClickHouse drops whole days, which costs nothing.
-- ClickHouse before 19.6 has no TTL: drop_old.sql.
ALTER TABLE flows MODIFY TTL day + INTERVAL 30 DAY;
ALTER TABLE flows MODIFY SETTING ttl_only_drop_parts = 1;
ALTER TABLE services_by_minute MODIFY TTL day + INTERVAL 400 DAY;
ALTER TABLE services_by_minute MODIFY SETTING ttl_only_drop_parts = 1;
ALTER TABLE talkers_by_minute MODIFY TTL day + INTERVAL 400 DAY;
ALTER TABLE talkers_by_minute MODIFY SETTING ttl_only_drop_parts = 1;
