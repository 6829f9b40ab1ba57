"""A Flask server with a health page and some errors to look at.

    python server.py "Server 1" 8001
"""

import logging
import random
import sys
import time

from flask import Flask

name, port = sys.argv[1], int(sys.argv[2])
app = Flask(name)
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@app.get("/")
def hello():
    time.sleep(random.uniform(0.005, 0.05))
    return f"Hello from {name}\n"


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/fail")
def fail():
    return f"{name} fails on purpose\n", 500


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=port, threaded=True)
