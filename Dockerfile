FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

# Before the sources, so that a change of code installs nothing again.
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY setup.cfg pyproject.toml celery_config.py ./
COPY api api
COPY cli cli
COPY shared shared
COPY simulator simulator
COPY strategies strategies
COPY worker worker
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --system --uid 10001 orchestrator \
    && install -d -o orchestrator /data

USER orchestrator
EXPOSE 8000
CMD ["gunicorn", "api.app:create_app()", "-b", "0.0.0.0:8000", "-k", "gthread", "-w", "2", "--threads", "100", "--no-control-socket"]
