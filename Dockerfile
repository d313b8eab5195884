# glibc, as some wheels have no musl build.
FROM python:3.11-slim-bookworm AS build
COPY requirements/runtime.txt /requirements.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /app biobank \
    && install -d -o biobank -g biobank -m 0750 /data
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data
USER biobank
VOLUME /data
EXPOSE 8080
CMD ["gunicorn", "biobank.wsgi:application", "--bind=0.0.0.0:8080", "--workers=4", "--timeout=300", "--preload", "--no-control-socket"]
