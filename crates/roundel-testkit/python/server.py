"""A small Flask server: `server.py NAME PORT` (port 0: any). Prints the address it listens on."""

import hashlib
import sys

from flask import Flask, Response, request
from werkzeug.serving import make_server


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    app = Flask(name)

    @app.get("/health")
    def health():
        return {"status": "ok"}

    @app.post("/json")
    def json():
        return {"server": name, "received": request.get_json()}

    @app.post("/upload")
    def upload():
        body = request.get_data()
        return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    @app.get("/download/<int:count>")
    def download(count):
        return Response((bytes(range(256)) * (count // 256 + 1))[:count])

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def hello(path):
        return f"Hello from {name}\n"

    server = make_server("127.0.0.1", port, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
