"""Read fraud alerts in another program: pip install aiokafka; python alerts.py [BROKER [TOPIC]]"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


async def main(broker: str = "localhost:9092", topic: str = "fraud-alerts") -> None:
    """Print every alert; one that was printed and not committed comes again after a crash."""
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker,
        group_id="case-management",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    ) as alerts:
        async for record in alerts:
            alert = json.loads(record.value)
            why = "; ".join(alert["reasons"])
            print(
                f"{alert['transaction_id']}: {alert['outcome']}, card ending {alert['card_last4']}: {why}",
                flush=True,
            )
            await alerts.commit()


asyncio.run(main(*sys.argv[1:]))
