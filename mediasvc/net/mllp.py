"""The MLLP listener: one message in a frame, committed, then one acknowledgement.

What is not framed to its end has no effect and no answer (FAULTS I17). Peers, sizes, times and the
number of connections are limited (FAULTS I20); messages are handled one at a time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address, ip_network

from mediasvc.errors import BudgetError
from mediasvc.settings import Hl7

log = logging.getLogger(__name__)
START, END = b"\x0b", b"\x1c\r"
READ = 1 << 16

#: The message without its frame → the answer without one. Called in a thread of its own.
Handle = Callable[[bytes], bytes]


class Listener:
    """Listens from `start` until `stop`, in a thread of its own."""

    def __init__(self, settings: Hl7, handle: Handle) -> None:
        self._settings, self._handle = settings, handle
        self._peers = [ip_network(peer, strict=False) for peer in settings.mllp_peers]
        self._open: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, "mllp-message")
        self._thread = threading.Thread(target=self._run, name="mllp", daemon=True)

    def start(self) -> None:
        """Raises OSError when the address cannot be listened at."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """A message that is being handled is finished; its sender may get no answer."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._worker.shutdown(wait=True)
            self._loop.close()
            self._ready.set()

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(
                self._connected, self._settings.mllp_host, self._settings.mllp_port,
                limit=READ, backlog=self._settings.connections)
        except OSError as error:
            self._failure = error
            return
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._welcome(writer):
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await self._talk(reader, writer)
        except (TimeoutError, BudgetError, OSError) as error:
            log.warning("mllp: a connection was ended (%s)", type(error).__name__)
            writer.transport.abort()
        except asyncio.CancelledError:
            pass  # the listener stops
        finally:
            self._open.discard(task)
            writer.close()

    def _welcome(self, writer: asyncio.StreamWriter) -> bool:
        try:
            address = ip_address(str(writer.get_extra_info("peername")[0]).partition("%")[0])
        except (TypeError, ValueError):
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not any(address in peer for peer in self._peers):
            log.warning("mllp: a peer that is not in hl7.mllp_peers was cut off")
            return False
        return len(self._open) < self._settings.connections

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = _Frames(reader, self._settings)
        while (data := await frames.following()) is not None:
            answer = await self._loop.run_in_executor(self._worker, self._handle, data)
            writer.write(START + answer + END)
            async with asyncio.timeout(self._settings.message_seconds):
                await writer.drain()


class _Frames:
    """The frames of one connection."""

    def __init__(self, reader: asyncio.StreamReader, settings: Hl7) -> None:
        self._reader, self._settings = reader, settings
        self._held = bytearray()

    async def following(self) -> bytes | None:
        """The next message; None when the peer has gone, also in the middle of a frame.

        Raises BudgetError for a frame that is too long, TimeoutError for one that is too slow.
        """
        async with asyncio.timeout(self._settings.idle_seconds):
            while (begin := self._held.find(START)) < 0:
                self._held.clear()  # between frames nothing means anything
                if not await self._more():
                    return None
        del self._held[:begin + 1]
        searched = 0
        async with asyncio.timeout(self._settings.message_seconds):
            while (end := self._held.find(END, searched)) < 0:
                if len(self._held) > self._settings.message_bytes:
                    raise BudgetError("too long")
                searched = max(0, len(self._held) - 1)
                if not await self._more():
                    return None
        data = bytes(self._held[:end])
        del self._held[:end + len(END)]
        if len(data) > self._settings.message_bytes:
            raise BudgetError("too long")
        # A frame that begins inside another one: the first was cut off.
        return data.rpartition(START)[2]

    async def _more(self) -> bool:
        data = await self._reader.read(READ)
        self._held += data
        return bool(data)
