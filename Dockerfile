# The server in a container: docker build -t mia-caption . && docker run -p 127.0.0.1:8080:8080 mia-caption
# It listens at all addresses of the container; docs/server.md says how to give it a token.

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without install scripts: none is needed, and that of onnxruntime-node downloads CUDA libraries.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm run build:web --if-present
# Captioning an image shows that the build works, and fills the cache with the translated network.
RUN XDG_CACHE_HOME=/cache node dist/cli/main.js caption docs/images/explained.png \
  && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
ENV NODE_ENV=production XDG_CACHE_HOME=/home/node/.cache
WORKDIR /app
COPY --from=build --chown=node:node /cache /home/node/.cache
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/pretrained ./pretrained
COPY --from=build /app/dist ./dist
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js", "serve", "--host", "0.0.0.0"]
