import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Credentials } from "./credentials.ts";
import {
  type ProxyPorts,
  writeExpressGatewayConfig,
  writeHaproxyConfig,
  writeNginxProxyConfig,
} from "./peer-configs.ts";
import { baseline } from "./ratios.ts";
import type { Peer, Scenario } from "./scenarios.ts";
import { type NodeUnderTest, peersFolder } from "./tools.ts";

/** Something that listens on the ports of the run and forwards to its backend. */
export interface Contender {
  readonly id: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It checks what it is sent, and must refuse what is not right. */
  readonly checks: boolean;
}

const defaultTransport = "net";

/** Our own bundle with one engine on one Node. */
export interface OwnVariant {
  readonly engine: string;
  /** Another than the bundle's default. */
  readonly transport?: string | undefined;
  /** What selects it; nothing for a bundle that has one engine only. */
  readonly flags: readonly string[];
  readonly node: NodeUnderTest;
}

/** `castgate wire, Node 26`, or `castgate wire, handles, Node 26`. */
export function ownId({ engine, transport, node }: OwnVariant): string {
  return [`castgate ${engine}`, transport, node.name].filter((part) => part !== undefined).join(", ");
}

/** Every engine on every Node, `wire` with every transport. `known` are the engines that the bundle's help names. */
export function ownVariants(
  nodes: readonly NodeUnderTest[],
  engines: readonly string[] | undefined,
  known: readonly string[],
  transports: readonly string[] = [defaultTransport],
): readonly OwnVariant[] {
  const wanted = engines ?? (known.length > 0 ? known : ["node"]);
  return nodes.flatMap((node) =>
    wanted.flatMap((engine) => {
      const isOnlyOne = known.length === 0 && engine === "node";
      const flags = isOnlyOne ? [] : [`--engine=${engine}`];
      if (engine !== "wire") return [{ engine, node, flags }];
      return transports.map((name) =>
        name === defaultTransport
          ? { engine, node, flags }
          : { engine, transport: name, node, flags: [...flags, `--transport=${name}`] },
      );
    }),
  );
}

/** The engines that the help of a bundle names, as `=wire|node` or `: node or wire`. None when there is no choice. */
export function enginesIn(help: string): readonly string[] {
  const line = /^ *--engine\b.*$/m.exec(help)?.[0] ?? "";
  return /[=:] ?([a-z]+(?:(?:\||, | or )[a-z]+)+)/.exec(line)?.[1]?.split(/\||, | or /) ?? [];
}

/** All that a run compares, ready to be started. */
export class Contenders {
  readonly #own: readonly OwnVariant[];
  readonly #bundle: string;
  readonly #settings: string;
  readonly #nodeFlags: readonly string[];
  readonly #peers: Readonly<Record<Peer | typeof baseline, Contender>>;

  /** `peerNode` runs those peers that are Node programs. */
  constructor(run: {
    readonly folder: string;
    readonly ports: ProxyPorts;
    readonly credentials: Credentials;
    readonly bundle: string;
    readonly settings: string;
    readonly own: readonly OwnVariant[];
    readonly peerNode: NodeUnderTest;
    /** Folder for a CPU profile of each run of ours. */
    readonly profile?: string | undefined;
  }) {
    this.#own = run.own;
    this.#nodeFlags = run.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${run.profile}`];
    this.#bundle = run.bundle;
    this.#settings = run.settings;
    this.#peers = peersOf(run);
  }

  /** The baseline, then the peers that the scenario wants (unless `peers` is off), then our own. */
  of(scenario: Scenario, peers: boolean): readonly Contender[] {
    return [
      this.#peers[baseline],
      ...(peers ? scenario.peers.map((peer) => this.#peers[peer]) : []),
      ...this.#own.map((variant) => this.own(variant, scenario)),
    ];
  }

  own(variant: OwnVariant, scenario: Pick<Scenario, "tokens" | "check">): Contender {
    // A cache for one token holds none that comes again.
    const cache = scenario.tokens === "new-each-time" ? ["--caching.tokenCacheCapacity=1"] : [];
    return {
      id: ownId(variant),
      command: [
        variant.node.binary,
        ...this.#nodeFlags,
        this.#bundle,
        "--config",
        this.#settings,
        ...variant.flags,
        ...cache,
      ],
      checks: scenario.check !== "plain",
    };
  }
}

function peersOf({
  folder,
  ports,
  credentials,
  peerNode,
}: {
  readonly folder: string;
  readonly ports: ProxyPorts;
  readonly credentials: Credentials;
  readonly peerNode: NodeUnderTest;
}): Readonly<Record<Peer | typeof baseline, Contender>> {
  const script = (name: string) => fileURLToPath(new URL(`peers/${name}`, import.meta.url));
  const nginx = (name: string, accessLog: boolean) => [
    "nginx",
    "-c",
    writeNginxProxyConfig(join(folder, name), ports, credentials, { accessLog }),
  ];
  const fastify = (tokens: "ignore" | "cache" | "verify") => ({
    checks: tokens !== "ignore",
    command: [peerNode.binary, script("fastify-proxy.mjs")],
    env: {
      MODULES: peersFolder,
      PORT: String(ports.http),
      UPSTREAM: `http://127.0.0.1:${ports.backend}`,
      TOKENS: tokens,
      PUBLIC_KEY: credentials.publicKeyFile,
    },
  });
  const expressGateway = (verify: boolean) => ({
    checks: verify,
    command: [peerNode.binary, script("express-gateway.mjs")],
    env: {
      MODULES: peersFolder,
      CONFIG: writeExpressGatewayConfig(join(folder, `express-gateway-${verify}`), ports, credentials, { verify }),
    },
  });
  return {
    [baseline]: { id: baseline, command: nginx("nginx", false), checks: false },
    "nginx-log": { id: "nginx, access log on", command: nginx("nginx-log", true), checks: false },
    "haproxy-jwt": {
      id: "haproxy, RS256 verified each time",
      command: ["haproxy", "-db", "-f", writeHaproxyConfig(join(folder, "haproxy"), ports, credentials)],
      checks: true,
    },
    fastify: { id: "fastify + @fastify/http-proxy, no check", ...fastify("ignore") },
    "fastify-jwt": { id: "fastify + @fastify/http-proxy, cached JWT", ...fastify("cache") },
    "fastify-jwt-verify": { id: "fastify + @fastify/http-proxy, JWT verified each time", ...fastify("verify") },
    "express-gateway": { id: "express-gateway, no check", ...expressGateway(false) },
    "express-gateway-jwt": { id: "express-gateway, JWT verified each time", ...expressGateway(true) },
  };
}
