"""Stands in for the servers outside: the manifest of a CVMFS repository on port 8000, any page on port 80."""

import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("http:"):  # meant for a proxy
            self.send_error(404)
            return
        body = b"C" + b"0" * 40 + b"\n" if self.path.endswith("/.cvmfspublished") else b"hello\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


servers = [http.server.ThreadingHTTPServer(("", port), Handler) for port in (80, 8000)]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever).start()
servers[0].serve_forever()
