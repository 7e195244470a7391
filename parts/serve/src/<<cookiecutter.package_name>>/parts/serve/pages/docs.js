// The documentation of the service, from its own OpenAPI document.

import { ask } from "./key.js";

const lead = document.getElementById("lead");
const JSON_TYPE = "application/json";

function made(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  element.append(...children);
  return element;
}

function table(heads, rows) {
  const body = rows.map((row) => made("tr", null, ...row.map((cell) => made("td", cell))));
  const head = made("thead", null, made("tr", null, ...heads.map((text) => made("th", text))));
  const box = made("div", null, made("table", null, head, made("tbody", null, ...body)));
  box.className = "scroll";
  return box;
}

function types(schema) {
  const known = (schema.anyOf || [schema]).flatMap((one) => one.pattern ? ["number as text"] : one.type || []);
  return [...new Set(known)].join(", ");
}

// The schema of one row, which stands in the first way to write the body of /predict; paths of parts have none.
function rowOf(content) {
  const ways = content[JSON_TYPE].schema.oneOf;
  return ways ? ways[0].properties.rows.items.properties : null;
}

function request(path, content) {
  const parts = [made("h3", "Request"), made("p", `The body is one of ${Object.keys(content).join(", ")}.`)];
  const row = rowOf(content);
  if (row) {
    const cells = Object.entries(row).map(([name, cell]) => [name, types(cell), cell.description || ""]);
    parts.push(table(["column", "type in JSON", ""], cells));
  }
  for (const [name, example] of Object.entries(content[JSON_TYPE].examples || {})) {
    parts.push(made("h3", `Example: ${name}`), made("pre", JSON.stringify(example.value, null, 2)));
  }
  const address = decodeURI(new URL(path.slice(1), location.href).href);
  const curl = `curl ${address} -H 'Content-Type: ${JSON_TYPE}' -H "X-API-Key: $API_KEY" --data @rows.json`;
  parts.push(made("h3", "From a shell"), made("pre", curl));
  return parts;
}

function operation(path, method, about) {
  const title = made("h2", null);
  const verb = made("span", method.toUpperCase());
  verb.className = "method";
  title.append(verb, made("code", path));
  const card = made("section", null, title, made("p", about.summary || ""));
  card.className = "card";
  if (about.requestBody) card.append(...request(path, about.requestBody.content));
  const answers = Object.entries(about.responses).map(([status, one]) => [status, one.description]);
  card.append(made("h3", "Answers"), table(["status", ""], answers));
  return card;
}

async function start() {
  const { status, said } = await ask("openapi.json");
  if (status !== 200) {
    lead.textContent = "The service does not tell what it offers.";
    return;
  }
  document.title = document.getElementById("title").textContent = said.info.title;
  lead.textContent = `${said.info.description} Programs read the same in openapi.json.`;
  const cards = Object.entries(said.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => operation(path, method, about)));
  document.getElementById("paths").append(...cards);
}

start().catch(() => { lead.textContent = "The service does not answer."; });
