"""What round_half_away(value, digits) means, once for both engines: a macro in DuckDB, expanded for Athena."""

# A double such as 1.005 stands a little below the half that it means: nine decimals bring it back before it is rounded,
# and fewer where the value is large, for there doubles are that much further apart.
# What is not finite is NULL; in both engines NaN is not within the bound.
ROUND_HALF_AWAY = """
CASE
    WHEN abs(CAST(value AS DOUBLE)) < 1e5
    THEN CAST(round(TRY_CAST(value AS DECIMAL(38, 9)), digits) AS DOUBLE)
    WHEN abs(CAST(value AS DOUBLE)) < 1e7
    THEN CAST(round(TRY_CAST(value AS DECIMAL(38, 7)), digits) AS DOUBLE)
    WHEN abs(CAST(value AS DOUBLE)) < 1e10
    THEN CAST(round(TRY_CAST(value AS DECIMAL(38, 5)), digits) AS DOUBLE)
    WHEN abs(CAST(value AS DOUBLE)) <= 1.7976931348623157e308
    THEN coalesce(CAST(round(TRY_CAST(value AS DECIMAL(38, 4)), digits) AS DOUBLE), CAST(value AS DOUBLE))
END
"""
