// What is asked of the host. All that is known of memcached and firewalls is
// behind the command.

const { cockpit } = window;
const LOST = ["disconnected", "terminated", "timeout"];
const POLICY = "/etc/memsec/policy.json";

// What the command printed. Its status is 0 or 1 where it went well; else an
// Error is thrown with what it said, and with what it printed before.
export function memsec(words, input = "") {
  return new Promise((resolve, reject) => {
    const how = { superuser: "require", err: "message" };
    const call = cockpit.spawn(["memsec", ...words], how);
    call.then(resolve, (error, printed) => {
      if (error.exit_status === 1) return resolve(printed);
      const why = new Error((error.message || error.problem).trim());
      const is_lost = LOST.includes(error.problem);
      reject(Object.assign(why, { printed, is_lost }));
    });
    call.input(input);
  });
}

function policyFile() {
  return cockpit.file(POLICY, { superuser: "require" });
}

// The policy's text, or null, and what tells its version from another.
export function readPolicy() {
  return new Promise((resolve, reject) => {
    policyFile().read().then((text, tag) => resolve({ text, tag }), reject);
  });
}

// Fails where the file is no more the one that was read.
export async function writePolicy(text, tag) {
  const how = { superuser: "require", err: "message" };
  await cockpit.spawn(["mkdir", "-p", "/etc/memsec"], how);
  await policyFile().replace(text, tag);
}

// This host, who gets in, and the plan: all of one moment.
export async function look(policy) {
  const snapshot = await memsec(["snapshot"]);
  const words = ["--snapshot", "-"];
  if (policy.text !== null) words.push("--policy", POLICY);
  const [page, plan] = await Promise.all([
    memsec(["audit", ...words, "--html", "-"], snapshot),
    memsec(["plan", ...words, "--json"], snapshot).catch(refused),
  ]);
  return { snapshot, page, plan };
}

// A plan that is not proved is printed, and then refused.
function refused(error) {
  if (error.printed) return error.printed;
  throw error;
}

// Why a value is none of this option's; "" if it is one.
export async function objection(option, value) {
  const empty = '{"schema": 1}';
  const words = ["plan", "--json", "--snapshot", "-", `${option}=${value}`];
  return memsec(words, empty).then(() => "", (error) => error.message);
}

// What becomes of a packet on a host, rule by rule.
export function explain(packet, snapshot) {
  const words = Object.entries(packet).filter(([, value]) => value !== null);
  const options = words.map(([name, value]) => `--${name}=${value}`);
  return memsec(["explain", "--snapshot", "-", ...options], snapshot);
}

export async function listRuns() {
  return JSON.parse(await memsec(["history", "--json"])).runs;
}

export function apply(plan, seconds) {
  const words = ["apply", "--plan", "-", "--confirm", String(seconds)];
  return memsec([...words, "--json"], plan);
}

// Only a connection that is made now shows that one can still be made: a
// WebSocket never uses one that is open.
export function newConnection() {
  const { protocol, host } = window.location;
  const at = `${protocol.replace("http", "ws")}//${host}/cockpit/socket`;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(at, "cockpit1");
    const end = (done, what) => {
      clearTimeout(late);
      socket.onopen = socket.onerror = null;
      socket.close();
      done(what);
    };
    const fail = () => end(reject, new Error("No new connection gets in."));
    const late = setTimeout(fail, 5000);
    socket.onopen = () => end(resolve);
    socket.onerror = fail;
  });
}
