# Copyright: the memsec authors
# MIT or Apache-2.0 (see LICENSE-MIT, LICENSE-APACHE)
"""What every module that takes a policy documents of it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """The options of a policy."""

    DOCUMENTATION = r"""
options:
  allow:
    description:
      - The clients that may reach memcached, as addresses and networks.
      - With none, only the host itself may.
      - A network with host bits set is an error that names the network.
    type: list
    elements: str
    default: []
  bind:
    description:
      - The addresses that memcached is to listen on.
      - With none, those that the clients can use are found.
    type: list
    elements: str
    default: []
  udp:
    description: True if clients use UDP. It amplifies; leave it off.
    type: bool
    default: false
  keep:
    description:
      - Accesses that must survive, each as C(tcp/22).
    type: list
    elements: str
    default: [tcp/22]
  ports:
    description:
      - Further ports to answer for, each as C(tcp/11211), beside those
        that memcached listens on.
    type: list
    elements: str
    default: []
requirements:
  - memsec (Python package) on the host
"""
