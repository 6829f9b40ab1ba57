"""A backend server: `python3 server.py NAME PORT`. It answers with its name, and stops with grace.

Only the standard library, so that its image is Python's and this file.
"""

import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = sys.argv[1] if len(sys.argv) > 1 else f"Server {socket.gethostname()}"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 5000

# How long connections are still accepted after the signal to stop: whoever sends requests hears of
# it some milliseconds later.
STILL_OPEN_SECONDS = 1.0

in_progress = 0
change = threading.Condition()
stopping = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        global in_progress
        with change:
            in_progress += 1
        try:
            if self.path == "/slow":
                time.sleep(0.5)
            self.answer(f"{NAME}\n".encode())
        finally:
            with change:
                in_progress -= 1
                change.notify_all()

    do_POST = do_GET

    def answer(self, body):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if stopping.is_set():
            # No further request on this connection.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def wait_for_the_end(server):
    stopping.wait()
    print(f"{NAME} is asked to stop", flush=True)
    time.sleep(STILL_OPEN_SECONDS)
    with change:
        change.wait_for(lambda: in_progress == 0, timeout=8)
    server.shutdown()


def main():
    server = ThreadingHTTPServer(("", PORT), Handler)
    # Without a handler of its own, a container's first process ignores SIGTERM altogether.
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=wait_for_the_end, args=(server,), daemon=True).start()
    print(f"{NAME} listens on port {PORT}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
