"""Exercises a NATS server with the official Python client; see ../README.md."""

import asyncio
import json
import os
import ssl
import sys
import time

import nats
import nats.errors

PATIENCE = 20


def say(value):
    print(json.dumps(value), flush=True)


async def dial(**more):
    env = os.environ.get
    options = {"reconnect_time_wait": 0.05, "max_reconnect_attempts": -1, "connect_timeout": PATIENCE}
    if env("NATS_CA"):
        context = ssl.create_default_context(cafile=env("NATS_CA"))
        if env("NATS_CERT"):
            context.load_cert_chain(env("NATS_CERT"), env("NATS_KEY"))
        options["tls"] = context
    if env("NATS_TOKEN"):
        options["token"] = env("NATS_TOKEN")
    if env("NATS_USER"):
        options.update(user=env("NATS_USER"), password=env("NATS_PASSWORD"))
    if env("NATS_SEED"):
        options["nkeys_seed"] = env("NATS_SEED")
    return await nats.connect(env("NATS_URL"), **{**options, **more})


async def until(done):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not done():
        await asyncio.sleep(0.005)
    return done()


async def settle(client):
    """All that was said before is done by the broker: this client's first ping may overtake what it still has to write, its second can't."""
    await client.flush(PATIENCE)
    await client.flush(PATIENCE)


async def messages():
    client, other = await dial(), await dial()
    seen = []

    def note(prefix):
        async def keep(message):
            seen.append(f"{prefix} {message.subject} {message.data.decode()}")

        return keep

    async def echo(message):
        await message.respond(message.data)

    await client.subscribe("a.*.c", cb=note("*"))
    await client.subscribe("a.>", cb=note(">"))
    gone = await client.subscribe("a.b.c", cb=note("never"))
    await gone.unsubscribe()
    await client.subscribe("big", cb=echo)
    await settle(client)
    for subject in ["a.b.c", "a.b.d", "a.b", "b.b.c"]:
        await other.publish(subject, b"hi")
    answer = await other.request("big", bytes(500_000), timeout=PATIENCE)
    await until(lambda: len(seen) >= 4)
    await settle(client)
    return {"seen": sorted(seen), "bytes": len(answer.data)}


async def queue():
    client = await dial()
    counts = [0, 0, 0]

    def member(index):
        async def count(_message):
            counts[index] += 1

        return count

    for index in range(3):
        await client.subscribe("work", queue="workers", cb=member(index))
    for _ in range(300):
        await client.publish("work")
    await settle(client)
    await until(lambda: sum(counts) >= 300)
    await settle(client)
    return {"total": sum(counts), "served": sum(1 for count in counts if count > 0)}


async def request():
    client = await dial()

    async def echo(message):
        await message.respond(b"re: " + message.data)

    await client.subscribe("echo", cb=echo)
    answer = await client.request("echo", b"hi", timeout=PATIENCE)
    try:
        await client.request("nobody", b"hi", timeout=PATIENCE)
        nobody = False
    except nats.errors.NoRespondersError:
        nobody = True
    return {"answer": answer.data.decode(), "nobody": nobody}


async def headers():
    """The library keeps one value for each name, so a list can not be sent."""
    client = await dial()
    subscription = await client.subscribe("h")
    await client.publish("h", b"body", headers={"X-Test": "one"})
    message = await subscription.next_msg(timeout=PATIENCE)
    return {"values": [message.headers["X-Test"]]}


async def drain():
    client, other = await dial(), await dial()
    seen = 0

    async def count(_message):
        nonlocal seen
        seen += 1

    await client.subscribe("d", cb=count)
    await settle(client)
    for _ in range(1000):
        await other.publish("d", b"x")
    await settle(other)
    await client.drain()
    return {"seen": seen}


async def reconnect():
    returns = 0
    seen = 0

    async def returned():
        nonlocal returns
        returns += 1

    async def count(_message):
        nonlocal seen
        seen += 1 if returns > 0 else 0

    async def ignore(_error):
        """The cut is what this scenario is about."""

    client = await dial(reconnected_cb=returned, error_cb=ignore)
    await client.subscribe("again", cb=count)
    await settle(client)
    say({"ready": True})
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and seen == 0:
        if returns > 0:
            await client.publish("again")
        await asyncio.sleep(0.02)
    return {"back": seen > 0}


async def slow():
    noticed = False

    async def keep(error):
        nonlocal noticed
        noticed = noticed or isinstance(error, nats.errors.SlowConsumerError)

    client, other = await dial(error_cb=keep), await dial()
    gate = asyncio.Event()

    async def wait(_message):
        await gate.wait()

    await client.subscribe("s", cb=wait, pending_msgs_limit=10)
    await settle(client)
    for _ in range(1000):
        await other.publish("s", b"x")
    await settle(other)
    await until(lambda: noticed)
    gate.set()
    await settle(client)
    return {"noticed": noticed, "alive": True}


async def refused():
    async def ignore(_error):
        """Told by the exception."""

    try:
        await dial(allow_reconnect=False, max_reconnect_attempts=0, error_cb=ignore)
        return {"refused": False, "message": ""}
    except Exception as error:  # whatever the library raises is the fact
        return {"refused": True, "message": str(error).lower()}


SCENARIOS = {
    "messages": messages,
    "queue": queue,
    "request": request,
    "headers": headers,
    "drain": drain,
    "reconnect": reconnect,
    "slow": slow,
    "refused": refused,
}

say(asyncio.run(SCENARIOS[sys.argv[1]]()))
