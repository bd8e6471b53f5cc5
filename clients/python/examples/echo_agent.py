"""An agent that takes over everybody who asks for a human, and says everything again.

python echo_agent.py ws://127.0.0.1:8000/ws "$(parlance token --kind agent --sub echo --name Echo)"
"""

import asyncio
import sys
from typing import Any

from parlance_client import Client, Event, Message, RequestFailed, User


async def take_over(client: Client, channel: str) -> None:
    try:
        await client.claim(channel)
    except RequestFailed as refused:
        if refused.code == 409:
            return  # a colleague was faster
        raise
    await client.subscribe(channel)
    await client.send(channel, "You are talking to Echo now. Say stop to get the bot back.")


async def answer(client: Client, message: Message) -> None:
    if message.text.strip().lower() == "stop":
        await client.release(message.channel)
        await client.unsubscribe(message.channel)
        return
    await client.typing(message.channel)
    await client.send(message.channel, message.text, key=f"echo-{message.message_id}", reply_to=message.message_id)
    await client.receipt(message.channel, message.offset)


def waiting(event: Event) -> list[dict[str, Any]]:
    """The items that a word of the queue brings."""
    return list(event.data["items"]) if event.name == "snapshot" else [event.data["item"]]


async def main(url: str, token: str) -> None:
    async with Client(url, token=token, name="echo-agent") as client:
        await client.subscribe("agent:queue")
        print("ready", flush=True)
        async for event in client.events():
            match event:
                case Event(channel="agent:queue", name="snapshot" | "upsert"):
                    for item in waiting(event):
                        await take_over(client, item["channel"])
                case Message(sender=User(kind="customer")):
                    await answer(client, event)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
