"""A bot of 20 lines: it reads along in a conversation and answers what begins with "/price".

python bot.py ws://127.0.0.1:8000/ws "$(parlance token --kind service --sub price-bot)" conv:01J…
"""

import asyncio
import sys

from parlance_client import Client, Message

PRICES = {"tea": "4.20 €", "coffee": "6.90 €"}


async def main(url: str, token: str, channel: str) -> None:
    async with Client(url, token=token, name="price-bot") as client:
        await client.subscribe(channel)
        print("ready", flush=True)
        async for event in client.events():
            if isinstance(event, Message) and event.text.startswith("/price "):
                answer = PRICES.get(event.text.removeprefix("/price ").strip().lower(), "We don't sell that.")
                # A key made from the question: asked twice, after a restart too, it is answered once.
                await client.send(channel, answer, key=f"price-{event.message_id}", reply_to=event.message_id)


asyncio.run(main(*sys.argv[1:]))
