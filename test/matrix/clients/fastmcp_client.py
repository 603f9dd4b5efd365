"""The client of FastMCP, from its second line on: takes commands as loop.mjs says."""

import asyncio

import python as base
from fastmcp import Client
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport


async def elicited(_message, _response_type, params, _context):
    base.tell({"event": "elicitation", "params": base.plain(params)})
    return {"name": "Ada"}


def transport_to(target):
    if "command" in target:
        return StdioTransport(target["command"], target["args"], env=target.get("env"), keep_alive=False)
    transport = SSETransport if target.get("sse") else StreamableHttpTransport
    return transport(target["url"], headers=target.get("headers"))


def about(client):
    if hasattr(client, "protocol_version"):
        revision, server, capabilities = client.protocol_version, client.server_info, client.server_capabilities
    else:
        result = client.initialize_result
        revision, server, capabilities = result.protocolVersion, result.serverInfo, result.capabilities
    return {"revision": revision, "server": getattr(server, "name", None), "capabilities": base.plain(capabilities)}


class Connection(base.Connection):
    async def hold(self):
        try:
            client = Client(transport_to(self.target), elicitation_handler=elicited, message_handler=base.on_message)
            async with client:
                self.client, self.about = client, about(client)
                self.ready.set_result(None)
                await self.closing.wait()
        except BaseException as error:
            if not self.ready.done():
                self.ready.set_exception(error if isinstance(error, Exception) else RuntimeError(str(error)))

    async def list(self):
        return [base.plain(tool) for tool in await self.client.list_tools()]

    async def call(self, name, args):
        async def on_progress(progress, total=None, message=None):
            base.tell({"event": "progress", "progress": progress})

        return base.plain(await self.client.call_tool_mcp(name, args, progress_handler=on_progress))


base.Connection = Connection
asyncio.run(base.main())
