// ReDoc over the suite's own OpenAPI document; nothing is fetched from elsewhere.
"use strict";

Redoc.init(
  "/openapi.json",
  {
    disableSearch: false,
    jsonSampleExpandLevel: 3,
    requiredPropsFirst: true,
    theme: { colors: { primary: { main: "#14323f" } } },
  },
  document.getElementById("manual"),
);
