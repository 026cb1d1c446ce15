"""A client of the API for programs in Python: `Client`, and `AsyncClient` for asyncio.

    with Client("http://127.0.0.1:8088", key) as client:
        decision = client.predict({"tid": "p-1", "cc_num": "4006080197832643", "amount": 12.5, "trans_ts": 1764230400})
        if decision.outcome == "block":
            ...

Asking again is safe, because an id is one event; so both ask again by themselves while there is time.
"""

from fraudstream.client.answers import ApiError, Decision, Late, Score
from fraudstream.client.asynchronous import AsyncClient
from fraudstream.client.synchronous import Client

__all__ = ["ApiError", "AsyncClient", "Client", "Decision", "Late", "Score"]
