from aj.plugins.core.api.sidebar import SidebarItemProvider
from jadi import component


@component(SidebarItemProvider)
class Sidebar(SidebarItemProvider):
    def __init__(self, context):
        pass

    def provide(self):
        return [
            {
                "attach": "category:tools",
                "name": "Memcached",
                "icon": "shield-alt",
                "url": "/view/memcached",
            }
        ]
