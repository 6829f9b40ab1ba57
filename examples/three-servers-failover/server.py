"""A Flask server of a given capacity: how many requests it works on at the same time.

    python server.py "Server 1" 5001 6
"""

import logging
import sys
import threading
import time

from flask import Flask
from werkzeug.serving import WSGIRequestHandler

name, port, capacity = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
app = Flask(name)
places = threading.BoundedSemaphore(capacity)
logging.getLogger("werkzeug").setLevel(logging.ERROR)

WORK = 0.02  # seconds that a request takes


class Handler(WSGIRequestHandler):
    """Sends head and body of a response at once.

    Werkzeug's own handler sends them one after the other. A server killed in between has begun an
    answer that it cannot finish, and no balancer may then ask another: the client has a part.
    """

    wbufsize = 64 * 1024


@app.get("/")
def work():
    with places:
        time.sleep(WORK)
    return f"Hello from {name}\n"


@app.get("/health")
def health():
    return {"status": "ok", "capacity": capacity}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=port, threaded=True, request_handler=Handler)
