// The pages that mails lead to: the token stands behind the # of the address, which no server gets to see.
"use strict";

const form = document.getElementById("account");
const told = document.getElementById("told");
const button = form.querySelector("button");

document.documentElement.lang = navigator.language.startsWith("es") ? "es" : "en";

function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  form.elements[form.dataset.token].value = token;
  form.querySelector("[data-for-token]").hidden = true;
  // It is not kept in the history of this browser.
  history.replaceState(null, "", location.pathname);
}

async function send() {
  const response = await fetch(form.dataset.path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  if (response.ok) return;
  const { detail } = await response.json();
  throw new Error(typeof detail === "string" ? detail : detail.map((one) => one.msg).join("; "));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  told.textContent = "";
  button.disabled = true;
  try {
    await send();
    form.hidden = true;
    document.getElementById("done").hidden = false;
  } catch (error) {
    told.textContent = error.message;
  }
  button.disabled = false;
});

takeToken();
