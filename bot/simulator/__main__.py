"""Run the simulator: `python -m bot.simulator --port 8001 --webhook-url http://…/callback`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .server import serve
from .world import DEFAULT_CHANNEL_ID, Channel, World

DEFAULT_PORT = 8001


def main() -> int:
    """Read the arguments and the environment, and serve until a signal says stop."""
    arguments = _parser().parse_args()
    secret = os.environ.get("LINE_CHANNEL_SECRET", "").partition(",")[0].strip()
    token = os.environ.get("LINE_CHANNEL_ACCESS_TOKEN", "")
    if not secret or not token:
        sys.stderr.write("LINE_CHANNEL_SECRET and LINE_CHANNEL_ACCESS_TOKEN must be set\n")
        return 2
    channel_id = os.environ.get("LINE_CHANNEL_ID") or DEFAULT_CHANNEL_ID
    channel = Channel(secret, token, channel_id, arguments.webhook_url)
    world = World(channel, state_path=arguments.state, rate_limits=not arguments.no_rate_limits)
    seed = json.loads(arguments.seed.read_text("utf-8")) if arguments.seed else None
    asyncio.run(_serve_until_stopped(world, arguments, seed))
    return 0


async def _serve_until_stopped(
    world: World, arguments: argparse.Namespace, seed: dict[str, Any] | None
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    runner = await serve(world, host=arguments.host, port=arguments.port, seed=seed)
    port = runner.addresses[0][1]
    sys.stdout.write(f"simulator ready url=http://{arguments.host}:{port}/\n")
    sys.stdout.flush()
    await stopping.wait()
    await runner.cleanup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.simulator", description="Play LINE.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--webhook-url", help="where the bot's server takes webhooks")
    parser.add_argument("--state", type=Path, help="SQLite file that survives a restart")
    parser.add_argument("--seed", type=Path, help="JSON file with the first account and people")
    parser.add_argument("--no-rate-limits", action="store_true", help="never answer 429 for speed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
