"""The venue's own books, kept apart from the ledger's: nothing but this adapter reads them."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, MetaData, Numeric, Table, Text

metadata = MetaData()

paper_orders = Table(
    "paper_orders",
    metadata,
    Column("client_order_id", Text, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("symbol", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("quote", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("price", Numeric),
    Column("state", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("exchange", Text, nullable=False),
)

paper_fills = Table(
    "paper_fills",
    metadata,
    Column("trade_id", BigInteger, Identity(always=True), primary_key=True),
    Column("client_order_id", Text, ForeignKey("paper_orders.client_order_id"), nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("fee", Numeric, nullable=False),
    Column("fee_currency", Text, nullable=False),
    Column("filled_at", DateTime(timezone=True), nullable=False),
    Index("paper_fills_by_order", "client_order_id"),
)
