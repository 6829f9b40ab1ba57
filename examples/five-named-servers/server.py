"""A Flask server with a name.

    python server.py alpha 5001
"""

import logging
import sys

from flask import Flask

name, port = sys.argv[1], int(sys.argv[2])
app = Flask(name)
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@app.get("/")
def hello():
    return f"Hello from {name}\n"


@app.get("/ping")
def ping():
    return "pong\n"


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=port, threaded=True)
