# syntax=docker/dockerfile:1
FROM python:3.14-slim AS build
WORKDIR /src
# The lock holds what develops and builds, too. So all of it is fetched and checked against its hashes here, and what is
# needed at run time is installed from these files alone, without asking an index: it can only be what the lock says,
# and the image holds no more than that.
COPY requirements.lock ./
RUN python -m venv /opt/adserver \
 && /opt/adserver/bin/pip download --disable-pip-version-check --require-hashes --no-deps \
      --dest /wheels --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY adserver adserver
COPY creatives creatives
RUN /opt/adserver/bin/pip wheel --disable-pip-version-check --no-index --find-links /wheels --no-deps \
      --wheel-dir /wheels . \
 && /opt/adserver/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --find-links /wheels \
      'adserver[postgres]'

FROM python:3.14-slim
# Text in pictures of banners is laid out with its help: kerning, and scripts that join their letters.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libfribidi0 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin adserver \
 && install -d -o adserver -g adserver -m 0700 /data
COPY --from=build /opt/adserver /opt/adserver
ENV PATH=/opt/adserver/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ADSERVER_DATA_DIR=/data
USER adserver
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Liveness, not readiness: a container that waits for its Valkey is not to be replaced. Asked where the server noted
# that it listens, on this machine: past any proxy, and without a look at the certificate, which names another host.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import json, os, ssl, urllib.request as web; \
    address = json.load(open(os.environ['ADSERVER_DATA_DIR'] + '/server.json'))['address']; \
    tls = web.HTTPSHandler(context=ssl._create_unverified_context()); \
    web.build_opener(web.ProxyHandler({}), tls).open(address + '/healthz', timeout=4)"]
CMD ["adserver", "serve", "--host", "0.0.0.0", "--data-dir", "/data"]
