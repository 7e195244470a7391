// What the fields of the form mean: values of the table as a person types them, and back. Nothing here needs a page.

const PARTS = { Y: "\\d{4}", m: "\\d{1,2}", d: "\\d{1,2}", H: "\\d{1,2}", M: "\\d{1,2}", S: "\\d{1,2}" };
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?(?:Z|\+00:?00)?$/;
const NAMES = ["Y", "m", "d", "H", "M", "S"];

// Whether a date of this format can be picked in a calendar; others are typed as text.
export function picked(format) {
  if (!format || format === "ISO8601") return true;
  const used = [...format.matchAll(/%(.)/g)].map((found) => found[1]);
  return ["Y", "m", "d"].every((name) => used.includes(name)) && used.every((name) => name in PARTS)
    && new Set(used).size === used.length;
}

// A date of the table as an input of a calendar takes it; "" if it is none.
export function toInput(value, format, withTime) {
  let parts = {};
  const found = ISO.exec(String(value));
  if (found && (!format || format === "ISO8601")) {
    NAMES.forEach((name, place) => { parts[name] = found[place + 1] || "00"; });
    const part = Number(found[7] || 0); // of a second; a calendar knows thousandths
    if (part) parts.S += part.toFixed(3).slice(1);
  } else if (format && format !== "ISO8601") {
    const names = [];
    const pattern = format.split(/(%.)/).map((piece) => {
      if (!/^%.$/.test(piece)) return piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      names.push(piece[1]);
      return `(${PARTS[piece[1]]})`;
    }).join("");
    const read = new RegExp(`^${pattern}$`).exec(String(value));
    if (!read) return "";
    parts = { H: "00", M: "00", S: "00" };
    names.forEach((name, place) => { parts[name] = read[place + 1].padStart(2, "0"); });
  } else return "";
  const day = `${parts.Y}-${parts.m}-${parts.d}`;
  return withTime ? `${day}T${parts.H}:${parts.M}:${parts.S}` : day;
}

// What a calendar's input holds, as the table has it.
export function fromInput(value, format) {
  if (!format || format === "ISO8601") return value;
  const found = ISO.exec(value);
  if (!found) return value;
  return format.replace(/%(.)/g, (whole, name) => found[NAMES.indexOf(name) + 1] || "00");
}

// The value of an own key: a column may be called __proto__ or constructor.
export function own(object, name) {
  return Object.hasOwn(object, name) ? object[name] : null;
}

// What is sent for a row: pairs of a column's name and its value.
export function body(pairs) {
  return JSON.stringify({ rows: [Object.fromEntries(pairs)] });
}

export function truth(value) {
  const said = String(value).toLowerCase();
  return said === "true" || said === "1" ? "true" : said === "false" || said === "0" ? "false" : "";
}

export function short(value) {
  if (typeof value !== "number") return value === null ? "none" : String(value);
  if (Math.abs(value) >= 1e15 || (value !== 0 && Math.abs(value) < 1e-4)) return String(Number(value.toPrecision(6)));
  return Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 12 });
}

// Labels with their probabilities, the likeliest first.
export function ranked(shares) {
  return Object.entries(shares).sort((one, other) => other[1] - one[1]);
}
