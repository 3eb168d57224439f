// The page: reads the host, and shows it again after each change.

import { alert, show } from "./element.js";
import { listRuns, look, memsec, readPolicy } from "./memsec.js";
import { failed, showHistory, showPlan } from "./plan.js";
import { showPolicy } from "./policy.js";
import { showReport } from "./report.js";
import { carryOut, showRun } from "./run.js";
import { followTheme } from "./theme.js";

// Reads all and shows it. What does not go well is shown, and takes nothing
// away of what is there; `said` is what the page was about to say besides.
async function refresh(said) {
  show("said", said);
  document.body.setAttribute("aria-busy", "true");
  const policy = await tried("The policy cannot be read", readPolicy);
  if (policy) {
    showPolicy(policy, refresh);
    await tried("This host cannot be read", () => showHost(policy));
  }
  await tried("The runs cannot be read", showRuns);
  document.getElementById("reading")?.remove();
  document.body.removeAttribute("aria-busy");
}

async function tried(title, work) {
  try {
    return await work();
  } catch (error) {
    document.getElementById("said").append(failed(title, error));
    return null;
  }
}

async function showHost(policy) {
  const { page, plan, snapshot } = await look(policy);
  const section = showReport(page);
  await showPlan(section, plan, snapshot, (text, seconds) =>
    carryOut(text, seconds, refresh));
}

async function showRuns() {
  const runs = await listRuns();
  showHistory(runs, undo);
  showRun(runs[0], refresh);
}

function undo(name) {
  return tried("Not rolled back", () => memsec(["rollback", name, "--json"]))
    .then(() => refresh());
}

followTheme();
const reading = alert("info", "Reading this host");
reading.id = "reading";
show("answer", reading);
window.cockpit.transport.wait(() => refresh());
