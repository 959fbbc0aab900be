"""A stand-in for the ONe platform: it checks what it is sent, keeps it, and can be made to fail (Starlette, uvicorn).

server           the stand-in in a thread or a process of its own
asgi             HTTP in and out
same_origin      keeps pages of other sites from writing through a browser
sandbox          what happens to a request, from its head to its reply
injected_faults  faults on order: statuses, delays, dropped connections, refused records
received         what was sent, kept for those who ask
control          the paths under /_sandbox/
page             its page for a browser
tables           what it holds, as tables of the page
api/             the platform's endpoints
store/           what the platform holds
"""

from engine.sandbox.injected_faults import Action
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.server import running, serve

__all__ = ["Action", "Sandbox", "running", "serve"]
