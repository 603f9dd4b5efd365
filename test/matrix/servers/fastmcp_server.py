"""A server on FastMCP, from its second line on: `python fastmcp.py http|sse|stdio [port]`."""

import asyncio
import sys
from dataclasses import dataclass

from fastmcp import Context, FastMCP

KIND = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 0
mcp = FastMCP("fastmcp")
CANCELLED = {}


@dataclass
class Name:
    name: str


@mcp.tool
async def echo(text: str) -> str:
    """The tool echo"""
    return text


@mcp.tool
async def fail() -> str:
    """The tool fail"""
    raise ValueError("this tool fails")


@mcp.tool
async def denied() -> str:
    """The tool denied"""
    return "done"


@mcp.tool
async def limited() -> str:
    """The tool limited"""
    return "done"


@mcp.tool
async def steps(ctx: Context) -> str:
    """The tool steps"""
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3)
        await asyncio.sleep(0.2)
    return "three steps"


@mcp.tool
async def wait(key: str, ctx: Context) -> str:
    """The tool wait"""
    await ctx.report_progress(1, 3)
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        CANCELLED[key] = CANCELLED.get(key, 0) + 1
        raise
    return "waited"


@mcp.tool
async def cancelled(key: str) -> str:
    """The tool cancelled"""
    return str(CANCELLED.get(key, 0))


@mcp.tool
async def ask(ctx: Context) -> str:
    """The tool ask"""
    answer = await ctx.elicit("What is your name?", response_type=Name)
    return f"{answer.action} {answer.data.name if answer.action == 'accept' else ''}"


@mcp.tool
async def grow(ctx: Context) -> str:
    """The tool grow"""

    @mcp.tool
    async def grown() -> str:
        """The tool grown"""
        return "grown"

    if hasattr(ctx, "send_tool_list_changed"):
        await ctx.send_tool_list_changed()
    return "grown"


if KIND == "stdio":
    mcp.run("stdio", show_banner=False)
else:
    mcp.run("sse" if KIND == "sse" else "http", host="127.0.0.1", port=PORT, show_banner=False)
