// A plan that is carried out: its steps, the countdown, the confirmation.

import { alert, button, el, show } from "./element.js";
import { apply, listRuns, memsec, newConnection } from "./memsec.js";
import { failed, stepLine } from "./plan.js";

const DEADLINE = "memsec:deadline";
const LOOK_EVERY = 700; // milliseconds between two looks at a run
const TITLES = {
  unfinished: "Carrying out the plan",
  waiting: "Carried out. Confirm that all is well",
};

let ticking = 0;
let following = false; // whether a run is carried out from this page

// Carries a plan out, and shows how far it is until it has ended.
export async function carryOut(plan, seconds, ended) {
  if (following) return;
  following = true;
  show("run", alert("info", TITLES.unfinished));
  document.getElementById("run").scrollIntoView();
  const followed = follow(seconds, ended);
  const said = await apply(plan, seconds).then(stays, whyNot);
  following = false;
  await followed;
  await ended(said);
}

function stays() {
  return alert("success", "It is confirmed, and stays");
}

// What the library printed tells more than that it failed.
function whyNot(error) {
  if (error.is_lost) {
    return alert("warning", "The connection is lost", "What was carried out " +
      "is undone unless it is confirmed. Open this page again to confirm it.");
  }
  try {
    const outcome = JSON.parse(error.printed);
    const undone = outcome.state === "rolled-back";
    const title = undone ? "It was rolled back" : "It was not carried out";
    const why = outcome.message || "It was not confirmed in time.";
    return failed(title, { message: [why, ...outcome.left].join("\n") });
  } catch {
    return failed("It was not carried out", error);
  }
}

async function follow(seconds, ended) {
  for (let before = Date.now(); following; await pause(LOOK_EVERY)) {
    const asked = Date.now();
    const [run] = await listRuns().catch(() => []);
    if (run && run.state === "waiting" && !deadline(run)) {
      const until = before + seconds * 1000;
      localStorage.setItem(DEADLINE, JSON.stringify({ name: run.name, until }));
    }
    if (run && following) showRun(run, ended);
    before = asked;
  }
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

// When a run is undone, if it was carried out from this browser.
function deadline(run) {
  const kept = JSON.parse(localStorage.getItem(DEADLINE));
  return kept && kept.name === run.name ? kept.until : null;
}

// Shows a run that is not finished; nothing for one that is.
export function showRun(run, ended) {
  clearInterval(ticking);
  const title = run && TITLES[run.state];
  if (!title) return show("run");
  // What has the focus is not replaced.
  const shown = document.querySelector(`[data-run="${run.name} ${run.state}"]`);
  if (shown && run.state === "waiting") return tick(run);
  const kind = run.state === "waiting" ? "warning" : "info";
  const steps = run.steps.map((step) =>
    el("li", { class: step.status }, stepLine(step)));
  const asked = run.state === "waiting" ? confirmation(run, ended) : [];
  const list = el("ol", { class: "steps" }, ...steps);
  const box = alert(kind, title, list, ...asked);
  box.dataset.run = `${run.name} ${run.state}`;
  show("run", box);
  return tick(run);
}

function confirmation(run, ended) {
  const failure = el("div", { role: "alert" });
  const busy = async (doing) => {
    failure.replaceChildren();
    for (const one of [yes, no]) one.disabled = true;
    try {
      await doing();
      // Else the call that carries it out ends now, and says so.
      if (!following) await ended();
    } catch (error) {
      for (const one of [yes, no]) one.disabled = false;
      failure.append(failed("Not confirmed", error));
    }
  };
  const yes = button("Confirm", "primary", () => busy(async () => {
    await newConnection();
    await memsec(["confirm", run.name, "--json"]);
  }));
  const no = button("Roll back now", "secondary", () => busy(() =>
    memsec(["rollback", run.name, "--json"])));
  const clock = el("p", { role: "timer", id: "clock" });
  const how = el("p", {}, "To confirm, the page makes a new connection to " +
    "this host: that it still can is a part of what is confirmed.");
  return [clock, how, failure, el("div", { class: "choice" }, yes, no)];
}

function tick(run) {
  clearInterval(ticking);
  const until = deadline(run);
  const count = () => {
    const clock = document.getElementById("clock");
    if (!clock) return clearInterval(ticking);
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    clock.textContent = until === null
      ? "It is undone soon unless it is confirmed."
      : `It is undone in ${left} s unless it is confirmed.`;
    return left;
  };
  count();
  ticking = setInterval(count, 500);
}
