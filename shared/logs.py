"""Structured logs: a static event name and fields beside it, ids bound once per task."""

import logging

import structlog

from shared.settings import LogFormat, Settings


def configure(settings: Settings) -> None:
    """Route the standard library's logging and structlog through one handler on stderr. Repeating it is harmless."""
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if settings.log_format is LogFormat.CONSOLE:
        # The supervisor colours the prefix; colour codes inside a piped line would only be noise.
        renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=24)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in (
        "celery.app.trace",
        "celery.worker.strategy",
        "celery.worker.request",
        "celery.beat",
        "urllib3",
        "alembic",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
