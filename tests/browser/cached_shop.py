"""The example shop behind a cache that lets no visitor cookie through: its pages have the cookie of the script."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

APP = Path(__file__).parents[2] / "examples" / "starlette_shop" / "app.py"


def create_app():
    """The shop, its answers without ``Set-Cookie: cbuid``."""
    spec = importlib.util.spec_from_file_location("shop_app", APP)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    shop = module.create_app()

    async def cached(scope, receive, send):
        async def stripped(message):
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0] != b"set-cookie" or b"cbuid=" not in one[1]]
                message = {**message, "headers": kept}
            await send(message)

        await shop(scope, receive, stripped)

    return cached
