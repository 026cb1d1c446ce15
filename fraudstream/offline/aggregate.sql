-- The week of every card as of one midnight: its payments in [midnight - 7 days, midnight), the money in exact minor units.
-- `payments` is the history (cc_num or card, tid or transaction_id, event_time in epoch ms, amount), `week` one row with
-- its bounds and how many minor units (cents) the currency's unit has. A payment that came twice counts once, as in the stream; without an id every payment is a different one.
-- Amounts are rounded half to even, as the worker and the training dataset round them. Refunds (below zero) do not count.
-- Plain SQL that DuckDB and Spark both run.
SELECT
    cc_num,
    card,
    CAST(SUM(times) AS BIGINT) AS payments,
    CAST(SUM(times * cents) AS BIGINT) AS cents
FROM (
    SELECT
        cc_num,
        card,
        CAST(FLOOR(amount * units) AS BIGINT)
            + CASE
                WHEN amount * units - FLOOR(amount * units) > 0.5 THEN 1
                WHEN amount * units - FLOOR(amount * units) = 0.5 AND CAST(FLOOR(amount * units) AS BIGINT) % 2 <> 0 THEN 1
                ELSE 0
            END AS cents,
        CASE WHEN tid IS NULL AND transaction_id IS NULL THEN COUNT(*) ELSE 1 END AS times
    FROM payments, week
    WHERE event_time >= week.first_ms AND event_time < week.end_ms
    GROUP BY cc_num, card, tid, transaction_id, event_time, amount, units
) counted
WHERE cents >= 0
GROUP BY cc_num, card
