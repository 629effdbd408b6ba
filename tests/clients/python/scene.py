"""What a check is, and what it runs in."""

import asyncio
import json
import uuid
from pathlib import Path

from coherence import CacheOptions, Options, Session
from coherence.event import MapListener

EVENT_SECONDS = 5
RUN = uuid.uuid4().hex[:8]
PEOPLE = json.loads((Path(__file__).parent.parent / "people.json").read_text(encoding="utf-8"))
CHECKS = []


def check(name: str, versions=(0, 1)):
    """Makes a function the check `area.method` or `area.method.case`, for these versions of the protocol."""

    def register(function):
        CHECKS.append((name, versions, function))
        return function

    return register


class Different(Exception):
    def __init__(self, expected, got) -> None:
        super().__init__(f"expected {expected!r}, got {got!r}")
        self.expected = repr(expected)
        self.got = repr(got)


def same(got, expected) -> None:
    # A bool equals an int in Python, but not on the wire.
    if got != expected or type(got) is not type(expected):
        raise Different(expected, got)


async def listed(stream) -> list:
    return [item async for item in stream]


async def pairs(stream) -> dict:
    found = {}
    async for entry in stream:
        if entry.key in found:
            raise Different("each key once", f"{entry.key!r} twice")
        found[entry.key] = entry.value
    return found


async def refused(call, part: str = "") -> None:
    """Awaits an error with this text in it."""
    try:
        result = await call
    except Exception as error:  # The client raises plain Exception.
        if part not in str(error):
            raise Different(f"an error with {part!r}", str(error)) from error
        return
    raise Different(f"an error with {part!r}", result)


async def eventually(what: str, holds) -> None:
    """Asks again until the answer is yes: for what the client tells by no event."""
    deadline = asyncio.get_running_loop().time() + EVENT_SECONDS
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise Different(what, f"not within {EVENT_SECONDS} s")
        await asyncio.sleep(0.01)


class Events:
    """What a listener was told, as (kind, key, old, new), to be waited for one by one."""

    def __init__(self, **settings) -> None:
        self.queue: asyncio.Queue = asyncio.Queue()
        self.listener = MapListener(**settings).on_any(self.add)

    def add(self, event) -> None:
        self.queue.put_nowait((event.description, event.key, event.old, event.new))

    async def next(self):
        try:
            return await asyncio.wait_for(self.queue.get(), EVENT_SECONDS)
        except asyncio.TimeoutError:
            raise Different("an event", f"none within {EVENT_SECONDS} s") from None

    async def kinds(self, count: int) -> list:
        """Kind and key of the next events."""
        return [(await self.next())[:2] for _ in range(count)]

    async def all(self, *expected) -> None:
        for one in expected:
            same(await self.next(), one)
        same(self.queue.empty(), True)


async def told(future):
    try:
        return await asyncio.wait_for(future, EVENT_SECONDS)
    except asyncio.TimeoutError:
        raise Different("a lifecycle event", f"none within {EVENT_SECONDS} s") from None


class Scene:
    """What one check runs in: caches of its own, and sessions that are closed after it."""

    def __init__(self, address: str, version: int, session: Session, name: str) -> None:
        self.address = address
        self.version = version
        self.session = session
        self.name = f"map-api-{RUN}-{name.replace('.', '-')}"
        self.caches = []
        self.sessions = []

    async def cache(self, suffix: str = "", options: CacheOptions | None = None):
        cache = await self.session.get_cache(self.name + suffix, options)
        self.caches.append(cache)
        return cache

    async def people(self):
        """A cache with what people.json has."""
        cache = await self.cache()
        await cache.put_all(PEOPLE)
        return cache

    async def open_session(self, **settings) -> Session:
        session = await Session.create(Options(address=self.address, **settings))
        self.sessions.append(session)
        return session

    def lifecycle(self, source, event) -> asyncio.Future:
        future = asyncio.get_running_loop().create_future()
        source.on(event, lambda *name: future.done() or future.set_result(*name or [None]))
        return future

    async def close(self) -> None:
        for cache in self.caches:
            if not cache.active:
                continue
            if self.version == 0:
                # Destroying while a v0 event stream opens or closes can hang the reference server for good.
                await cache.clear()
                await cache.release()
            else:
                await cache.destroy()
        for session in self.sessions:
            await session.close()
