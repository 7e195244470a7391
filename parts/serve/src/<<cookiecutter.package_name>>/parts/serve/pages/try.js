// The page to try the model: a field for each column of the schema, and what the model says of them.

import { body, fromInput, own, picked, ranked, short, toInput, truth } from "./fields.js";
import { ask } from "./key.js";

const MOST_SHARES = 8;
const form = document.getElementById("form");
const answer = document.getElementById("answer");
const lead = document.getElementById("lead");
const fields = [];
let asked = 0;
let shown = -1;

function made(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Each kind of column: its input, how a value of the table gets there, and what it means.
// Ids are numbers, and inputs have no names: a column may be called `elements` or `submit`.
const KINDS = {
  boolean: (column) => {
    const input = chosen(["yes", "no"], column);
    return {
      input,
      fill: (value) => { input.value = { true: "0", false: "1" }[truth(value)] ?? ""; },
      value: () => input.value === "0",
    };
  },
  choice: (column) => {
    const input = chosen(column.categories, column);
    return {
      input,
      fill: (value) => {
        const place = column.categories.indexOf(String(value));
        input.value = place < 0 ? "" : String(place);
      },
      value: () => column.categories[Number(input.value)],
    };
  },
  number: () => {
    const input = made("input", null, { type: "number", step: "any", inputmode: "decimal" });
    return { input, fill: (value) => { input.value = Number(value); }, value: () => Number(input.value) };
  },
  date: (column) => dated(column, "date", false),
  datetime: (column) => dated(column, "datetime-local", true),
  text: () => {
    const input = made("textarea", null, { rows: 3 });
    return { input, fill: (value) => { input.value = String(value); }, value: () => input.value };
  },
  code: () => {
    const input = made("input", null, { type: "text", spellcheck: "false", autocapitalize: "off" });
    return { input, fill: (value) => { input.value = String(value); }, value: () => input.value };
  },
};

function chosen(choices, column) {
  const input = made("select", null);
  input.append(made("option", column.can_be_missing ? "(missing)" : "(choose)", { value: "" }));
  choices.forEach((choice, place) => input.append(made("option", choice, { value: place })));
  return input;
}

function dated(column, type, withTime) {
  if (!picked(column.format)) return KINDS.code(column);
  const input = made("input", null, { type, step: withTime ? 1 : "any" });
  return {
    input,
    fill: (value) => { input.value = toInput(value, column.format, withTime); },
    value: () => fromInput(input.value, column.format),
  };
}

function hint(column) {
  const hints = [];
  if (["date", "datetime"].includes(column.kind) && !picked(column.format)) hints.push(`a date, as ${column.format}`);
  if (column.kind === "number" && column.min !== null) {
    hints.push(`in training ${short(column.min)} to ${short(column.max)}`);
  }
  if (column.can_be_missing) hints.push("may be empty");
  return hints.join("; ");
}

function field(column, place) {
  const box = made("div", null, { class: column.kind === "text" ? "field wide" : "field" });
  const id = `field-${place}`;
  const kind = KINDS[column.kind](column);
  const error = made("p", "", { class: "error", id: `${id}-error` });
  const warning = made("p", "", { class: "warning", id: `${id}-warning` });
  const note = made("small", hint(column), { id: `${id}-hint` });
  kind.input.id = id;
  kind.input.setAttribute("autocomplete", "off");
  kind.input.setAttribute("aria-describedby", `${id}-hint ${id}-error ${id}-warning`);
  box.append(made("label", column.name.trim() ? column.name : "(a column without a name)", { for: id }), kind.input);
  if (note.textContent) box.append(note);
  box.append(error, warning);
  fields.push({ column, error, warning, ...kind });
  return box;
}

function fill(examples) {
  let next = Math.floor(Math.random() * examples.length);
  if (next === shown) next = (next + 1) % examples.length;
  shown = next;
  for (const { column, input, fill: put } of fields) {
    const value = own(examples[next] || {}, column.name);
    if (value === null) input.value = "";
    else put(value);
  }
  forget();
}

// What was said of other values is said no more.
function forget() {
  asked += 1;
  answer.replaceChildren();
  for (const { input, error, warning } of fields) {
    error.textContent = warning.textContent = "";
    input.removeAttribute("aria-invalid");
  }
}

function refuse(one, reason) {
  one.error.textContent += (one.error.textContent ? "\n" : "") + reason;
  one.input.setAttribute("aria-invalid", "true");
}

function unread() {
  const bad = fields.filter(({ input }) => input.validity.badInput);
  for (const one of bad) refuse(one, one.column.kind === "number" ? "this is no number" : "this is no date");
  return bad;
}

// Put each problem at its field; give back those that belong to none.
function place(problems, put) {
  return problems.filter((problem) => {
    const one = fields.find(({ column }) => column.name === problem.column);
    if (one) put(one, problem.reason);
    return !one;
  });
}

function box(problems, title) {
  const made_ = made("div", null, { class: "wrong" });
  made_.append(made("p", title));
  for (const problem of problems) {
    made_.append(made("p", (problem.column === null ? "" : `${problem.column}: `) + problem.reason));
  }
  return made_;
}

function refused(detail) {
  const problems = Array.isArray(detail) ? detail : [{ column: null, reason: String(detail) }];
  const others = place(problems, refuse);
  answer.append(box(others, others.length ? "The model did not answer:" : "The model did not answer: see the fields above."));
  form.querySelector("[aria-invalid]")?.focus();
}

function bars(shares) {
  const list = made("ul", null, { class: "shares" });
  for (const [label, share] of shares) {
    const line = made("li", null);
    const bar = made("progress", null, { max: 1, value: share, "aria-hidden": "true" });
    line.append(made("span", label), bar, made("b", `${(100 * share).toFixed(1)} %`));
    list.append(line);
  }
  return list;
}

function told(prediction, { target, task, labels }) {
  const said = made("div", null, { class: "said" });
  const text = labels.length ? String : short; // the class 2020 is no amount
  said.append(made("p", target || task));
  for (const [name, value] of Object.entries(prediction)) {
    if (name === "prediction") said.append(made("strong", text(value) || "(none)"));
    else if (name !== "probabilities") said.append(made("p", `${name.replace(/^prediction_/, "")}: ${text(value)}`));
  }
  const shares = ranked(prediction.probabilities || {});
  if (shares.length) said.append(bars(shares.slice(0, MOST_SHARES)));
  if (shares.length > MOST_SHARES) {
    const more = made("details", null);
    more.append(made("summary", `${shares.length - MOST_SHARES} more`), bars(shares.slice(MOST_SHARES)));
    said.append(more);
  }
  return said;
}

async function predict(event, schema) {
  event.preventDefault();
  forget();
  const number = asked;
  const bad = unread();
  if (bad.length) {
    bad[0].input.focus();
    return;
  }
  const pairs = fields.map(({ column, input, value }) => [column.name, input.value === "" ? null : value()]);
  let status, said;
  try {
    const headers = { "Content-Type": "application/json" };
    ({ status, said } = await ask("predict", { method: "POST", body: body(pairs), headers }));
  } catch {
    [status, said] = [0, { detail: [{ column: null, reason: "the service does not answer" }] }];
  }
  if (number !== asked) return; // a field has changed since
  if (status !== 200) {
    refused(said.detail);
    return;
  }
  if (said.refused.length) refused(said.refused);
  const warnings = place(said.warnings, (one, reason) => {
    one.warning.textContent += (one.warning.textContent ? "\n" : "") + reason;
  });
  if (warnings.length) answer.append(box(warnings, "Mind:"));
  if (said.predictions[0]) answer.append(told(said.predictions[0], schema));
}

async function start() {
  const { status, said: schema } = await ask("schema");
  if (status !== 200) {
    lead.textContent = schema.detail[0].reason;
    return;
  }
  document.title = document.getElementById("title").textContent = schema.target || schema.task;
  lead.textContent = "Fill in a row and see what the model says of it.";
  form.append(...schema.columns.map(field));
  const actions = made("div", null, { class: "actions" });
  actions.append(made("button", "Predict", { type: "submit" }));
  if (schema.example.length) {
    const other = made("button", "Another example", { type: "button", class: "plain" });
    other.addEventListener("click", () => fill(schema.example));
    actions.append(other);
    fill(schema.example);
  }
  form.append(actions);
  form.addEventListener("input", forget);
  form.addEventListener("submit", (event) => predict(event, schema));
  form.hidden = false;
}

start().catch(() => { lead.textContent = "The service does not answer."; });
