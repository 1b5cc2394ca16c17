# rotator as a container: small, not root, nothing to write but its lock file.
#
#   docker build -t rotator .
#   docker run --rm rotator once --sandbox -c /usr/share/rotator/config.example.yaml
#
# BASE is any image with Python 3.11 or later, its venv module and pip as `python3`.
ARG BASE=python:3.12-slim

FROM ${BASE} AS install
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bin ./bin
COPY rotator ./rotator
# A wheel, not the source tree: what runs is what would be published.
RUN python3 -m venv /opt/rotator \
    && /opt/rotator/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /dist . \
    && /opt/rotator/bin/pip install --no-cache-dir /dist/*.whl

FROM ${BASE}
LABEL org.opencontainers.image.title="rotator" \
      org.opencontainers.image.description="Rotates VPS.org snapshots under the cap of 5 per server" \
      org.opencontainers.image.licenses="MIT"
COPY --from=install /opt/rotator /opt/rotator
COPY config.example.yaml /usr/share/rotator/config.example.yaml
# The lock file is all it writes. With --read-only, add --tmpfs /tmp, which any user may write to.
ENV PATH=/opt/rotator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    RUNTIME_DIRECTORY=/tmp/rotator
USER 10001:10001
ENTRYPOINT ["rotator"]
CMD ["run", "-c", "/etc/rotator/config.yaml"]
