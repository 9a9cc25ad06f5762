import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { checks, pathOf, sizeNames, sizes } from "./bench-project.ts";
import type { Credentials } from "./credentials.ts";

export interface ProxyPorts {
  readonly http: number;
  readonly https: number;
  readonly backend: number;
}

/** The backend: nginx that answers from memory, or from its cache of open files where a setting would be too long. */
export function writeBackendConfig(folder: string, port: number): string {
  mkdirSync(folder, { recursive: true });
  const locations = checks.flatMap((check) =>
    sizeNames.map((size) => `location = ${pathOf(check, size)} { ${answerOf(folder, size)} }`),
  );
  return writeNginxConfig(folder, {
    http: "access_log off; sendfile on; open_file_cache max=100; open_file_cache_valid 3600s;",
    servers: `server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type application/json;
    ${locations.join("\n    ")}
    location /petstore { ${answerOf(folder, "1k")} }
    location = /status { stub_status; }
  }`,
  });
}

function answerOf(folder: string, size: (typeof sizeNames)[number]): string {
  const body = bodyOf(sizes[size]);
  if (body.length <= 2048) return `return 200 '${body}';`;
  const file = join(folder, size);
  writeFileSync(file, body);
  return `alias ${file};`;
}

/** A JSON object of so many bytes. */
export function bodyOf(bytes: number): string {
  const frame = '{"id":1,"data":""}';
  return `{"id":1,"data":"${"a".repeat(bytes - frame.length)}"}`;
}

/** nginx as a plain reverse proxy: connections to the backend are kept, nothing is checked. */
export function writeNginxProxyConfig(
  folder: string,
  ports: ProxyPorts,
  credentials: Credentials,
  { accessLog = false } = {},
): string {
  mkdirSync(folder, { recursive: true });
  const log = accessLog ? `access_log ${join(folder, "access.log")} combined buffer=64k flush=1s;` : "access_log off;";
  return writeNginxConfig(folder, {
    // As many buffers as the largest answer needs: with the default it would go through a file.
    http: `${log} proxy_buffers 16 16k;
  upstream backend {
    server 127.0.0.1:${ports.backend};
    keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 3600s;
  }`,
    servers: `server {
    listen 127.0.0.1:${ports.http} backlog=4096;
    listen 127.0.0.1:${ports.https} ssl backlog=4096;
    ssl_certificate ${credentials.certificateFile};
    ssl_certificate_key ${credentials.privateKeyFile};
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }`,
  });
}

function writeNginxConfig(
  folder: string,
  { http, servers }: { readonly http: string; readonly servers: string },
): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(" ");
  const { uid, username } = userInfo();
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;
# As root, it would become a user that may not read this folder.
${uid === 0 ? `user ${username};` : ""}
worker_processes 1;
pid ${join(folder, "nginx.pid")};
error_log ${join(folder, "error.log")} crit;
events { worker_connections 16384; multi_accept on; accept_mutex off; }
http {
  tcp_nodelay on; keepalive_timeout 3600s; keepalive_requests 1000000000;
  ${temporary}
  ${http}
  ${servers}
}
`,
  );
  return file;
}

/**
 * haproxy that verifies the token's RS256 signature, algorithm and expiry on every request: it has no cache of verified
 * tokens. One thread, connections to the backend shared.
 */
export function writeHaproxyConfig(folder: string, ports: ProxyPorts, credentials: Credentials): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
  no log
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:${ports.http}
  bind 127.0.0.1:${ports.https} ssl crt ${credentials.identityFile}
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"${credentials.publicKeyFile}") 1 }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  default_backend origin
backend origin
  server origin 127.0.0.1:${ports.backend} maxconn 4096 pool-max-conn -1
`,
  );
  return file;
}

/** express-gateway's folder of settings; with `verify`, its JWT policy checks every token. */
export function writeExpressGatewayConfig(
  folder: string,
  ports: ProxyPorts,
  credentials: Credentials,
  { verify }: { readonly verify: boolean },
): string {
  mkdirSync(folder, { recursive: true });
  const jwt = {
    jwt: [
      {
        action: {
          secretOrPublicKeyFile: credentials.publicKeyFile,
          jwtExtractor: "authBearer",
          algorithms: ["RS256"],
          checkCredentialExistence: false,
        },
      },
    ],
  };
  const proxy = { proxy: [{ action: { serviceEndpoint: "backend" } }] };
  const gateway = {
    http: { port: ports.http, hostname: "127.0.0.1" },
    apiEndpoints: { api: { host: "*", paths: "/*" } },
    serviceEndpoints: { backend: { url: `http://127.0.0.1:${ports.backend}` } },
    policies: ["jwt", "proxy"],
    pipelines: [{ name: "bench", apiEndpoints: ["api"], policies: verify ? [jwt, proxy] : [proxy] }],
  };
  const system = {
    db: { redis: { emulate: true, namespace: "EG" } },
    crypto: { cipherKey: "bench", algorithm: "aes256", saltRounds: 10 },
    session: { secret: "bench", resave: false, saveUninitialized: false },
    accessTokens: { timeToExpiry: 7_200_000 },
    refreshTokens: { timeToExpiry: 7_200_000 },
    authorizationCodes: { timeToExpiry: 300_000 },
  };
  // JSON is YAML.
  writeFileSync(join(folder, "gateway.config.yml"), JSON.stringify(gateway));
  writeFileSync(join(folder, "system.config.yml"), JSON.stringify(system));
  return folder;
}
