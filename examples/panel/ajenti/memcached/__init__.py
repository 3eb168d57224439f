"""A plugin of Ajenti: who can reach memcached on this host."""

from .main import Sidebar
from .views import Handler

__all__ = ["Handler", "Sidebar"]
