"""The headers of every answer, and who may put the page into a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.settings import Settings

# Nothing else is loaded, and nothing from elsewhere. Plotly writes style attributes.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"
)
# What the page never asks for, nobody who got in may ask for either. Full screen and the
# clipboard stay as the browser, or whoever frames the page, has them.
DENIED_FEATURES = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)
KEYWORDS = {"self": "'self'", "none": "'none'", "'self'": "'self'", "'none'": "'none'"}
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:\d+|\*))?")


def headers_of(settings: Settings) -> dict[str, str]:
    """What every answer carries. There is no X-Frame-Options: it knows one origin or none.

    Raises:
        ValueError: something of --frame-ancestors can't stand in the policy.
    """
    policy = CONTENT_SECURITY_POLICY
    if settings.frame_ancestors:
        policy += f"; frame-ancestors {_ancestors(settings.frame_ancestors)}"
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in DENIED_FEATURES),
    }


def _ancestors(given: Sequence[str]) -> str:
    sources = [_source(text) for text in given]
    if "'none'" in sources and len(sources) > 1:
        raise ValueError(
            f"frame_ancestors contradicts itself: got {', '.join(given)}; expected none alone, or "
            "others without it. Leave out none."
        )
    return " ".join(sources)


def _source(text: str) -> str:
    """One place in the words of the policy; what is no place could end the policy and begin one."""
    lower = text.lower()
    if lower in KEYWORDS:
        return KEYWORDS[lower]
    # The policy knows no null: what is sandboxed has no name there, only in --allow-origin.
    is_place = lower == "*" or SCHEME.fullmatch(lower) or HOST.fullmatch(lower)
    if is_place and lower != "null":
        return lower
    raise ValueError(
        f"frame_ancestors is not a place: got '{text}'; expected self, none, an origin such as "
        "https://school.example or https://*.school.example, or a scheme such as file:. Leave out "
        "any path."
    )
