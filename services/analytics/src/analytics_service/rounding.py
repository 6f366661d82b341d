"""What round_half_away(value, digits) means, once for both engines: DuckDB makes it a macro, Athena's texts expand it."""

# A double such as 1.005 stands a little below the half that it means: nine decimals bring it back before it is rounded.
ROUND_HALF_AWAY = "coalesce(CAST(round(TRY_CAST(value AS DECIMAL(38, 9)), digits) AS DOUBLE), value)"
