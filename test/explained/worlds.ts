import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parse } from "yaml";
import type { Compatibility } from "../../compiler/model/names.ts";
import { type CompiledProject, compileProject } from "../support/gateway-under-test.ts";
import { definition, get, type ProjectParts, writeParts } from "../support/security-project.ts";

/** A project whose gateway is asked, and what its settings say beside what all of them say. */
export interface World {
  readonly name: string;
  readonly compatibility: Compatibility;
  /** Writes the project into a folder. */
  write(folder: string): void;
  readonly settings?: string;
}

const fixtures = path.join(import.meta.dirname, "../../fixtures");

const certificates = `
[[mutualSSLConfig.api.certificates]]
name = "PARTNERS"
version = "1.0.0"
aliasList = ["partner", "expired"]
[[mutualSSLConfig.api.certificates]]
name = "Visitors"
version = "1.0.0"
aliasList = "visitor"
`;
const possession = `
[[mutualSSLConfig.api.certificates]]
name = "Accounts"
version = "1.0.0"
aliasList = ["client"]
[[mutualSSLConfig.api.certificates]]
name = "Profiles"
version = "1.0.0"
aliasList = ["client", "partner"]
`;

/** Those of `fixtures/`, and one of each compatibility with what they leave out. */
export const worlds = (): readonly World[] => [
  fixture("petstore", "standard"),
  fixture("shop", "wso2-3.2"),
  fixture("access", "standard"),
  fixture("certificates", "wso2-3.2", certificates),
  fixture("possession", "standard", possession),
  fixture("quotas", "standard"),
  fixture("hostile", "wso2-3.2"),
  fixture("resilience", "standard"),
  edges("standard"),
  edges("wso2-3.2"),
];

function fixture(name: string, compatibility: Compatibility, settings = ""): World {
  const source = path.join(fixtures, name);
  return {
    name,
    compatibility,
    settings,
    write(folder) {
      for (const part of [
        "api_definitions",
        "grpc_definitions",
        "extensions",
        "castgate.yaml",
        "policies.yaml",
        "policies",
      ])
        if (existsSync(path.join(source, part)))
          cpSync(path.join(source, part), path.join(folder, part), { recursive: true });
      // The tiers that are there without a file are too narrow for so many requests.
      if (!existsSync(path.join(folder, "policies.yaml")))
        writeFileSync(path.join(folder, "policies.yaml"), JSON.stringify({ subscriptionPolicies: basicTiers }));
    },
  };
}

const token = [{ token: ["read"] }];
const cors = (credentials: boolean, origins: readonly string[]) => ({
  "x-wso2-cors": {
    corsConfigurationEnabled: true,
    accessControlAllowOrigins: origins,
    accessControlAllowMethods: ["GET", "PUT"],
    accessControlAllowHeaders: ["authorization", "X-Key"],
    accessControlAllowCredentials: credentials,
  },
});
const domains = { header: "domain", values: ["shop.test", "*.stores.test"] };

