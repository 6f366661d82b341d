"""One route of each service, for what must hold in all of them."""

ONE_OF_EACH = [
    "/api/v1/users/me/sessions",
    "/api/v1/social-accounts",
    "/regression/metrics/nobody",
    "/api/v1/insights/sentiment",
    "/data/info",
]
# News is promised within a second; the machines of tests are busy.
PATIENCE_SECONDS = 5
