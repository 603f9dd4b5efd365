"""The client of the Python SDK, both lines: takes commands as loop.mjs says. `python python.py auto|legacy`."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from mcp import StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

try:
    from mcp import Client
except ImportError:
    Client = None
    from mcp import ClientSession

MODE = sys.argv[1] if len(sys.argv) > 1 else "auto"


def tell(message):
    print(json.dumps(message), flush=True)


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


async def elicited(_context, params):
    tell({"event": "elicitation", "params": plain(params)})
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def on_message(message):
    method = getattr(getattr(message, "root", message), "method", None)
    if method == "notifications/tools/list_changed":
        tell({"event": "list_changed"})


class Connection:
    """Enters and leaves all contexts in one task, as anyio wants."""

    def __init__(self, target):
        self.target = target
        self.ready = asyncio.get_running_loop().create_future()
        self.closing = asyncio.Event()
        self.task = asyncio.create_task(self.hold())

    async def streams(self, stack):
        target, headers = self.target, self.target.get("headers")
        if "command" in target:
            parameters = StdioServerParameters(command=target["command"], args=target["args"], env=target.get("env"))
            return stdio_client(parameters)
        if target.get("sse"):
            return sse_client(target["url"], headers=headers)
        http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
        return streamable_http_client(target["url"], http_client=http)

    async def hold(self):
        try:
            async with AsyncExitStack() as stack:
                transport = await self.streams(stack)
                callbacks = {"elicitation_callback": elicited, "message_handler": on_message}
                if Client is None:
                    streams = await stack.enter_async_context(transport)
                    client = await stack.enter_async_context(ClientSession(streams[0], streams[1], **callbacks))
                    about = await client.initialize()
                    self.about = {
                        "revision": about.protocolVersion,
                        "server": about.serverInfo.name,
                        "capabilities": plain(about.capabilities),
                    }
                else:
                    client = await stack.enter_async_context(Client(transport, mode=MODE, **callbacks))
                    self.about = {
                        "revision": client.protocol_version,
                        "server": getattr(client.server_info, "name", None),
                        "capabilities": plain(client.server_capabilities),
                    }
                self.client = client
                self.ready.set_result(None)
                await self.closing.wait()
        except BaseException as error:
            if not self.ready.done():
                self.ready.set_exception(error if isinstance(error, Exception) else RuntimeError(str(error)))

    async def list(self):
        return [plain(tool) for tool in (await self.client.list_tools()).tools]

    async def call(self, name, args):
        async def on_progress(progress, total=None, message=None):
            tell({"event": "progress", "progress": progress})

        return plain(await self.client.call_tool(name, args, progress_callback=on_progress))

    async def close(self):
        self.closing.set()
        await asyncio.wait([self.task], timeout=5)


def innermost(error):
    while isinstance(error, BaseExceptionGroup if sys.version_info >= (3, 11) else ()):
        error = error.exceptions[0]
    return error


class Program:
    connection = None

    async def connect(self, message):
        target = {key: value for key, value in message.items() if key not in ("id", "do")}
        self.connection = Connection(target)
        await self.connection.ready
        return self.connection.about

    async def list(self, _message):
        return await self.connection.list()

    async def call(self, message):
        return await self.connection.call(message["name"], message["args"])

    async def close(self, _message):
        await self.connection.close()
        return {}

    async def answer(self, message):
        try:
            seconds = 60 if message["do"] == "connect" else 20
            done = await asyncio.wait_for(getattr(self, message["do"])(message), seconds)
            tell({"id": message["id"], "ok": done})
        except Exception as error:
            error = innermost(error)
            code = getattr(getattr(error, "error", error), "code", None)
            text = str(error) or type(error).__name__
            tell({"id": message["id"], "failed": {"code": code, "message": text}})


async def main():
    program = Program()
    loop = asyncio.get_running_loop()
    running = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(program.answer(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
