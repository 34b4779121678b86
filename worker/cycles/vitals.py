"""What a tick leaves behind of itself: success or error, and the auto-pause after too many in a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from shared.domain.bots import Bot, Desired, PausedBy, paused
from shared.domain.errors import ExchangeError, NotAsked, NotFound, Throttled, Unavailable
from shared.domain.events import EventType
from shared.domain.health import is_due_to_pause
from worker.boot import Worker

log = structlog.get_logger(__name__)


@contextmanager
def recorded(worker: Worker, exchange: str, source: str) -> Iterator[None]:
    """Count the block as a success or an error of `exchange`; an exchange's error ends the block, not the task.

    `source` is the kind of tick: errors in a row are counted by it.

    An error of ours ends the task too, once counted. That our time was up, or a store away, is none of the exchange:
    it is no reason to pause what runs there.
    """
    services = worker.services
    try:
        yield
    except ExchangeError as error:
        failed(worker, exchange, source, error)
    except (Unavailable, SoftTimeLimitExceeded):
        raise
    except Exception as error:
        failed(worker, exchange, source, error)
        raise
    else:
        with if_there("success_not_counted", source=source):
            services.state.record_success(exchange, source, services.clock.now())


@contextmanager
def if_there(event: str, **what: str) -> Iterator[None]:
    """For what is only noted in Redis: with that away, stops are watched and orders looked up all the same."""
    try:
        yield
    except Unavailable as error:
        log.info(event, error=str(error), **what)


@contextmanager
def set_aside(failures: list[Exception], event: str, **what: str) -> Iterator[None]:
    """Keep the block's error from what follows it: logged as `event`, and added to `failures`.

    A store that is away, or the task's time being up, ends the tick for all.
    """
    try:
        yield
    except (Unavailable, SoftTimeLimitExceeded):
        raise
    except ExchangeError as error:
        log.warning(event, error=str(error), **what)
        failures.append(error)
    except Exception as error:
        log.exception(event, **what)
        failures.append(error)


def failed(worker: Worker, exchange: str, source: str, error: Exception) -> None:
    """Count one error; at the tenth in a row the system pauses what runs on the exchange: exits go on."""
    in_a_row = counted(worker, exchange, source, error)
    if is_due_to_pause(in_a_row):
        _pause_all(worker, exchange, f"{in_a_row} errors in a row, the last: {error}"[:300])


def counted(worker: Worker, exchange: str, source: str, error: Exception) -> int:
    """Count one error; how many are in a row with it.

    What our own guard held back, or a store of ours that is away, is no error of the exchange and no success either: 0.
    So it is where Redis, which counts, is away.
    """
    services, kind = worker.services, type(error).__name__
    if isinstance(error, NotAsked | Throttled | Unavailable):
        log.info("cycle_held_back", exchange=exchange, source=source, why=str(error))
        return 0
    in_a_row = 0
    with if_there("error_not_counted", source=source):
        in_a_row = services.state.record_error(exchange, source, kind, services.clock.now())
    log.warning("cycle_failed", exchange=exchange, source=source, kind=kind, error=str(error), in_a_row=in_a_row)
    return in_a_row


def _pause_all(worker: Worker, exchange: str, reason: str) -> None:
    now = worker.services.clock.now()

    def pause(bot: Bot | None, _holds: bool) -> Bot:
        if bot is None:
            raise NotFound("the bot is gone")
        return paused(bot, PausedBy.SYSTEM, reason, now) if bot.desired is Desired.RUNNING else bot

    for bot in worker.services.bots.bots():
        if bot.exchange == exchange and bot.desired is Desired.RUNNING:
            worker.services.bots.change(bot.id, pause, EventType.BOT_PAUSED)
            log.warning("bot_auto_paused", bot=bot.id, reason=reason)


def exchange_time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC)
