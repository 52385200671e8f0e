"""Stands in for all of the servers: https on this container's port 443, files in /srv/HOST/PATH.

download.fedoraproject.org sends one on to a mirror without https, as it may.
"""

import functools
import http.server
import ssl
from pathlib import Path


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        host = self.headers["Host"]
        if host == "download.fedoraproject.org":
            self.send_response(302)
            self.send_header("Location", f"http://mirror.example.org{self.path}")
            self.end_headers()
            return
        self.path = f"/{host}{self.path}"
        super().do_GET()


Path("/srv").mkdir(exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), functools.partial(Handler, directory="/srv"))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tmp/host.pem", "/tmp/host.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
