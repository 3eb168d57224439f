// The plan, and the way to carry it out.

import { alert, button, card, el, label, show } from "./element.js";
import { paint, witnesses } from "./report.js";

const SECONDS = 60; // until it is undone, if nothing else is typed

// Shows the plan; `carryOut` is given the plan and the seconds to confirm.
export async function showPlan(section, text, snapshot, carryOut) {
  const plan = JSON.parse(text);
  if (!section) return show("plan");
  paint(section);
  const body = section.querySelector(".pf-c-card__body");
  if (plan.steps.length && plan.proof.holds)
    body.prepend(form((seconds) => carryOut(text, seconds)));
  show("plan", section);
  body.append(...(await witnesses(plan, snapshot)));
  return section;
}

function form(carryOut) {
  const seconds = el("input", {
    class: "pf-c-form-control", id: "seconds", type: "number", min: 5,
    max: 3600, value: SECONDS, required: true,
  });
  const submit = (event) => {
    event.preventDefault();
    carryOut(Number(seconds.value));
  };
  return el(
    "form",
    { class: "apply", onsubmit: submit },
    el("label", { for: "seconds" }, "Undo it unless it is confirmed within"),
    seconds, "seconds", button("Apply", "primary"),
  );
}

// The runs that were carried out here, the latest first.
export function showHistory(runs, undo) {
  const head = ["When", "How it ended", "Steps", ""].map((title) =>
    el("th", { scope: "col", role: "columnheader" }, title));
  const rows = runs.map((run, at) => historyRow(run, at === 0 && undo));
  const table = el(
    "table",
    { class: "pf-c-table pf-m-grid-md pf-m-compact", role: "grid" },
    el("caption", {}, "What was carried out on this host"),
    el("thead", {}, el("tr", { role: "row" }, ...head)),
    el("tbody", {}, ...rows),
  );
  const none = el("p", {}, "Nothing was carried out yet.");
  show("history", card("History", runs.length ? table : none));
}

function historyRow(run, undo) {
  const cell = (title, ...content) =>
    el("td", { role: "cell", "data-label": title }, ...content);
  // A run is named by the second that it was begun in.
  const when = new Date(Number(run.name) * 1000).toLocaleString();
  const steps = run.steps.map((step) => el("li", {}, stepLine(step)));
  const why = [run.message, ...run.left].filter(Boolean);
  const can_undo = undo && run.state === "confirmed";
  return el(
    "tr",
    { role: "row" },
    cell("When", el("time", {}, when)),
    cell("How it ended", state(run), ...why.map((line) => el("p", {}, line))),
    cell("Steps", el("ol", {}, ...steps)),
    cell("", can_undo
      ? button("Roll back", "secondary", () => undo(run.name))
      : null),
  );
}

const LOOKS = {
  confirmed: "green",
  waiting: "orange",
  "rolled-back": "blue",
  "rollback-failed": "red",
  unfinished: "orange",
};

function state(run) {
  return label(run.state.replace("-", " "), LOOKS[run.state] || "blue");
}

export function stepLine(step) {
  const said = step.message ? `: ${step.message}` : "";
  return `${step.summary}: ${step.status}${said}`;
}

export function failed(title, error) {
  const text = error.message || String(error);
  return alert("danger", title, el("pre", {}, text));
}
