FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/elshi ./cmd/elshi

# Alpine and not an empty image: the health check needs a program that can ask /healthz.
FROM alpine:3.22
RUN apk add --no-cache ca-certificates \
    && adduser -D -H -u 10001 elshi \
    && install -d -o elshi -g elshi -m 0700 /data
COPY --from=build /out/elshi /usr/local/bin/elshi
USER 10001
ENV ELSHI_SERVER_LISTEN=0.0.0.0:8080 \
    ELSHI_DATA_DIR=/data \
    ELSHI_LOG_FORMAT=json
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["elshi"]
CMD ["serve"]
