# syntax=docker/dockerfile:1
# Three images from one file: `worker` (what decides), `offline` (the same plus the nightly job and training) and `cluster` (everything that
# deploy/kubernetes runs: also API, console, and S3, Redis and PostgreSQL).

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/fraudstream
ENV PATH=/opt/fraudstream/bin:$PATH
WORKDIR /src
COPY requirements/worker.txt requirements/
RUN pip install -r requirements/worker.txt
COPY pyproject.toml README.md LICENSE ./
COPY agents agents
COPY tables tables
COPY fraudstream fraudstream
RUN pip install --no-deps .

FROM build AS build-offline
COPY requirements/demo.txt requirements/
RUN pip install --constraint requirements/demo.txt duckdb scikit-learn

FROM build AS build-cluster
COPY requirements/dev.txt requirements/
RUN pip install --constraint requirements/dev.txt ".[api,aws,console,offline,postgresql,redis]"

FROM python:3.11-slim AS base
# XGBoost needs OpenMP's runtime; nothing else is installed.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fraudstream \
    && install --directory --owner=fraudstream --group=fraudstream --mode=0700 /data /state
ENV PATH=/opt/fraudstream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FRAUDSTREAM_DATA_DIR=/data \
    FRAUDSTREAM_STATE_DIR=/state
WORKDIR /tmp
USER 10001
VOLUME ["/data", "/state"]

FROM base AS offline
COPY --from=build-offline /opt/fraudstream /opt/fraudstream
CMD ["fraudstream", "--help"]

FROM base AS cluster
COPY --from=build-cluster /opt/fraudstream /opt/fraudstream
STOPSIGNAL SIGTERM
CMD ["fraudstream", "worker"]

FROM base AS worker
COPY --from=build /opt/fraudstream /opt/fraudstream
EXPOSE 6066
STOPSIGNAL SIGTERM
# 503 while the state is being restored or a partition waits without progress: see fraudstream/monitor/health.py.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:6066/health', timeout=2)"]
CMD ["fraudstream", "worker"]
