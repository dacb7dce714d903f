// The door: the token of the address that was printed is behind the "#", which no server is sent and no log holds.
"use strict";
const form = document.getElementById("enter");
const token = new URLSearchParams(location.hash.slice(1)).get("token");

async function enter(word) {
  const answer = await fetch("/enter", {
    method: "POST", body: new URLSearchParams({ token: word }), redirect: "manual", credentials: "same-origin",
  });
  return answer.type === "opaqueredirect";
}

// Back to what was asked for: a path on this server and nothing else.
function back() {
  const path = form.dataset.back || "/";
  location.replace(path.startsWith("/") && !path.startsWith("//") ? path + location.search : "/");
}

if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  enter(token).then((open) => (open ? back() : (form.querySelector("input").value = "")));
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter(form.token.value.trim()).then((open) => (open ? back() : form.submit()));
});
