"""The decision core: pure, synchronous, without Faust, I/O or a clock.

Read in this order: transaction (a record becomes a payment), tokens, activity (ten minutes), weekly, features (schema,
inputs, catalogue), rules, model, reasons, detector (one function decides a whole frame), decision (how it leaves).
"""
