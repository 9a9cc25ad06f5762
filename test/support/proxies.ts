import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { listening, program, type ServiceProcess, startService } from "./debian-services.ts";
import { freePort } from "./gateway-under-test.ts";

/** Real nginx and haproxy on loopback: before the gateway, or behind it. */

/** A request as its log tells it. */
export interface ProxyLogEntry {
  /** `X-Request-ID`: before the gateway it is made there, for all that follow. */
  readonly id: string;
  readonly method: string;
  readonly target: string;
}

export interface ProxyProcess {
  readonly port: number;
  /** All requests so far; each is there once it was answered. */
  log(): ProxyLogEntry[];
  stop(): Promise<void>;
}

/** What both of nginx's parts have in common: it takes all that it can be made to take. */
const nginxText = (folder: string, location: string, id: string): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log warn;
events { worker_connections 512; }
http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  log_format entries escape=json '{"id":"${id}","method":"$request_method","target":"$request_uri"}';
  access_log ${folder}/access.log entries;
  ignore_invalid_headers off;
  underscores_in_headers on;
  merge_slashes off;
  client_max_body_size 0;
  large_client_header_buffers 4 32k;
  client_header_timeout 3s;
  client_body_timeout 3s;
  keepalive_timeout 5s;
  ${location}
}
`;

/** nginx before the gateway: keeps connections to it, and hands bodies on as they come. `upgrades`: and passes these on. */
export function nginxBefore(gatewayPort: number, { upgrades = false } = {}): Promise<ProxyProcess> {
  const connection = upgrades
    ? 'proxy_set_header Connection "upgrade"; proxy_set_header Upgrade $http_upgrade;'
    : 'proxy_set_header Connection "";';
  return startNginx(
    (port) => `
  upstream gateway { server 127.0.0.1:${gatewayPort}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      ${connection}
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $request_id;
      proxy_request_buffering off;
      proxy_read_timeout 60s;
    }
  }`,
    "$request_id",
  );
}

/** nginx as a backend: answers with the method and the target. */
export function nginxBackend(): Promise<ProxyProcess> {
  return startNginx(
    (port) => `
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "$request_method $request_uri"; }
  }`,
    "$http_x_request_id",
  );
}

async function startNginx(location: (port: number) => string, id: string): Promise<ProxyProcess> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-nginx-"));
  mkdirSync(path.join(folder, "logs"));
  const config = path.join(folder, "nginx.conf");
  writeFileSync(config, nginxText(folder, location(port), id));
  const service = startService(program("nginx") as string, ["-p", folder, "-c", config]);
  return running(service, port, () => readFileSync(path.join(folder, "access.log"), "utf8"), folder);
}

/** haproxy before the gateway: as lenient as it can be, and one connection serves many clients. */
export async function haproxyBefore(gatewayPort: number): Promise<ProxyProcess> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), "castgate-haproxy-"));
  const config = path.join(folder, "haproxy.cfg");
  writeFileSync(
    config,
    `
global
  maxconn 400
  nbthread 1
  log stdout len 32768 format raw local0
defaults
  mode http
  option http-keep-alive
  option accept-invalid-http-request
  http-reuse always
  timeout connect 10s
  timeout client 4s
  timeout server 60s
  timeout http-request 3s
frontend clients
  bind 127.0.0.1:${port}
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  log global
  log-format {\\"id\\":\\"%ID\\",\\"method\\":\\"%HM\\",\\"target\\":\\"%[capture.req.uri,json(utf8s)]\\"}
  default_backend gateway
backend gateway
  server one 127.0.0.1:${gatewayPort} pool-max-conn 8
`,
  );
  // It drops lines that it cannot write at once: because a pipe is full, or because another of its threads writes.
  const log = path.join(folder, "log");
  const out = openSync(log, "a");
  const service = startService(program("haproxy") as string, ["-db", "-f", config], {}, out);
  closeSync(out);
  return running(service, port, () => readFileSync(log, "utf8"), folder);
}

async function running(
  service: ServiceProcess,
  port: number,
  text: () => string,
  folder: string,
): Promise<ProxyProcess> {
  await listening(port, service);
  return {
    port,
    log: () =>
      text()
        .split("\n")
        // The last line may still be written.
        .slice(0, -1)
        .filter((line) => line.startsWith('{"id"'))
        .map((line) => JSON.parse(line) as ProxyLogEntry),
    async stop() {
      await service.end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
