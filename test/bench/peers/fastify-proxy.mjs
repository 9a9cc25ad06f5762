/**
 * fastify with @fastify/http-proxy in front of the bench's backend. From the environment: MODULES (folder of the packages),
 * PORT, UPSTREAM, TOKENS (`ignore`, `cache` or `verify`) and PUBLIC_KEY (a PEM file).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { MODULES, PORT, UPSTREAM, TOKENS, PUBLIC_KEY } = process.env;
const require = createRequire(`${MODULES}/package.json`);

const app = require("fastify")({ logger: false, keepAliveTimeout: 3_600_000 });
app.register(require("@fastify/http-proxy"), {
  upstream: UPSTREAM,
  preHandler: TOKENS === "ignore" ? undefined : tokenCheck(TOKENS === "cache"),
  undici: { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 },
});
await app.listen({ host: "127.0.0.1", port: Number(PORT) });

function tokenCheck(cache) {
  const verify = require("fast-jwt").createVerifier({ key: readFileSync(PUBLIC_KEY), algorithms: ["RS256"], cache });
  return (request, reply, done) => {
    const field = request.headers.authorization ?? "";
    try {
      verify(field.startsWith("Bearer ") ? field.slice(7) : "");
    } catch {
      reply.code(401).send({ error: "unauthorized" });
      return;
    }
    done();
  };
}
