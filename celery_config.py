"""The Celery application: broker, queues, routes and the beat table. No logic.

The broker is a hint, never the record: early acknowledgement, no prefetch, no results, ticks that expire. Every
promise is a row in Postgres, swept by the next tick.
"""

from celery import Celery
from kombu import Queue

from shared.settings import load_settings
from worker.schedule import MARKETS_INTERVAL_S, RECONCILE_INTERVAL_S, RELAY_INTERVAL_S, RESOLVE_INTERVAL_S, every_slot

settings = load_settings()

ORDERS, STRATEGY, PORTFOLIO = "orders", "strategy", "portfolio"

app = Celery(
    "orchestrator",
    broker=settings.redis_url,
    amqp="worker.broker:SteadyAMQP",
    include=["worker.tasks", "worker.signals"],
)

app.conf.update(
    timezone="UTC",
    task_serializer="json",
    accept_content=["json"],
    # On Celery 5.7.0 a Redis outage during a late-acknowledged task kills the worker, and a reset runs it twice.
    task_acks_late=False,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_time_limit=45,
    task_soft_time_limit=30,
    task_default_queue=STRATEGY,
    task_queues=[Queue(ORDERS), Queue(STRATEGY), Queue(PORTFOLIO)],
    # Exits never queue behind entries, entries never behind reports.
    task_routes={
        "worker.position_tick": {"queue": ORDERS},
        "worker.resolve_tick": {"queue": ORDERS},
        "worker.reconcile_tick": {"queue": ORDERS},
        "worker.relay_tick": {"queue": ORDERS},
        "worker.strategy_tick": {"queue": STRATEGY},
        "worker.evaluate_markets": {"queue": STRATEGY},
        "worker.markets_tick": {"queue": STRATEGY},
        "worker.portfolio_tick": {"queue": PORTFOLIO},
    },
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_max_tasks_per_child=10_000,
    worker_soft_shutdown_timeout=10,
    worker_send_task_events=True,
    task_send_sent_event=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # With the defaults a half-open connection hangs a worker for good; with these it is back in seconds.
    broker_transport_options={
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 3,
    },
    beat_scheduler="worker.schedule:SlotScheduler",
    beat_max_loop_interval=1,
    # One entry that fans out, never an entry per bot. A tick that was not run in time is worth nothing.
    beat_schedule={
        "strategy": {
            "task": "worker.strategy_tick",
            "schedule": every_slot(settings.strategy_interval_s),
            "options": {"expires": settings.strategy_interval_s},
        },
        "position": {
            "task": "worker.position_tick",
            "schedule": every_slot(settings.position_interval_s),
            "options": {"expires": settings.position_interval_s},
        },
        "portfolio": {
            "task": "worker.portfolio_tick",
            "schedule": every_slot(settings.portfolio_interval_s),
            "options": {"expires": settings.portfolio_interval_s},
        },
        "resolve": {
            "task": "worker.resolve_tick",
            "schedule": every_slot(RESOLVE_INTERVAL_S),
            "options": {"expires": RESOLVE_INTERVAL_S},
        },
        "reconcile": {
            "task": "worker.reconcile_tick",
            "schedule": every_slot(RECONCILE_INTERVAL_S),
            "options": {"expires": RECONCILE_INTERVAL_S},
        },
        "relay": {
            "task": "worker.relay_tick",
            "schedule": every_slot(RELAY_INTERVAL_S),
            "options": {"expires": RELAY_INTERVAL_S},
        },
        "markets": {
            "task": "worker.markets_tick",
            "schedule": every_slot(MARKETS_INTERVAL_S),
            "options": {"expires": MARKETS_INTERVAL_S},
        },
    },
)
