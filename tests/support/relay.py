"""Carries connections without looking into them: as a load balancer that can forget them, or as an HTTP proxy (CONNECT)."""
import asyncio
import contextlib
import pathlib
import tempfile
import threading

from support.kube import write_kubeconfig
from support.stack import DEADLINE_S, free_ports

PIECE_BYTES = 1 << 16


class Relay(contextlib.AbstractContextManager):
    """To the server `kube`, or with connect=True (kube may be None) to wherever a client asks for; `targets` are those so far."""

    def __init__(self, kube, connect=False):
        self.kube, self.connect, self.targets = kube, connect, []
        self.port, = free_ports(1)
        self.url = f"{'http' if connect else 'https'}://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="opvic-relay-")
        self.forgotten, self.present, self.refuses = set(), set(), False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self._run(asyncio.start_server(self._client, "127.0.0.1", self.port))

    def __exit__(self, *_):
        self._run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.folder.cleanup()

    async def _close(self):
        self.server.close()
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE_S)

    def kubeconfig(self, token):
        return write_kubeconfig(pathlib.Path(self.folder.name) / "kubeconfig", self.url, self.kube.ca, token=token)

    def forget(self):
        """Connections of now carry nothing any more, and nobody is told; how many."""
        async def forget():
            self.forgotten |= self.present
            return len(self.present)
        return self._run(forget())

    def down(self):
        """Connections of now are reset, and others as soon as they are made; until up()."""
        async def down():
            self.refuses = True
            for writer in list(self.present):
                writer.transport.abort()
        self._run(down())

    def up(self):
        self.refuses = False

    async def _client(self, reader, writer):
        if self.refuses:
            writer.transport.abort()
            return
        self.present.add(writer)
        up_writer = None
        try:
            host, port = "127.0.0.1", self.kube and self.kube.port
            if self.connect:
                target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
                self.targets.append(target)
                host, _, port = target.rpartition(":")
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
            await asyncio.wait({asyncio.ensure_future(self._pump(reader, up_writer, writer)),
                                asyncio.ensure_future(self._pump(up_reader, writer, writer))}, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.present.discard(writer)
            for each in (writer, up_writer):
                if each:
                    each.transport.abort()

    async def _pump(self, reader, writer, connection):
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if connection not in self.forgotten:
                    writer.write(piece)
                    await writer.drain()
            while connection in self.forgotten:  # not even that it was closed
                await asyncio.sleep(0.1)
