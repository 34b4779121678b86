"""A local exchange that speaks Binance's and OKX's spot REST, with prices, faults and a clock on demand."""
