"""A pipe between primary and replica that can be stopped."""

import asyncio


class Replication:
    def __init__(self, target):
        self.target = target
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.writers = []

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers += [writer, there_writer]
            await asyncio.gather(self._pump(reader, there_writer, False), self._pump(there_reader, writer, True))
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def _pump(self, reader, writer, is_held):
        while chunk := await reader.read(65_536):
            if is_held:
                await self.flowing.wait()
            if writer.transport.is_closing():
                return
            writer.write(chunk)
            await writer.drain()
        writer.close()

    def close(self):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.flowing.set()
