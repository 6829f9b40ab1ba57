"""A small Flask server: `server.py NAME PORT` (port 0: any). Prints the address it listens on."""

import sys

from flask import Flask
from werkzeug.serving import make_server


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    app = Flask(name)

    @app.get("/health")
    def health():
        return {"status": "ok"}

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def hello(path):
        return f"Hello from {name}\n"

    server = make_server("127.0.0.1", port, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
