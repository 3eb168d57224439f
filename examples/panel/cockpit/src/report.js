// What `memsec audit --html` draws and says, in Cockpit's looks.

import { alert, card, el, show } from "./element.js";
import { explain } from "./memsec.js";

const TONES = { open: "danger", near: "warning", closed: "success" };
// The sections of memsec's page, and where they are shown.
const PLACES = [
  ["reach", "reach"],
  ["ways", "reach"],
  ["wrong", "findings"],
  ["unknown", "more"],
  ["daemons", "more"],
];

// Shows a report; gives the section with the plan, if there is one.
export function showReport(text) {
  const bare = text.replace(/<style>[^]*?<\/style>/, "");
  const page = new DOMParser().parseFromString(bare, "text/html");
  showAnswer(page);
  const patterns = page.querySelector("svg.patterns");
  for (const id of ["reach", "findings", "more"]) show(id);
  for (const [id, place] of PLACES) {
    const section = take(page, id);
    if (section) document.getElementById(place).append(section);
  }
  document.getElementById("reach").append(document.importNode(patterns, true));
  return take(page, "plan");
}

function showAnswer(page) {
  const header = page.querySelector("header");
  const title = el("h1", {}, header.querySelector("h1").textContent);
  const tally = header.querySelector(".tally");
  const kept = tally ? [document.importNode(tally, true)] : [];
  show("answer", alert(TONES[header.className], title, ...kept));
}

function take(page, id) {
  const heading = page.getElementById(id);
  if (!heading) return null;
  const section = document.importNode(heading.parentNode, true);
  section.querySelector("h2").remove();
  for (const table of section.querySelectorAll("table"))
    table.classList.add("pf-c-table", "pf-m-grid-md", "pf-m-compact");
  return card(heading.textContent, ...section.childNodes);
}

// Colours the lines of a diff.
export function paint(section) {
  const code = section.querySelector("h3 ~ pre code");
  if (!code) return;
  const lines = code.textContent.split("\n").map((line) => {
    const is_header = /^(---|\+\+\+) ([ab]?\/)/.test(line);
    const tag = !is_header && { "+": "ins", "-": "del" }[line[0]];
    return el(tag || "span", {}, `${line}\n`);
  });
  code.replaceChildren(...lines);
}

// For each claim that fails: the packet that shows it, and the rules.
export async function witnesses(plan, snapshot) {
  const failing = plan.proof.claims.map((claim) => claim.witness);
  const walks = failing.filter((one) => one && one.packet).map(async (one) => {
    const walk = await explain(one.packet, snapshot).catch((e) => e.message);
    return [
      el("h3", {}, "A packet that shows it"),
      el("p", {}, `Packet: ${words(one.packet)}`),
      ...(one.because || []).map((rule) =>
        el("p", { class: "place" }, place(rule))),
      el("p", {}, "On this host, as it is now:"),
      el("pre", {}, el("code", {}, walk)),
    ];
  });
  return (await Promise.all(walks)).flat();
}

function words(members) {
  const known = Object.entries(members).filter(([, value]) => value !== null);
  return known.map(([name, value]) => `${name} ${value}`).join(", ");
}

function place({ source, line, text }) {
  // What nft prints for programs tells a person less than where it stands.
  const parts = text && text.startsWith("{") ? [source] : [source, line, text];
  return parts.filter((part) => part != null).join(":");
}
