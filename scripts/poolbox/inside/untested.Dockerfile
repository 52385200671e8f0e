# The pilot without its tests of job containers, for `scripts/bench`: what do they add to a start?
FROM ospool-ep:24-release
USER 0
WORKDIR /usr/lib/python3/dist-packages/ospool_ep/containers
RUN printf '%s\n' 'from ospool_ep.containers.verdict import Ability' 'def examine(*_):' \
        '    return Ability("untested", True, True, True), ()' > examine.py \
    && python3 -m compileall -q --invalidation-mode unchecked-hash examine.py
USER 1000:1000
WORKDIR /pilot
