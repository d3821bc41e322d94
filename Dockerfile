# Rhoscope in a container:
#
#   docker build -t rhoscope .                          TORCH=cuda for a GPU: --build-arg TORCH=cuda
#   docker run --rm -p 8000:8000 rhoscope               then open http://localhost:8000
#   docker run --rm rhoscope doctor
#
# Flags go at the end of `docker run`; each is a variable too, such as RHOSCOPE_MAX_HIDDEN.

FROM docker.io/library/python:3.11-slim-bookworm AS build

# For the compiled loops; the image itself has no compiler.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev

RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# torch first, in a layer of its own: it is large and seldom changes.
ARG TORCH=cpu
WORKDIR /src
COPY constraints.txt ./
COPY scripts/install.py scripts/
RUN python scripts/install.py --torch "$TORCH" torch

COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY rnncore rnncore
COPY app app
COPY frontend frontend
COPY lessons lessons
RUN python scripts/install.py --torch "$TORCH" .


FROM docker.io/library/python:3.11-slim-bookworm

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin rhoscope \
    && install -d -o rhoscope -g rhoscope /var/lib/rhoscope
COPY --from=build /opt/venv /opt/venv
USER 10001

# One computing thread a run in every library: runs beside one another share the processors.
ENV PATH=/opt/venv/bin:$PATH \
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    RHOSCOPE_HOST=0.0.0.0 RHOSCOPE_PORT=8000 RHOSCOPE_OPEN=false \
    RHOSCOPE_UPLOAD_FOLDER=/var/lib/rhoscope
# Files that people bring along: a volume that outlives the container, or that replicas share.
VOLUME /var/lib/rhoscope

WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['RHOSCOPE_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["rhoscope"]
