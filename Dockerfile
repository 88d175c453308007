# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
# The lock's versions, of what is needed at run time only.
RUN python -m venv /opt/adserver \
 && grep -oE '^[A-Za-z0-9._-]+==[^ ]+' requirements.lock > constraints.txt
COPY adserver adserver
COPY creatives creatives
RUN /opt/adserver/bin/pip install --no-cache-dir --disable-pip-version-check \
      --constraint constraints.txt '.[postgres]'

FROM python:3.12-slim
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
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["adserver", "serve", "--host", "0.0.0.0", "--data-dir", "/data"]
