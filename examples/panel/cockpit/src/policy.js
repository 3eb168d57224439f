// Who may use memcached: the form. What is typed stays until it is saved.

import { alert, button, card, el, show } from "./element.js";
import { objection, writePolicy } from "./memsec.js";

const DRAFT = "memsec:policy-draft";
const PAUSE = 250; // milliseconds without a key, before a value is checked
const FIELDS = [
  {
    name: "allow",
    option: "--allow",
    title: "Clients",
    one: "Client",
    hint: "Addresses and networks that may connect, such as 192.0.2.20 or " +
      "10.20.0.0/24. With none, only this host may.",
  },
  {
    name: "bind",
    option: "--bind",
    title: "Addresses to listen on",
    one: "Address",
    hint: "Those of this host that the clients use. With none, they are " +
      "chosen by the clients.",
  },
];

export function showPolicy(policy, saved) {
  const base = parse(policy.text);
  const draft = parse(sessionStorage.getItem(DRAFT), base);
  const failure = el("div", { role: "alert" });
  const groups = FIELDS.map((field) => group(field, draft[field.name] || []));
  const values = () =>
    Object.fromEntries(groups.map((one) => [one.name, one.values()]));
  const keep = () =>
    sessionStorage.setItem(DRAFT, JSON.stringify(values()));

  async function submit(event) {
    event.preventDefault();
    failure.replaceChildren();
    const checks = groups.flatMap((one) => one.inputs().map(check));
    const wrong = (await Promise.all(checks)).find((input) => input);
    if (wrong) return wrong.focus();
    const next = { schema: 1, ...base, ...values() };
    try {
      await writePolicy(JSON.stringify(next, null, 2) + "\n", policy.tag);
    } catch (error) {
      return failure.append(alert("danger", "Not saved", error.message));
    }
    sessionStorage.removeItem(DRAFT);
    return saved();
  }

  const actions = el("div", { class: "pf-c-form__actions" },
    button("Save and plan", "primary"));
  const form = el(
    "form",
    { class: "pf-c-form", novalidate: true, onsubmit: submit, oninput: keep },
    ...groups.map((one) => one.element), failure, actions,
  );
  show("policy", card("Who may use memcached", form));
}

function parse(text, otherwise = {}) {
  try {
    return JSON.parse(text) || otherwise;
  } catch {
    return otherwise;
  }
}

function group(field, initial) {
  const rows = el("div", { class: "rows" });
  const hint = `hint-${field.name}`;
  let count = 0;
  const add = (value) => {
    count += 1;
    rows.append(row(field, value, `${field.name}-${count}`, hint));
    return rows.lastElementChild.querySelector("input");
  };
  initial.forEach(add);
  if (!initial.length) add("");
  const more = button(`Add ${field.one.toLowerCase()}`, "link", () =>
    add("").focus());
  const inputs = () => [...rows.querySelectorAll("input")];
  return {
    name: field.name,
    inputs,
    values: () => inputs().map((i) => i.value.trim()).filter(Boolean),
    element: el("fieldset", { class: "pf-c-form__group" },
      el("legend", { class: "pf-c-form__label" }, field.title),
      el("p", { class: "pf-c-form__helper-text", id: hint }, field.hint),
      rows, more),
  };
}

function row(field, value, id, hint) {
  const why = el("p", {
    class: "pf-c-form__helper-text pf-m-error", id: `${id}-why`,
    "aria-live": "polite",
  });
  let pause = 0;
  const input = el("input", {
    class: "pf-c-form-control", id, type: "text", spellcheck: "false",
    autocomplete: "off", "aria-label": field.one, "data-option": field.option,
    "aria-describedby": `${hint} ${why.id}`,
    oninput: () => {
      clearTimeout(pause);
      pause = setTimeout(() => check(input), PAUSE);
    },
  });
  input.value = value;
  const name = { "aria-label": `Remove ${field.one.toLowerCase()} ${value}` };
  const gone = () => {
    const { parentNode } = whole;
    whole.remove();
    parentNode.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const remove = button("Remove", "secondary", gone, name);
  const whole = el("div", { class: "row" },
    el("div", { class: "typed" }, input, remove), why);
  return whole;
}

// Checks what is typed now, unless it is another by the time of the answer.
// Gives the input if it is wrong.
async function check(input) {
  const value = input.value.trim();
  const why = value && (await objection(input.dataset.option, value));
  if (input.value.trim() !== value) return null;
  document.getElementById(`${input.id}-why`)?.replaceChildren(why);
  input.setAttribute("aria-invalid", String(Boolean(why)));
  return why ? input : null;
}
