# Whorl's image: built from the locked sources, run as nobody on a file system that may be read-only.
#   docker build -t whorl .
# Models that lie in models/ (`whorl models pull --into models`) go into the image; a volume can bring them instead.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --workspace --bins \
    && install -D -t /out target/release/whorl target/release/whorl-admin

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 whorl \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin whorl
COPY --from=build /out/ /usr/local/bin/
COPY models/ /usr/share/whorl/models/
ENV WHORL_MODELS=/usr/share/whorl/models
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["whorl"]
CMD ["serve", "--config", "/etc/whorl/whorl.toml"]
