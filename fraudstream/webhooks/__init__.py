"""Webhooks: alerts sent to addresses of other programs, signed, each at least once; see docs/webhooks.md."""
