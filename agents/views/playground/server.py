"""The playground's server: the page, and the addresses of its pictures and data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastapi
import gradio as gr
import uvicorn
from fastapi.responses import PlainTextResponse, Response

from agents.views.playground import viewer
from agents.views.playground.gallery import Gallery
from agents.views.playground.page import FOLDER, build_page, theme
from agents.views.playground.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_QUERY = 8_000


def build_app(gallery: Gallery, runs: Path | None = None) -> fastapi.FastAPI:
    """Returns the application.

    Args:
        gallery: the agents on offer.
        runs: the folder that trainings are saved in; None if they cannot be saved.
    """
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def answer(request: fastapi.Request, make: Callable[[Settings, str], Response]) -> Response:
        query = dict(request.query_params)
        part = query.pop("part", "")
        try:
            if len(request.url.query) > LONGEST_QUERY:
                raise ValueError(f"expected an address of at most {LONGEST_QUERY} characters")
            return make(Settings.from_query(query), part)
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=422)

    # Not async, so that each is answered by a thread of its own.
    @app.get("/over.png")
    def over(request: fastapi.Request) -> Response:
        return answer(request, lambda view, part: _png(viewer.over_time(gallery, view, part)))

    @app.get("/memory.png")
    def memory(request: fastapi.Request) -> Response:
        return answer(request, lambda view, part: _png(viewer.memory_at(gallery, view, part)))

    @app.get("/figure.png")
    def figure(request: fastapi.Request) -> Response:
        return answer(request, lambda view, _: _png(viewer.figure(gallery, view)))

    @app.get("/data.json")
    def data(request: fastapi.Request) -> Response:
        return answer(request, lambda view, _: _json(viewer.data(gallery, view)))

    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    return gr.mount_gradio_app(
        app,
        build_page(gallery, runs),
        "/",
        head=f"<script>{script}</script>",
        css=(FOLDER / "page.css").read_text(encoding="utf-8"),
        theme=theme(),
        footer_links=[],
        ssr_mode=False,
        max_file_size=1,  # nothing is uploaded
        show_error=False,
    )


def serve(gallery: Gallery, host: str, port: int, runs: Path | None) -> None:
    """Serves the page until it is stopped.

    Args:
        gallery: the agents on offer.
        host: the address to listen at.
        port: the port.
        runs: the folder for saved trainings, for visitors on this machine alone: if the host is
            not one of `LOOPBACK`, nothing is saved.
    """
    app = build_app(gallery, runs if host in LOOPBACK else None)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=_FOR_A_WHILE)


def _json(content: Any) -> Response:
    return Response(json.dumps(content), media_type="application/json")


_FOR_A_WHILE = {"Cache-Control": "private, max-age=300"}
