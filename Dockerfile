# Pin the base by digest where you build for real: --build-arg PYTHON=python:3.13-slim@sha256:...
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/gateway
COPY requirements requirements
RUN pip --python /opt/gateway/bin/python install --require-hashes --only-binary :all: -r requirements/run.txt \
 && pip install --require-hashes -r requirements/build.txt
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/gateway/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON}
# The interpreter is all that is needed of the base: no installer stays in the image.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
 && python -c "import ensurepip, shutil; shutil.rmtree(ensurepip.__path__[0])"
COPY --from=builder /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_ADMIN_PORT=9090

# Nothing is written at run time, so the root file system may be mounted read-only.
USER 10001:10001
WORKDIR /etc/gateway
EXPOSE 8080 9090
# The admin listener stays on loopback; this runs inside, where it can be reached. Set GATEWAY_ADMIN_PORT to the
# `admin.port` of the configuration if that is another one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["python", "-I", "-c", \
  "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['GATEWAY_ADMIN_PORT']), timeout=2); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["gateway"]
CMD ["serve", "--config", "/etc/gateway/gateway.yaml"]
