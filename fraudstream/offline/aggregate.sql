-- The week of every card as of one midnight: its payments in [midnight - 7 days, midnight), the money in exact cents.
-- `payments` is the history (cc_num or card, event_time in epoch ms, amount), `week` one row with its bounds.
-- Plain SQL that DuckDB and Spark both run.
SELECT
    cc_num,
    card,
    COUNT(*) AS payments,
    CAST(SUM(CAST(ROUND(amount * 100) AS BIGINT)) AS BIGINT) AS cents
FROM payments, week
WHERE event_time >= week.first_ms AND event_time < week.end_ms
GROUP BY cc_num, card
