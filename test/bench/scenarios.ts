import { type Check, pipelining, type Size } from "./bench-project.ts";

/** How a contender checks the token, where it does: our own cache of verified tokens is on, or as good as off. */
export type Tokens = "one" | "new-each-time";

export interface Scenario {
  readonly title: string;
  /** Which operation of the bench's API is asked: what our own checks. */
  readonly check: Check;
  readonly size: Size;
  readonly method: "GET" | "POST";
  readonly connections: number;
  readonly tls: boolean;
  readonly tokens: Tokens;
  /** Which others than nginx it says something about. */
  readonly peers: readonly Peer[];
}

export type Peer =
  | "nginx-log"
  | "haproxy-jwt"
  | "fastify"
  | "fastify-jwt"
  | "fastify-jwt-verify"
  | "express-gateway"
  | "express-gateway-jwt";

/** What most is asked of: a protected API as it runs in production. */
const usual: Omit<Scenario, "title"> = {
  check: "full",
  size: "1k",
  method: "GET",
  connections: 100,
  tls: false,
  tokens: "one",
  peers: ["haproxy-jwt"],
};

export const scenarios = {
  full: {
    ...usual,
    title: "JWT (cached), scope and throttling; GET 1 KiB, 100 connections",
    peers: ["nginx-log", "haproxy-jwt", "fastify-jwt", "express-gateway-jwt"],
  },
  "full-pipelined": {
    ...usual,
    title: `as \`full\`, and the definition declares that the backend bears pipelined GETs (x-castgate-pipelining: ${pipelining}); GET 1 KiB, 100 connections`,
    check: "full-pipelined",
    peers: ["haproxy-jwt", "fastify-jwt"],
  },
  plain: {
    ...usual,
    title: "public operation; GET 1 KiB, 100 connections",
    check: "plain",
    peers: ["nginx-log", "fastify", "express-gateway"],
  },
  jwt: {
    ...usual,
    title: "JWT (cached); GET 1 KiB, 100 connections",
    check: "jwt",
    peers: ["haproxy-jwt", "fastify-jwt"],
  },
  "jwt-new": {
    ...usual,
    title: "JWT, another token each time, RS256 verified on every request; GET 1 KiB, 100 connections",
    check: "jwt",
    tokens: "new-each-time",
    peers: ["haproxy-jwt", "fastify-jwt-verify"],
  },
  "jwt-new-pipelined": {
    ...usual,
    title: `as \`jwt-new\`, and the definition declares that the backend bears pipelined GETs (x-castgate-pipelining: ${pipelining}); GET 1 KiB, 100 connections`,
    check: "jwt-pipelined",
    tokens: "new-each-time",
    peers: ["haproxy-jwt"],
  },
  basic: { ...usual, title: "HTTP Basic; GET 1 KiB, 100 connections", check: "basic", peers: [] },
  "api-key": { ...usual, title: "API key; GET 1 KiB, 100 connections", check: "api-key", peers: [] },
  tls: { ...usual, title: "over TLS: JWT (cached), scope and throttling; GET 1 KiB, 100 connections", tls: true },
  "get-50": { ...usual, title: "JWT (cached), scope and throttling; GET 50 B, 100 connections", size: "50" },
  "get-10k": { ...usual, title: "JWT (cached), scope and throttling; GET 10 KiB, 100 connections", size: "10k" },
  "get-100k": { ...usual, title: "JWT (cached), scope and throttling; GET 100 KiB, 100 connections", size: "100k" },
  "post-1k": {
    ...usual,
    title: "JWT (cached), scope and throttling; POST 1 KiB, 100 connections",
    method: "POST",
    peers: ["haproxy-jwt", "fastify-jwt"],
  },
  "conns-10": { ...usual, title: "JWT (cached), scope and throttling; GET 1 KiB, 10 connections", connections: 10 },
  "conns-1000": {
    ...usual,
    title: "JWT (cached), scope and throttling; GET 1 KiB, 1,000 connections",
    connections: 1000,
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof scenarios;
export const scenarioNames = Object.keys(scenarios) as readonly ScenarioName[];
