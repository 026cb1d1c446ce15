"""The files that pages need: our own, and those that a worker's pages have, too. Browsers keep them, and ask whether they have changed."""

import os

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from fraudstream.console.rendering import HERE, WEB_STATIC

PLACES = {"/static/shared": WEB_STATIC, "/static": HERE / "static"}
"""Address -> folder, the longer address first."""


class Revalidated(StaticFiles):
    """Files that may be kept, but not used without asking."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response


def mount_static(app: FastAPI) -> None:
    """Serve the folders."""
    for address, folder in PLACES.items():
        app.mount(address, Revalidated(directory=folder))
