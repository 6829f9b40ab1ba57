"""One standalone Flask app.

    python server.py "Server 1" 5001
"""

import logging
import sys

from flask import Flask

name, port = sys.argv[1], int(sys.argv[2])
app = Flask(name)

# The balancer logs each request; a line for each probe besides would bury them.
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@app.get("/")
def hello():
    return f"Hello from {name}\n"


@app.get("/health")
def health():
    return {"status": "ok"}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=port, threaded=True)
