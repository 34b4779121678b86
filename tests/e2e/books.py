"""Do the sums agree? Asked of SQL and of the venue's own dump; nothing of the production code takes part."""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.e2e.stack import Stack

# Each query names what contradicts itself; no row is the right answer. Each is one statement, which sees one moment:
# trading goes on while it is asked.
CONTRADICTIONS = {
    "a ledger transaction does not sum to zero": """
        SELECT transaction_id, asset, sum(amount) FROM ledger GROUP BY 1, 2 HAVING sum(amount) <> 0""",
    "cash is not the sum of the ledger": """
        SELECT b.id, b.cash, sum(l.amount) FROM bots b JOIN ledger l
        ON l.bot_id = b.id AND l.ledger_account = 'assets' AND l.asset = b.quote
        GROUP BY 1, 2 HAVING b.cash <> sum(l.amount)""",
    "cash is not what the fills leave": """
        SELECT b.id, b.cash, b.initial_balance + coalesce(sum(
            CASE f.side WHEN 'sell' THEN 1 ELSE -1 END * f.quantity * f.price
            - CASE WHEN f.fee_currency = b.quote THEN f.fee ELSE 0 END), 0) AS left_over
        FROM bots b LEFT JOIN fills f ON f.bot_id = b.id GROUP BY b.id
        HAVING b.cash <> b.initial_balance + coalesce(sum(
            CASE f.side WHEN 'sell' THEN 1 ELSE -1 END * f.quantity * f.price
            - CASE WHEN f.fee_currency = b.quote THEN f.fee ELSE 0 END), 0)""",
    "realised profit or fees are not the sums of the positions": """
        SELECT b.id, b.realised, sum(p.realised), b.fees, sum(p.fees) FROM bots b JOIN positions p ON p.bot_id = b.id
        GROUP BY 1, 2, 4 HAVING (b.realised, b.fees) <> (sum(p.realised), sum(p.fees))""",
    "initial balance + realised + unrealised - fees is not equity": """
        SELECT e.at, b.initial_balance, e.realised, e.unrealised, e.fees, e.equity FROM equity e JOIN bots b
        ON b.id = e.bot_id WHERE b.initial_balance + e.realised + e.unrealised - e.fees <> e.equity""",
    "cash + positions is not equity": """
        SELECT at, cash, positions_value, equity FROM equity WHERE cash + positions_value <> equity""",
    "what is held is not what the ledger says": """
        SELECT p.bot_id, p.base, p.held, l.amount FROM
        (SELECT bot_id, base, sum(quantity) AS held FROM positions GROUP BY 1, 2) p FULL JOIN
        (SELECT bot_id, asset, sum(amount) AS amount FROM ledger JOIN bots b ON b.id = bot_id
         WHERE ledger_account = 'assets' AND asset <> b.quote
         -- A fee in a third currency is no position's: transaction "fill|account|BASE/QUOTE|trade".
         AND (kind <> 'fee' OR asset = split_part(split_part(transaction_id, '|', 3), '/', 1)) GROUP BY 1, 2) l
        ON l.bot_id = p.bot_id AND l.asset = p.base WHERE p.held IS DISTINCT FROM l.amount""",
    "an order is not the sum of its fills": """
        SELECT o.client_order_id, o.filled, sum(f.quantity) FROM orders o LEFT JOIN fills f USING (client_order_id)
        GROUP BY 1, 2 HAVING o.filled <> coalesce(sum(f.quantity), 0)""",
    "the events have a gap": """
        SELECT max(number), count(number) FROM outbox HAVING max(number) <> count(number)""",
    "a slot was decided twice": """
        SELECT strategy_id, run, candle_open_ms, count(*) FROM decisions GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "two positions of one strategy are open": """
        SELECT strategy_id, count(*) FROM positions WHERE state = 'open' GROUP BY 1 HAVING count(*) > 1""",
}


def contradictions(stack: Stack) -> dict[str, list[tuple[Any, ...]]]:
    """What does not agree with itself, with the rows that show it."""
    found = {what: stack.sql(query) for what, query in CONTRADICTIONS.items()}
    return {what: rows for what, rows in found.items() if rows}


def differences_from_venue(stack: Stack) -> dict[str, Counter[tuple[str, ...]]]:
    """Trades that only one side knows, and intents that became more than one order at the venue."""
    dump = stack.venue.dump()
    theirs = Counter((str(t["id"]), *_amounts(t["qty"], t["price"], t["commission"])) for t in dump["trades"])
    rows = stack.sql("SELECT trade_id, quantity, price, fee FROM fills")
    ours = Counter((trade_id, *_amounts(*amounts)) for trade_id, *amounts in rows)
    intents = Counter((str(order["clientOrderId"]),) for order in dump["orders"])
    found = {
        "only at the venue": theirs - ours,
        "only in the ledger": ours - theirs,
        "sent twice": Counter({intent: count for intent, count in intents.items() if count > 1}),
    }
    return {what: rows for what, rows in found.items() if rows}


def _amounts(*values: object) -> tuple[str, ...]:
    return tuple(format(Decimal(str(value)).normalize(), "f") for value in values)
