// Requests to the service, with the key that it may ask for. The key stays in this tab and is forgotten with it.

const KEY = "api-key";
const form = document.getElementById("key");
const text = document.getElementById("key-text");
const lead = document.getElementById("lead");
const wrong = document.getElementById("key-wrong");

export async function ask(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401) return { status: response.status, said: await response.json() };
    lead.textContent = "This service asks for a key.";
    sessionStorage.removeItem(KEY);
    await typed(key ? "This is not the key." : "");
  }
}

// Show the form until a key is typed that a header can hold.
function typed(reason) {
  wrong.textContent = reason;
  form.hidden = false;
  text.value = "";
  text.focus();
  return new Promise((resolve) => {
    form.onsubmit = (event) => {
      event.preventDefault();
      if (!/^[\x20-\x7e]+$/.test(text.value) || text.value !== text.value.trim()) {
        wrong.textContent = "A key has ASCII characters only, and no space at its ends.";
        return;
      }
      sessionStorage.setItem(KEY, text.value);
      form.hidden = true;
      resolve();
    };
  });
}
