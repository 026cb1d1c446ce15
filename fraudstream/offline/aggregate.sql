-- The days of every card before a midnight: its payments in [midnight - 7 days, midnight), the money in exact minor units, and
-- what the event type declares, which may reach further back.
-- `payments` is the history (cc_num or card, tid or transaction_id, event_time in epoch ms, amount, the variables that are asked
-- for), `week` one row with the bounds, how many minor units (cents) the currency's unit has, and the variables' defaults.
-- A payment that came twice counts once, as in the stream; without an id every payment is a different one.
-- Amounts are rounded half to even, as the worker and the training dataset round them. Refunds (below zero) do not count.
-- Plain SQL that DuckDB and Spark both run. weekly_sql.py puts what is declared in place of the lines that begin with --+.
SELECT
    cc_num,
    card,
    CAST(COALESCE(SUM(CASE WHEN event_time >= week.first_ms THEN times END), 0) AS BIGINT) AS payments,
    CAST(COALESCE(SUM(CASE WHEN event_time >= week.first_ms THEN times * cents END), 0) AS BIGINT) AS cents
    --+ parts
FROM (
    SELECT
        cc_num,
        card,
        event_time,
        CAST(FLOOR(amount * units) AS BIGINT)
            + CASE
                WHEN amount * units - FLOOR(amount * units) > 0.5 THEN 1
                WHEN amount * units - FLOOR(amount * units) = 0.5 AND CAST(FLOOR(amount * units) AS BIGINT) % 2 <> 0 THEN 1
                ELSE 0
            END AS cents,
        CASE WHEN tid IS NULL AND transaction_id IS NULL THEN COUNT(*) ELSE 1 END AS times
        --+ values
    FROM payments, week
    WHERE event_time >= week.oldest_ms AND event_time < week.end_ms
    GROUP BY cc_num, card, tid, transaction_id, event_time, amount, units
        --+ alone
) counted, week
WHERE cents >= 0
GROUP BY cc_num, card
