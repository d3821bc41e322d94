"""Rhoscope from Python: `show` a module in the page, `load` what is behind a link.

>>> from app.notebook import load
>>> run = load("#rho=1.2&H=16&T=50")
>>> run.arrays["h"].shape
(50, 16)
"""

from __future__ import annotations

import asyncio
import atexit
import html
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import uvicorn
from torch import Tensor, nn

from app.device import chosen_device
from app.engine import RunEngine
from app.faults import refusal_of
from app.file_formats import invalid_file
from app.files import Files
from app.found import chosen_layer, experiment_with, found_file
from app.frames import Array, Frame
from app.link import read_link, write_link
from app.plan import Plan
from app.ports import listening_socket, url_of
from app.protocol import Done
from app.running import server_config
from app.server import create_app, files_of
from app.settings import Settings
from app.versions import versions
from rnncore import ArgumentError, module_activation, recurrent_layers

FRAME = '<iframe src="{}" style="width: 100%; height: {}px; border: 0" allow="fullscreen"></iframe>'
FRAME_HEIGHT_PX = 760
STARTING_S = 60
WEIGHTS = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")


class Address(str):
    """A web address; a notebook shows the page behind it."""

    def _repr_html_(self) -> str:
        return FRAME.format(html.escape(self), FRAME_HEIGHT_PX)


@dataclass(frozen=True, eq=False)
class Loaded:
    """What is behind a link.

    Args:
        experiment: the whole document, every default written out.
        arrays: every tensor of the run by its name on the wire: h (T, H), log10_grad_h (T,), …
        verdict: what the page's verdict is made of.
        versions: of Rhoscope and of everything else that decides the bits.
    """

    experiment: dict[str, Any]
    arrays: dict[str, Array]
    verdict: dict[str, Any]
    versions: dict[str, str]

    @property
    def weights(self) -> dict[str, Array]:
        """W_xh, W_hh, b_h, W_hy, b_y as the run used them."""
        return {name: self.arrays[name] for name in WEIGHTS}


def show(
    module: nn.Module | Mapping[str, Tensor],
    x: object = None,
    *,
    layer: int | None = None,
    experiment: Mapping[str, Any] | None = None,
) -> Address:
    """Opens a trained module in the page; its address, which a notebook shows inline.

    A server is started in this process with the first call, and serves until the process ends. It
    keeps the weights in the folder of uploads, so any other Rhoscope of this user opens the link.

    Args:
        module: an nn.RNN, nn.GRU, nn.LSTM or one of their cells, a module with one inside, or a
            state dict.
        x: an input, (T, D) or (B, T, D); None for that of `experiment`.
        layer: one of its recurrent layers alone, from 0; None for all of them, as they are stacked.
        experiment: what else is to differ from `{}`, such as {"steps": 500}.

    Raises:
        Refusal: what was found can't be opened; the message says what and why.
    """
    background = _background()
    settings, files = background.settings, background.files
    changes = _weights(module, layer, files, settings)
    if x is not None:
        driven = _input(x, files, settings)
        D = changes.get("cell.input_size", driven["cell.input_size"])
        if driven["cell.input_size"] != D:
            got = driven["cell.input_size"]
            raise invalid_file("x has the wrong size", got=got, expected=f"(…, T, {D})")
        changes |= driven
    return Address(f"{background.url}/{write_link(experiment_with(changes, experiment))}")


def load(link: str, file: str | PathLike[str] | None = None) -> Loaded:
    """The arrays, the weights and the document behind any link, computed here and now.

    Args:
        link: a page's address, or its hash alone.
        file: the file that the link names by its hash, where it isn't in the folder of uploads.

    Raises:
        Refusal: the link is damaged, or names a file that is not here.
    """
    settings = Settings()
    files = files_of(settings)
    if file is not None:
        files.keep(Path(file).read_bytes())
    wish = read_link(link)
    engine = RunEngine(chosen_device(settings.device), 0, files)
    arrays: dict[str, Array] = {}
    end: Done | None = None
    for item in engine.run(wish, Plan.whole(wish.steps), lambda: False):
        if isinstance(item, Frame):
            arrays |= item.tensors
        else:
            end = item
    assert end is not None and end.experiment is not None  # what every run ends with
    told = json.loads(end.model_dump_json())
    verdict = {name: told[name] for name in ("diagnosis", "spectral_radius", "notes")}
    return Loaded(told["experiment"], arrays, verdict, versions())


def _weights(
    module: nn.Module | Mapping[str, Tensor], layer: int | None, files: Files, settings: Settings
) -> dict[str, Any]:
    """Keeps the weights; the change of an Experiment that opens them."""
    metadata: dict[str, str] = {}
    state: Mapping[str, Tensor]
    if isinstance(module, nn.Module):
        state = module.state_dict()
        activation = module_activation(module)
        metadata = {"nonlinearity": str(activation)} if activation else {}
    else:
        state = module
    tensors = _recurrent_part(state)
    digest, opened = files.keep(safetensors.torch.save(tensors, metadata))
    found = found_file(digest, opened, settings)
    return dict(chosen_layer(found, layer).changes)


def _recurrent_part(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that a recurrent layer is made of, out of a state dict that may hold anything."""
    if not isinstance(state, Mapping):
        got = type(state).__name__
        raise invalid_file("is no module", got=got, expected="an nn.Module, or a state dict")
    dense = {
        name: weight.detach()
        for name, weight in state.items()
        if isinstance(weight, Tensor) and weight.layout == torch.strided and not weight.is_meta
    }
    try:
        layers = recurrent_layers(dense)
    except ArgumentError as error:
        raise refusal_of(error) from None
    used = {name for layer in layers for names in layer.sources.values() for name in names}
    if not used:
        raise invalid_file(
            "holds no recurrent layer",
            got=", ".join(list(state)[:6]) or "nothing",
            expected="weight_ih_l0 and weight_hh_l0 of nn.RNN, nn.GRU or nn.LSTM, or W_hh",
        )
    # Copies: tied weights share memory, which the format doesn't know.
    return {name: dense[name].cpu().clone().contiguous() for name in used}


def _input(x: object, files: Files, settings: Settings) -> dict[str, Any]:
    array = x.detach().cpu() if isinstance(x, Tensor) else torch.from_numpy(np.array(x, np.float64))
    digest, opened = files.keep(safetensors.torch.save({"x": array.contiguous()}))
    found = found_file(digest, opened, settings)
    assert found.input is not None  # one array named x is an input, or was refused
    return dict(found.input.changes)


@dataclass(frozen=True, eq=False)
class _Background:
    """The server in this process."""

    url: str
    settings: Settings
    files: Files


_started: list[_Background] = []
_starting = threading.Lock()


def _background() -> _Background:
    with _starting:
        if not _started:
            _started.append(_start(Settings(open=False)))
        return _started[0]


def _start(settings: Settings) -> _Background:
    """Serves in a thread: a kernel's own event loop, and its signals, stay as they are."""
    app = create_app(settings)
    config = server_config(app, settings)
    listener = listening_socket(settings.host, settings.port)
    server, is_up = uvicorn.Server(config), threading.Event()

    async def serve() -> None:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0)
        is_up.set()
        await serving

    def run() -> None:
        with listener, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="rhoscope", daemon=True)
    thread.start()
    is_up.wait(STARTING_S)
    if not server.started:
        raise RuntimeError("the server did not start: got no answer; expected one in a minute.")

    def stop() -> None:
        server.should_exit = True
        thread.join(STARTING_S)

    atexit.register(stop)
    return _Background(url_of(listener, settings.host), settings, app.state.house.files)
