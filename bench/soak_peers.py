"""Both ends of soak's connections: clients of every habit, and a backend that echoes. Each counts its bytes.

    soak_peers.py backend PORT PORT            until stdin ends; the second port's clients abort
    soak_peers.py client ADDRESS PORT PORT SECONDS RATE SEED
"""

import asyncio
import collections
import json
import random
import socket
import struct
import sys

PART = 64 * 1024
PATIENCE_S = 90
NOISE = random.Random(7).randbytes(1 << 20)


# ---- the backend ----

class Echo(asyncio.Protocol):
    def __init__(self, count):
        self.count = count

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.count["received"] += len(data)
        self.count["sent"] += len(data)
        self.transport.write(data)

    def eof_received(self):
        return False  # closes when all is written

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        if not self.transport.is_closing():
            self.transport.resume_reading()


async def backend(ports):
    counts = [collections.Counter(received=0, sent=0) for _ in ports]
    loop = asyncio.get_running_loop()
    for port, count in zip(ports, counts):
        await loop.create_server(lambda count=count: Echo(count), "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    return {"whole": counts[0], "broken": counts[1]}


# ---- clients ----

class Wrong(Exception):
    pass


class Client:
    def __init__(self, load, name, port):
        self.load, self.count, self.port = load, load.counts[name], port

    async def open(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        await self.load.loop.sock_connect(self.socket, (self.load.address, self.port))
        self.count["opened"] += 1

    async def send(self, data):
        """Counts what the kernel took, also when the rest was not."""
        view = memoryview(data)
        while view:
            try:
                sent = self.socket.send(view[:PART])
                self.count["sent"] += sent
                view = view[sent:]
            except BlockingIOError:
                ready = self.load.loop.create_future()
                self.load.loop.add_writer(self.socket, lambda: ready.done() or ready.set_result(None))
                try:
                    await ready
                finally:
                    self.load.loop.remove_writer(self.socket)

    async def receive(self, length):
        got = bytearray()
        while len(got) < length:
            part = await self.load.loop.sock_recv(self.socket, min(PART, length - len(got)))
            if not part:
                raise Wrong(f"ended after {len(got)} of {length} bytes")
            self.count["received"] += len(part)
            got += part
        return got

    async def echo(self, length):
        """Sends so much and reads it again, both at once."""
        at = self.load.random.randrange(len(NOISE) - length % len(NOISE)) if length < len(NOISE) else 0
        data = NOISE[at:at + length] if length < len(NOISE) else NOISE * (length // len(NOISE))
        sending = asyncio.ensure_future(self.send(data))
        got = await self.receive(len(data))
        await sending
        if got != data:
            raise Wrong("other bytes came back")

    async def end(self):
        """The echo must have ended too."""
        if await self.load.loop.sock_recv(self.socket, 1):
            raise Wrong("bytes after the end")
        self.socket.close()

    def abort(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


async def short(client, draw):
    await client.echo(draw.randrange(1, 4096))
    client.socket.shutdown(socket.SHUT_WR)
    await client.end()


async def bulk(client, draw):
    await client.echo(draw.choice((1, 2, 4)) << 20)
    client.socket.shutdown(socket.SHUT_WR)
    await client.end()


async def long(client, draw):
    for _ in range(draw.randrange(20, 60)):
        await client.echo(draw.randrange(1, 16384))
        await asyncio.sleep(client.load.scaled(draw.uniform(0.1, 1)))
    client.socket.shutdown(socket.SHUT_WR)
    await client.end()


async def idle(client, draw):
    await client.echo(1)
    await asyncio.sleep(client.load.scaled(draw.uniform(20, 60)))
    await client.echo(1)
    client.socket.shutdown(socket.SHUT_WR)
    await client.end()


async def half_closed(client, draw):
    """FIN first, then the answer is read slowly."""
    length = draw.randrange(1024, 200000)
    await client.send(NOISE[:length])
    client.socket.shutdown(socket.SHUT_WR)
    await asyncio.sleep(client.load.scaled(draw.uniform(0.1, 5)))
    if await client.receive(length) != NOISE[:length]:
        raise Wrong("other bytes came back")
    await client.end()


async def aborted(client, draw):
    """Anywhere: before a byte, in the middle of some, after all came back."""
    habit = draw.randrange(3)
    if habit == 1:
        await client.send(NOISE[:draw.randrange(1, 100000)])
        await client.receive(1)
    elif habit == 2:
        await client.echo(draw.randrange(1, 10000))
    await asyncio.sleep(draw.uniform(0, 0.5))
    client.abort()


KINDS = ((short, 70, "whole"), (aborted, 15, "broken"), (half_closed, 8, "whole"), (idle, 3, "whole"),
         (long, 3, "whole"), (bulk, 1, "whole"))


class Load:
    def __init__(self, address, ports, seconds, seed):
        self.address, self.ports, self.seconds = address, ports, seconds
        self.random = random.Random(seed)
        self.loop = asyncio.get_running_loop()
        self.counts = {name: collections.Counter(opened=0, sent=0, received=0) for name in ("whole", "broken")}
        self.kinds = collections.Counter()
        self.wrong, self.why = 0, ""

    def scaled(self, seconds):
        """Long habits are shorter in a short run."""
        return seconds * min(1, self.seconds / 300)

    async def one(self, kind, name):
        client = Client(self, name, self.ports[name])
        try:
            await client.open()
            await asyncio.wait_for(kind(client, self.random), PATIENCE_S)
        except (OSError, Wrong, asyncio.TimeoutError) as error:
            self.wrong += 1
            self.why = f"{kind.__name__}: {error!r}"
            client.abort()

    async def run(self, rate):
        tasks, end = set(), self.loop.time() + self.seconds
        while self.loop.time() < end:
            kind, _, name = self.random.choices(KINDS, [weight for _, weight, _ in KINDS])[0]
            self.kinds[kind.__name__] += 1
            task = asyncio.ensure_future(self.one(kind, name))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            await asyncio.sleep(self.random.expovariate(rate))
        if tasks:
            await asyncio.wait(tasks)
        return {**self.counts, "kinds": self.kinds, "wrong": self.wrong, "why": self.why}


async def client(address, whole, broken, seconds, rate, seed):
    load = Load(address, {"whole": int(whole), "broken": int(broken)}, float(seconds), int(seed))
    return await load.run(float(rate))


def main():
    role, *words = sys.argv[1:]
    result = asyncio.run(backend([int(word) for word in words]) if role == "backend" else client(*words))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
