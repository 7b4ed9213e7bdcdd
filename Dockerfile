# Régua's one image: `worker`, `relay`, `api`, `migrate` and the command line, by argument.
FROM python:3.11.14-slim-bookworm

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app

# The locked packages first: they change seldom, and their layer is kept.
COPY requirements.lock ./
RUN python -m venv /venv \
    && pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY . .
RUN pip install --no-cache-dir --disable-pip-version-check --no-index --no-build-isolation --no-deps -e .

USER 10001:10001
ENTRYPOINT ["regua"]
CMD ["--help"]
