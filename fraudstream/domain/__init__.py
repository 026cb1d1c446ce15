"""The decision core: pure and synchronous, without Faust or a clock; its only I/O reads the package's own TOML files.

Read in this order: transaction (a record becomes a payment), tokens, activity (ten minutes), weekly, features (schema,
inputs, catalogue), rules, model, reasons, detector (one function decides a whole frame), decision (its JSON).
"""
