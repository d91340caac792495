// Swagger UI on the contract, and a token of the role that is picked.
"use strict";

const header = document.getElementById("roles");
const shown = header.querySelector("output");
const buttons = [...header.querySelectorAll("button")];

const ui = SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0, // the schemas stand beside the operations; all of them at once only on request
  displayRequestDuration: true,
  validatorUrl: null, // it would send the contract to a service elsewhere
  onComplete: () => buttons.forEach((button) => (button.disabled = false)), // before that there is nothing to authorize
});

/** Asks the identity service, which this page comes from, for a token. */
async function tokenOf(role) {
  const grant = {
    grant_type: "password", username: role, password: "local", client_id: "docs", audience: header.dataset.audience,
  };
  const response = await fetch("/oauth/token", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(grant),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error_description);
  return body;
}

async function signIn(button) {
  try {
    const { access_token: token, expires_in: seconds } = await tokenOf(button.value);
    ui.preauthorizeApiKey("accessToken", token);
    buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    shown.textContent = `Signed in as ${button.textContent}, until ${new Date(Date.now() + seconds * 1000).toLocaleTimeString()}.`;
  } catch (problem) {
    shown.textContent = `No token: ${problem.message}`;
  }
}

for (const button of buttons) button.addEventListener("click", () => signIn(button));
