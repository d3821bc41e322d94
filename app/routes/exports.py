"""POST /api/export/{file}: a run, or its network, in a form that other programs read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.code_cell import pytorch_cell
from app.code_forms import Form
from app.errors import Refusal
from app.experiment import Experiment
from app.export import WholeRun, csv_file, network_file, npz_file, without_run
from app.frames import Array
from app.house import House, house_of
from app.limits import check_limits, check_lists
from app.protocol import read_experiment
from app.routes.api import BODY, REFUSALS
from app.routes.bodies import body_of
from app.whole_run import HeldResponse, whole_run

Served = Annotated[House, Depends(house_of)]

NETWORK = "network.safetensors"
CODE: Mapping[str, Form] = {
    "pytorch.py": "module",
    "pytorch-loop.py": "loop",
    "pytorch-minimal.py": "minimal",
}


def _code(run: WholeRun, other: Array | None, *, form: Form) -> bytes:
    return pytorch_cell(run, other, form).encode()


MAKERS: Mapping[str, Callable[[WholeRun, Array | None], bytes]] = {
    NETWORK: lambda run, _: network_file(run),
    "run.npz": lambda run, _: npz_file(run),
    "run.csv": lambda run, _: csv_file(run),
    **{name: partial(_code, form=form) for name, form in CODE.items()},
}


def add_to(app: FastAPI) -> None:
    """Adds this route to `app`."""
    file = {"description": "The file", "content": {"application/octet-stream": {}}}
    app.add_api_route(
        "/api/export/{file}",
        export,
        methods=["POST"],
        response_class=Response,
        responses=REFUSALS | {200: file},
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": BODY}}}},
    )


async def export(file: str, request: Request, house: Served) -> Response:
    """Runs an Experiment and answers with a file: its network under nn.RNN's names, its arrays as
    npz or CSV, or a cell of PyTorch code that rebuilds it and asserts the same states: as a module,
    as a loop of its cell, or by hand."""
    if file not in MAKERS:
        raise HTTPException(404)
    with ExitStack() as taken:
        taken.enter_context(house.seats.seat())
        body = await body_of(request, house.settings, limit="max_message_bytes")
        house.workshop.tidier.after_text(len(body))
        check_lists(body, house.settings)
        experiment = read_experiment(body)
        with house.metrics.refusals("file"):
            content = await _file(file, experiment, request, house, taken)
        # Seat and memory are given back when the answer has left.
        answer = HeldResponse([content], taken.pop_all(), house.settings.send_timeout_s)
    answer.headers["Content-Disposition"] = f'attachment; filename="rhoscope-{file}"'
    return answer


async def _file(
    file: str, experiment: Experiment, request: Request, house: House, taken: ExitStack
) -> bytes:
    other = await _in_other_precision(experiment, request, house) if file in CODE else None
    asked = without_run(experiment) if file == NETWORK else experiment
    found = await _run(asked, request, house, taken)
    # The file is of the Experiment that was asked for, not of the step that was taken for it.
    run = WholeRun(experiment, found.arrays, found.layer)
    return await house.workshop.in_thread(lambda: MAKERS[file](run, other))


async def _in_other_precision(
    experiment: Experiment, request: Request, house: House
) -> Array | None:
    """h of the same experiment in the other dtype; None where its numbers don't fit there."""
    dtype = "float64" if experiment.dtype == "float32" else "float32"
    with ExitStack() as taken:
        try:
            run = await _run(experiment.model_copy(update={"dtype": dtype}), request, house, taken)
        except Refusal as refused:
            if refused.error.code == "over_limit":
                raise
            return None
        return run.arrays["h"]


async def _run(
    experiment: Experiment, request: Request, house: House, taken: ExitStack
) -> WholeRun:
    cost = check_limits(experiment, None, house.settings)
    taken.callback(house.workshop.tidier.after_run, cost.memory_bytes)
    frame, _ = await whole_run(house.workshop, experiment, cost, request, taken)
    layer = await house.workshop.in_thread(lambda: house.files.layer(experiment))
    return WholeRun(experiment, frame.tensors, layer)
