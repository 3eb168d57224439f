#!/usr/bin/python
# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""Reads what an audit needs, with no more than an old Python."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: snapshot
short_description: Read what an audit of memcached needs
version_added: 0.1.0
description:
  - Gives a snapshot of a host as data, to be audited elsewhere by
    P(memsec.memcached.audit#filter). The host does not need memsec.
  - What is to be read is told by the controller, which has memsec; with the
    module alone, C(python -c 'import memsec; print(memsec.sources())').
  - Nothing is changed.
options:
  files:
    description: Paths, with stars for any text between slashes.
    type: list
    elements: str
    default: []
  commands:
    description: Commands, each as a list of its words.
    type: list
    elements: list
    default: []
  containers:
    description:
      - Pairs of commands. The first lists containers; where it lists any, the
        second shows them, with their names behind its words.
    type: list
    elements: list
    default: []
  kept:
    description:
      - The members of a container that are kept, by the member that they are
        below, and by an empty name its own. Of its environment the names are
        kept, and what starts it if that is memcached.
    type: dict
    default: {}
  masked:
    description:
      - For paths, the names of settings whose values are left out.
    type: dict
    default: {}
  variables:
    description: The variables of a daemon's environment that are read.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: It changes nothing.
    support: full
author: The memsec authors (@memsec)
seealso:
  - module: memsec.memcached.harden
"""

EXAMPLES = r"""
- name: The configuration and the firewall
  memsec.memcached.snapshot:
    files: [/etc/memcached.conf]
    commands: [[iptables-save], [ip6tables-save], [ip, -j, address]]
  register: found

- name: Who can reach memcached
  ansible.builtin.debug:
    msg: "{{ (found.snapshot | memsec.memcached.audit).exposures }}"
"""

RETURN = r"""
snapshot:
  description: Files, outputs of commands and daemons, as text.
  returned: always
  type: dict
"""

import base64
import errno
import glob
import json
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text

# What a shell says of a command that is not there.
NOT_FOUND = 127

# More than this of one file is not configuration.
MOST = 64 << 20

ELSEWHERE = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def text(data):
    """Gives bytes as they stand in JSON."""
    try:
        return dict(text=data.decode("utf-8"))
    except UnicodeDecodeError:
        return dict(base64=to_text(base64.b64encode(data)))


def without(data, names):
    """Leaves the values of settings out, as NAME = "value"."""
    if not names:
        return data
    names = "|".join(re.escape(name) for name in names)
    value = r'(?m)^(\s*(?:%s)\s*=\s*").*(")' % names
    return re.sub(value.encode(), b"\\1***\\2", data)


def read(path, names):
    """Gives a file, or why it cannot be read; None if there is none."""
    try:
        with open(path, "rb") as opened:
            found = text(without(opened.read(MOST), names))
            status = os.fstat(opened.fileno())
    except (IOError, OSError) as error:
        if error.errno == errno.ENOENT:
            return None
        return dict(error=errno.errorcode.get(error.errno, "EIO"))
    mode = "%04o" % (status.st_mode & 0o7777)
    return dict(found, mode=mode, uid=status.st_uid, gid=status.st_gid)


def files(patterns, masked):
    """Gives the files that are there, by path."""
    paths = set(path for one in patterns for path in glob.glob(one))
    found = dict((path, read(path, masked.get(path))) for path in paths)
    return dict((path, one) for path, one in found.items() if one)


def run(module, words):
    """Gives what a command prints, and its exit status."""
    program = module.get_bin_path(words[0], opt_dirs=ELSEWHERE)
    if program is None:
        return dict(stdout="", status=NOT_FOUND)
    status, out, dummy = module.run_command(
        [program] + words[1:],
        environ_update=dict(LC_ALL="C"),
        handle_exceptions=False,
    )
    return dict(stdout=to_text(out), status=status)


def keep(container, kept, variables):
    """Leaves out of a container what can be secret."""
    for below, members in kept.items():
        part = container.get(below) if below else container
        for name in set(part or {}) - set(members):
            del part[name]
    config = container.get("Config") or {}
    starts = [(container, "Args"), (config, "Cmd"), (config, "Entrypoint")]
    starting = [container.get("Path"), config.get("Image")]
    starting += [part.get(name) for part, name in starts]
    if "memcached" not in json.dumps(starting):
        for part, name in starts:
            part.pop(name, None)
    pairs = [pair.partition("=") for pair in config.get("Env") or []]
    config["Env"] = [
        name + "=" + (value if name in variables else "")
        for name, dummy, value in pairs
    ]


def cleared(shown, kept, variables):
    """Gives containers without what can be secret; nothing if not JSON."""
    try:
        containers = json.loads(shown)
    except ValueError:
        return ""
    for container in containers:
        keep(container, kept, variables)
    return json.dumps(containers)


def inspected(module, params):
    """Gives what shows the containers that there are."""
    found = {}
    for every, show in params["containers"]:
        listed = run(module, every)
        names = listed["stdout"].split()
        if listed["status"] == 0 and names:
            shown = run(module, show + names)
            only = params["kept"], params["variables"]
            stdout = cleared(shown["stdout"], *only)
            found[" ".join(show)] = dict(shown, stdout=stdout)
    return found


def proc(pid, name):
    """Gives a file of a process; nothing if it is gone, or not ours."""
    try:
        with open("/proc/%s/%s" % (pid, name), "rb") as opened:
            return opened.read()
    except (IOError, OSError):
        return b""


def link(pid, name):
    """Gives where a link of a process leads to."""
    try:
        return os.readlink("/proc/%s/%s" % (pid, name))
    except OSError:
        return ""


def words(data):
    """Gives the words that end with a NUL each."""
    return [to_text(word) for word in data.split(b"\0")[:-1]]


def process(pid, variables):
    """Gives a daemon as a snapshot has it."""
    uid = re.search(r"(?m)^Uid:\s*\d+\s+(\d+)", to_text(proc(pid, "status")))
    pairs = [one.split("=", 1) for one in words(proc(pid, "environ"))]
    known = [pair for pair in pairs if len(pair) == 2]
    own = link(pid, "ns/net") == link("self", "ns/net")
    return dict(
        pid=int(pid),
        exe=link(pid, "exe"),
        argv=words(proc(pid, "cmdline"))[1:],
        env=dict(pair for pair in known if pair[0] in variables),
        uid=int(uid.group(1)) if uid else None,
        netns="host" if own else link(pid, "ns/net"),
    )


def processes(variables):
    """Gives the memcached daemons."""
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    ours = [pid for pid in pids if proc(pid, "comm") == b"memcached\n"]
    return [process(pid, variables) for pid in sorted(ours, key=int)]


def main():
    module = AnsibleModule(
        argument_spec=dict(
            files=dict(type="list", elements="str", default=[]),
            commands=dict(type="list", elements="list", default=[]),
            containers=dict(type="list", elements="list", default=[]),
            kept=dict(type="dict", default={}),
            masked=dict(type="dict", default={}),
            variables=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    params = module.params
    commands = [line for line in params["commands"] if line]
    outputs = dict((" ".join(line), run(module, line)) for line in commands)
    outputs.update(inspected(module, params))
    module.exit_json(
        snapshot=dict(
            schema=1,
            files=files(params["files"], params["masked"]),
            commands=outputs,
            processes=processes(params["variables"]),
        )
    )


if __name__ == "__main__":
    main()