/** Callers, domains, upgrades, schemes, base paths below each other, encoded slashes, key types, tiers on both levels. */
function edges(compatibility: Compatibility): World {
  const original = compatibility === "wso2-3.2";
  const at = (title: string, basePath: string, more: object, paths: Readonly<Record<string, object>>) =>
    definition(title, { "x-wso2-basePath": basePath, ...more }, withParameters(paths));
  const sandbox = { "x-wso2-sandbox-endpoints": { urls: ["http://sandbox.test/api/"] } };
  const apis = {
    callers: definition(
      "Callers",
      { security: [{ token: [] }] },
      {
        "/app": get({ security: [{ token: [] }, { key: [] }, { user: [] }], "x-castgate-caller": "app" }),
        "/user": get({ security: [{ token: [] }, { queryKey: [] }, { user: [] }], "x-castgate-caller": "user" }),
        "/fixed": get({ "x-castgate-allowed-domains": domains }),
        "/claimed": get({ "x-castgate-allowed-domains": { header: "Origin", claim: "allowedDomains" } }),
        "/both": get({ security: [{ token: ["read"], key: [] }, { user: ["write"] }] }),
      },
    ),
    chat: definition(
      "Chat",
      { "x-castgate-upgrade": ["websocket"], ...cors(true, ["https://ui.test", "https://admin.test"]) },
      { "/rooms/*": get({ security: token }), "/open": get(open(original)), "/options": { options: operation() } },
    ),
    feed: at("Feed", "/feed", cors(false, ["*"]), {
      "/feed/*": get({ ...open(original), "x-castgate-upgrade": ["websocket"] }),
      "/{a}/{b}": { ...get({ security: token }), put: operation({ security: [{ user: ["read"] }] }) },
      "/a/{b}.json": get({ security: token }),
      "/a/own": { post: operation(), head: operation(open(original)) },
    }),
    plain: at("Plain", "/plain", { "x-wso2-transports": ["http"] }, { "/x": get({ security: token }) }),
    secure: at("Secure", "/secure", { "x-wso2-transports": ["https"] }, { "/x": get({ security: token }) }),
    nested: at("Nested", "/nest", {}, { "/{a}": get({ security: token }), "/own/{b}/c": get(open(original)) }),
    deeper: at("Deeper", "/nest/own", {}, { "/{a}": get({ security: token }), "/": get(open(original)) }),
    slashes: at("Slashes", "/slashes", { "x-castgate-encoded-slash": "allow" }, { "/{a}": get(open(original)) }),
    sandboxed: at(
      "Sandboxed",
      "/sandboxed",
      { ...sandbox, "x-wso2-production-endpoints": undefined },
      { "/x": get({ security: token }), "/open": get(open(original)) },
    ),
    environments: at("Environments", "/environments", sandbox, {
      "/x": get({ security: token }),
      "/open": get(open(original)),
    }),
    named: at(
      "Named",
      "/named",
      { "x-wso2-auth-header": "X-Auth" },
      { "/x": get({ security: [{ token: [] }, { user: [] }] }) },
    ),
    tiers: at(
      "Tiers",
      "/tiers",
      { "x-wso2-throttling-tier": "whole" },
      {
        "/x": get({ security: token, "x-wso2-throttling-tier": "part" }),
        "/open": get(open(original)),
        ...(original && { "/missing": get({ security: token, "x-wso2-throttling-tier": "NoSuchTier" }) }),
      },
    ),
  };
  const parts: ProjectParts = {
    compatibility,
    apis,
    policies: {
      resourcePolicies: ["whole", "part"].map((name) => ({ [name]: quota })),
      applicationPolicies: [{ team: { ...quota, key: "app" } }, { each: quota }],
      subscriptionPolicies: [{ soft: { ...quota, stopOnQuota: false } }, ...basicTiers],
    },
    toolkit: original
      ? `[corsConfiguration]\ncorsEnabled = true\nallowOrigins = ["https://ui.test"]\nallowMethods = ["GET"]\nallowHeaders = ["x"]\nallowCredentials = true\n`
      : "",
  };
  return {
    name: `edges-${original ? "original" : "standard"}`,
    compatibility,
    settings: original
      ? "[mutualSSLConfig]\nisClientCertificateValidationEnabled = false\n"
      : "[authConfig]\nremoveAuthHeaderFromOutMessage = false\n",
    write: (folder) => void writeParts(folder, parts),
  };
}

/** Declares what the templates name. */
function withParameters(paths: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(paths).map(([template, item]) => {
      const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
      return [template, parameters.length === 0 ? item : { ...item, parameters }];
    }),
  );
}

/** What of a path item `get` stands for. */
function operation(more: object = {}): object {
  return { responses: { 200: { description: "Fine" } }, ...more };
}

const quota = { count: 10, unitTime: 1, timeUnit: "min" };

const basicTiers = [{ Default: quota }, { Unauthenticated: quota }];

/** Open to everybody, in words that both compatibilities take so. */
function open(original: boolean): object {
  return original ? { "x-wso2-disable-security": true } : { security: [] };
}

/**
 * Compiles a world's project, its tiers far wider than anything here could use up. `inRedis`: with its counters there, where one
 * sees what is counted.
 */
export async function compileWorld(world: World, inRedis: boolean): Promise<CompiledProject> {
  const parent = mkdtempSync(path.join(os.tmpdir(), "castgate-test-"));
  const folder = path.join(parent, world.name);
  try {
    cpSync(path.join(fixtures, "README.md"), path.join(folder, "README.md"));
    world.write(folder);
    const policies = path.join(folder, "policies.yaml");
    if (existsSync(policies)) writeFileSync(policies, widened(readFileSync(policies, "utf8"), inRedis));
    return await compileProject(folder);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** In a form that is YAML, too. */
function widened(text: string, inRedis: boolean): string {
  const counters = inRedis ? { counters: { store: "redis", onUnavailable: "deny" } } : {};
  // Tiers that are there without being written cannot be made wider.
  const { compat: _unwritten, ...written } = wide(parse(text)) as Record<string, unknown>;
  return JSON.stringify({ ...written, ...counters });
}

/** What slides keeps the time that its quota takes: only in a narrower one there is something to be seen of a request. */
function wide(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wide);
  if (typeof value !== "object" || value === null) return value;
  const slides = "algorithm" in value;
  const wider: Readonly<Record<string, unknown>> = {
    count: slides ? 2_000 : 1_000_000_000,
    burst: 2_000,
    bandwidth: "900 GB",
    unitTime: 1,
    timeUnit: "day",
  };
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, typeof one === "object" ? wide(one) : (wider[key] ?? one)]),
  );
}
