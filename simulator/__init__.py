"""A local exchange that speaks Binance's spot REST, with prices, faults and a clock on demand."""
