# A compiler for arm64 on another machine, with the libraries for it and qemu for the tests; scripts/cross-build uses it.
ARG BASE=debian:trixie-slim
FROM ${BASE}
COPY scripts/install-deps scripts/
RUN dpkg --add-architecture arm64 && scripts/install-deps cross
