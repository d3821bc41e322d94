"""What the routes of one server share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from starlette.requests import HTTPConnection

from app import __version__
from app.assets import Plotly
from app.device import Device
from app.experiment import Cell, Experiment, Recurrent
from app.files import Files
from app.lessons import Shelf
from app.metrics import Metrics
from app.page_files import PageFiles
from app.protocol import Capabilities, Hello, Limits
from app.settings import Settings
from app.workshop import Seats, Workshop
from rnncore import OPERATIONS


@dataclass(frozen=True)
class House:
    """One server's settings, files, threads and seats."""

    settings: Settings
    device: Device
    frontend: Path
    plotly: Plotly
    page: PageFiles
    workshop: Workshop
    files: Files
    seats: Seats
    metrics: Metrics
    lessons: Shelf

    @property
    def hello(self) -> Hello:
        """The first message on every socket."""
        values = {name: getattr(self.settings, name) for name in Limits.model_fields}
        return Hello(
            version=__version__,
            device=self.device,
            limits=Limits(**values),
            capabilities=capabilities(),
        )


def house_of(connection: HTTPConnection) -> House:
    """The house that serves `connection`."""
    house: House = connection.app.state.house
    return house


def capabilities() -> Capabilities:
    """Every choice in the Experiment, read from its own types."""
    return Capabilities(
        cells=_choices(Cell, "kind"),
        activations=_choices(Cell, "activation"),
        ensembles=_choices(Recurrent, "ensemble"),
        inputs=_kinds("input"),
        initial_states=_kinds("initial_state"),
        losses=_kinds("loss"),
        edits=list(OPERATIONS),
        dtypes=_choices(Experiment, "dtype"),
    )


def _choices(model: type[Cell] | type[Recurrent] | type[Experiment], field: str) -> list[str]:
    return list(get_args(model.model_fields[field].annotation))


def _kinds(field: str) -> list[str]:
    members = get_args(Experiment.model_fields[field].annotation)
    return [get_args(get_args(member)[0].model_fields["kind"].annotation)[0] for member in members]
