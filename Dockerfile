# Build the environment in one stage, ship it in another: no compiler and no cache in the image, and no root.
FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /opt/parlance
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY server server
COPY adapters adapters
COPY inference inference
COPY models_onnx models_onnx
COPY loadtest loadtest
COPY clients/python clients/python
RUN /opt/parlance/bin/pip install --no-cache-dir --prefer-binary -c constraints.txt .

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 parlance && install -d -o parlance /data
COPY --from=build /opt/parlance /opt/parlance
USER parlance
ENV PARLANCE_HOST=0.0.0.0 PARLANCE_DATA_DIR=/data PATH=/opt/parlance/bin:$PATH
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=2s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=1)"]
# The drain begins with this signal; give it longer than PARLANCE_DRAIN_MS before a kill.
STOPSIGNAL SIGTERM
# Give PARLANCE_SECRET (32 bytes or more); the server refuses a bind that others reach without one.
CMD ["parlance", "serve"]
