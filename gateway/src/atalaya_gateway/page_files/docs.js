// Swagger UI with a log-in: the token that it gets is sent with every call that is tried, and forgotten with the page.
"use strict";

const logIn = document.getElementById("log-in");
const logOut = document.getElementById("log-out");
const told = document.getElementById("told");

const routes = SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("routes"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  presets: [SwaggerUIBundle.presets.apis],
  tryItOutEnabled: true,
  validatorUrl: null,
});

function show(name) {
  logIn.hidden = name !== "";
  logOut.hidden = name === "";
  document.getElementById("who").textContent = name === "" ? "" : `Logged in as ${name}`;
}

async function askForToken(form) {
  const response = await fetch("/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: form.get("username"), password: form.get("password") }),
  });
  const body = await response.json();
  if (response.ok) return body.access_token;
  throw new Error(typeof body.detail === "string" ? body.detail : body.detail.map((one) => one.msg).join("; "));
}

logIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  told.textContent = "";
  const form = new FormData(logIn);
  try {
    routes.preauthorizeApiKey("bearer", await askForToken(form));
    logIn.reset();
    show(form.get("username"));
  } catch (error) {
    told.textContent = error.message;
  }
});

logOut.addEventListener("submit", (event) => {
  event.preventDefault();
  routes.authActions.logout(["bearer"]);
  show("");
});

show("");
