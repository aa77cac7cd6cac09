# The image of beacon: relay, bridge and broker. `npm run image` builds it; docs/release.md says how it is built behind a
# proxy, with another base or without a registry. Both builders of Docker read this file: it asks for nothing of BuildKit.
ARG NODE_IMAGE=node:26-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
# How npm gets at packages from here. Nothing of it is in the image: the registry as an argument, what else npm must know
# in .image/npmrc, which need not be there, and may say cafile=/build/ca.pem.
ARG NPM_CONFIG_REGISTRY
ENV NPM_CONFIG_USERCONFIG=/build/npmrc NODE_USE_SYSTEM_CA=1 \
    NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false
COPY package.json package-lock.json .npmrc .image/npmrc* .image/ca.pem* ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY scripts/build.ts scripts/build.ts
COPY scripts/image/lay-out.ts scripts/image/lay-out.ts
COPY src src
# Seconds since 1970 that all files of the image carry.
ARG SOURCE_DATE_EPOCH=0
RUN node scripts/build.ts && npm prune --omit=dev --ignore-scripts && node scripts/image/lay-out.ts /out

FROM ${NODE_IMAGE}
COPY --from=build /out/ /
# A process without root cannot take ports below 1024 everywhere. In a network of its own, probes come from elsewhere.
# Two arenas of malloc: more keep memory that was freed (docs/systemd.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 BEACON_ADDR=:8443 BEACON_HEALTH_ADDR=:8080
# Clients, gossip, forwards, health, clients of a broker.
EXPOSE 8443 7946 7443 8080 8199
WORKDIR /
USER 65532:65532
ENTRYPOINT ["beacon"]
CMD ["--help"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["beacon", "health"]
ARG BEACON_VERSION=0.1.0
ARG BEACON_REVISION=unknown
ARG BEACON_CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="beacon" \
      org.opencontainers.image.description="A relay that connects two parties who may only dial out, and can read nothing of what they say." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${BEACON_VERSION}" \
      org.opencontainers.image.revision="${BEACON_REVISION}" \
      org.opencontainers.image.created="${BEACON_CREATED}"
