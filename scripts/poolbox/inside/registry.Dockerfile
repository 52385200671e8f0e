# An image registry for tests, with what fills it: the pilot's own Python, busybox and openssl. Built by registry.py.
FROM debian:forky-slim AS server
COPY image/setup /setup
RUN /setup/apt-install docker-registry

FROM ospool-ep:24-release
COPY --from=server /usr/bin/docker-registry /usr/bin/
ENTRYPOINT ["sh", "-c"]
