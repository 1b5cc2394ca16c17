# rotator as a container: small, not root, and it writes in two places: its state, and /tmp. See docs/container.md.
#
#   docker build -t rotator .
#   docker run --rm rotator once --sandbox -c /usr/share/rotator/config.example.yaml
#
# BASE is any image with Python 3.11 or later, its venv module and pip as `python3`.
ARG BASE=python:3.12-slim

FROM ${BASE} AS install
WORKDIR /src
COPY container/requirements.txt container/build-requirements.txt ./container/
# Only what is pinned, and only files whose hash is known. What makes the wheel stays behind, pip included.
RUN python3 -m venv /build \
    && python3 -m venv --without-pip /opt/rotator \
    && /build/bin/pip install --no-cache-dir --require-hashes -r container/build-requirements.txt \
    && /build/bin/pip --python /opt/rotator/bin/python install --no-cache-dir --require-hashes -r container/requirements.txt \
    && install -d -o 10001 -g 10001 -m 0750 /state
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY bin ./bin
COPY manual ./manual
COPY rotator ./rotator
# A wheel, not the source tree: what runs is what would be published. `pip check` finds a need that is not pinned.
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
    && /build/bin/pip --python /opt/rotator/bin/python install --no-cache-dir --no-deps --no-index /dist/*.whl \
    && /build/bin/pip --python /opt/rotator/bin/python check

FROM ${BASE}
COPY --from=install /opt/rotator /opt/rotator
# A new volume takes over the owner of the folder that it covers.
COPY --from=install --chown=10001:10001 /state /var/lib/rotator
COPY README.md config.example.yaml container/sbom.cdx.json /usr/share/rotator/
# The lock file and the sign of life are in /tmp: with --read-only, add --tmpfs /tmp, which any user may write to.
ENV PATH=/opt/rotator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ROTATOR_CONFIG=/etc/rotator/config.yaml \
    STATE_DIRECTORY=/var/lib/rotator \
    RUNTIME_DIRECTORY=/tmp/rotator
VOLUME /var/lib/rotator
USER 10001:10001
ENTRYPOINT ["rotator"]
CMD ["run"]
# Unhealthy means that the loop stands still, not that a server failed: only the first is cured by a restart.
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s --retries=3 CMD ["rotator", "health"]
# Last, so that a new version does not make every layer anew.
ARG VERSION="" REVISION="" CREATED="" SOURCE=""
LABEL org.opencontainers.image.title="rotator" \
      org.opencontainers.image.description="Rotates VPS.org snapshots under the cap of 5 per server" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.documentation="file:///usr/share/rotator/README.md" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
