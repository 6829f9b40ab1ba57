"""A Flask server that takes a fifth of a second for each request, as if it asked a database.

    python server.py "Server 1" 5101
"""

import logging
import sys
import time

from flask import Flask

name, port = sys.argv[1], int(sys.argv[2])
app = Flask(name)
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@app.get("/")
def work():
    time.sleep(0.2)
    return f"Hello from {name}\n"


@app.get("/health")
def health():
    return {"status": "ok"}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=port, threaded=True)
