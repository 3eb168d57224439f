// Elements, and the few of PatternFly that the page is made of.

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

export function button(text, kind, onclick, attributes = {}) {
  const style = `pf-c-button pf-m-${kind}`;
  const type = onclick ? "button" : "submit";
  const action = onclick ? { onclick } : {};
  return el("button", { class: style, type, ...action, ...attributes }, text);
}

// A message with a colour: info, success, warning or danger.
export function alert(kind, title, ...body) {
  return el(
    "div",
    { class: `pf-c-alert pf-m-inline pf-m-${kind}` },
    el("div", { class: "pf-c-alert__icon", "aria-hidden": "true" }, SIGN[kind]),
    el("div", { class: "pf-c-alert__title" }, title),
    body.length
      ? el("div", { class: "pf-c-alert__description" }, ...body)
      : null,
  );
}

const SIGN = { info: "i", success: "✓", warning: "!", danger: "✕" };

export function label(text, color) {
  const style = `pf-c-label pf-m-${color}`;
  return el("span", { class: style },
    el("span", { class: "pf-c-label__content" }, text));
}

// A part of the page, with its heading.
export function card(title, ...body) {
  const id = `card-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return el(
    "section",
    { class: "pf-c-card", "aria-labelledby": id },
    el("div", { class: "pf-c-card__title" }, el("h2", { id }, title)),
    el("div", { class: "pf-c-card__body" }, ...body),
  );
}

export function show(id, ...content) {
  const shown = content.filter((one) => one != null);
  document.getElementById(id).replaceChildren(...shown);
}
