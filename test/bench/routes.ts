import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { HttpMethod } from "../../compiler/model/names.ts";
import { Exchange, type RelayOutcome } from "../../runtime-lib/exchange.ts";
import { type Faults, faultsOf } from "../../runtime-lib/faults.ts";
import type { Gateway } from "../../runtime-lib/gateway.ts";
import { depthBelow, parseRequestTarget, pathRules, type RequestPath } from "../../runtime-lib/request-path.ts";
import { generateGateway } from "../support/generated-router.ts";
import { type Find, type Handler, installRouters, otherRouters, type Route, routerVersions } from "./other-routers.ts";
import { githubRoutes, type Requests, requestsFor, syntheticRoutes } from "./route-sets.ts";

/**
 * node --import tsx test/bench/routes.ts [--rounds=41] [--synthetic=20000] [--out=FILE]
 *
 * Time to find and call an operation's handler by method and path: the generated router beside published ones, in turns,
 * in one process, on fresh strings as a parser hands them over. Exit code 1 when another one is faster.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "41" },
    synthetic: { type: "string", default: "20000" },
    out: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const warmUp = 8;
const batch = 64;

/** Something to time. */
interface Contender {
  readonly name: string;
  /** Not timed: takes over the requests of a round. */
  prepare(requests: Requests): void;
  run(): void;
  /** The operation that a request finds; undefined where that is not the contender's business. */
  readonly ask: ((method: string, path: string) => string | undefined) | undefined;
}

interface Row {
  readonly name: string;
  /** Microseconds a look-up; undefined: it cannot hold these routes. */
  readonly us: number | undefined;
  /** To the generated router. */
  readonly ratio: number | undefined;
  readonly note: string;
}

const names = {
  alone: "generated, path already validated",
  whole: "generated, with validation",
  validation: "validation alone (parseRequestTarget, under)",
} as const;

const standard = pathRules("standard", false);
const faults = faultsOf("standard");
const noPath = parseRequestTarget("/", standard) as RequestPath;

/** What routing needs of an exchange. */
class BenchExchange extends Exchange {
  override readonly id = "";
  override readonly scheme = "http";
  override readonly rawHeaders: readonly string[] = [];
  override readonly peerAddress = "";
  override readonly clientAddress = "";
  override readonly peerTrusted = false;
  override readonly faults: Faults = faults;
  override method = "GET";
  override path: RequestPath = noPath;

  override under(basePath: string): boolean {
    const depth = depthBelow(this.path, basePath);
    if (depth < 0) return false;
    this.baseLength = depth === 0 ? 0 : (this.path.ends[depth - 1] as number);
    this.segments = this.path.segments.slice(depth);
    return true;
  }

  override clientCertificate(): undefined {
    return undefined;
  }

  override wholeBody(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override respond(): void {}

  override relay(): Promise<RelayOutcome> {
    throw new Error("nothing is forwarded here");
  }

  override wait(): Promise<boolean> {
    throw new Error("nothing is waited for here");
  }

  override expire(): void {}
}

/** Its path was validated before: `segments` are there. */
class PreparedExchange extends BenchExchange {
  override under(): boolean {
    return true;
  }
}

async function generatedContenders(routes: readonly Route[]): Promise<readonly Contender[]> {
  const methods = new Map<string, HttpMethod[]>();
  for (const { template, method } of routes) {
    methods.set(template, [...(methods.get(template) ?? []), method as HttpMethod]);
  }
  const templates = [...methods.keys()];
  const place = new Map(templates.map((template, index) => [template, index]));
  const gateway = await generateGateway(
    { routes: templates.map((template) => ({ template, methods: methods.get(template) ?? [] })) },
    {
      "authenticate.js": "export function withholdCredentials() {}",
      "forward.js": "export function forward() {}",
    },
  );
  // As the generator of test gateways names its handlers.
  const ids = new Map(
    routes.map(({ id, template, method }) => [`s0r${place.get(template)}${method.toLowerCase()}`, id]),
  );
  const found = (x: BenchExchange) => (x.operation === undefined ? undefined : ids.get(x.operation));
  const route = gateway.route;
  return [aloneContender(route, found), wholeContender(route, found), validationContender()];
}

function aloneContender(route: Gateway["route"], found: (x: BenchExchange) => string | undefined): Contender {
  const x = new PreparedExchange();
  let methods: readonly string[] = [];
  let segments: readonly (readonly string[])[] = [];
  const below = (path: string) => (parseRequestTarget(`/s0${path}`, standard) as RequestPath).segments.slice(1);
  return {
    name: names.alone,
    prepare(requests) {
      methods = requests.methods;
      segments = requests.paths.map(below);
    },
    run() {
      for (let i = 0; i < methods.length; i++) {
        x.method = methods[i] as string;
        x.segments = segments[i] as readonly string[];
        route(x);
      }
    },
    ask(method, path) {
      x.operation = undefined;
      x.method = method;
      x.segments = below(path);
      route(x);
      return found(x);
    },
  };
}

function wholeContender(route: Gateway["route"], found: (x: BenchExchange) => string | undefined): Contender {
  const x = new BenchExchange();
  let methods: readonly string[] = [];
  let targets: readonly string[] = [];
  const send = (method: string, target: string) => {
    x.method = method;
    x.path = parseRequestTarget(target, standard) as RequestPath;
    route(x);
  };
  return {
    name: names.whole,
    prepare(requests) {
      methods = requests.methods;
      targets = fresh(requests.paths.map((path) => `/s0${path}`));
    },
    run() {
      for (let i = 0; i < methods.length; i++) send(methods[i] as string, targets[i] as string);
    },
    ask(method, path) {
      x.operation = undefined;
      send(method, `/s0${path}`);
      return found(x);
    },
  };
}

function validationContender(): Contender {
  const x = new BenchExchange();
  let targets: readonly string[] = [];
  return {
    name: names.validation,
    prepare(requests) {
      targets = fresh(requests.paths.map((path) => `/s0${path}`));
    },
    run() {
      for (let i = 0; i < targets.length; i++) {
        x.path = parseRequestTarget(targets[i] as string, standard) as RequestPath;
        if (!x.under("/s0")) throw new Error("not below the base path");
      }
    },
    ask: undefined,
  };
}

function otherContender(name: string, find: Find): Contender {
  const x: { operation: string | undefined } = { operation: undefined };
  let methods: readonly string[] = [];
  let paths: readonly string[] = [];
  return {
    name,
    prepare(requests) {
      methods = requests.methods;
      paths = requests.paths;
    },
    run() {
      for (let i = 0; i < methods.length; i++) find(methods[i] as string, paths[i] as string)?.(x);
    },
    ask(method, path) {
      x.operation = undefined;
      find(method, path)?.(x);
      return x.operation;
    },
  };
}

/** The lower quartile: what else runs on the machine only adds. */
function quartile(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 2] as number;
}

/** A function of its own for each operation, as generated handlers are. */
function handlerOf({ id }: Route): Handler {
  return new Function("x", `x.operation = ${JSON.stringify(id)};`) as Handler;
}

/** The same texts as new strings, flat and without a hash, as they come out of a read buffer. */
function fresh(texts: readonly string[]): readonly string[] {
  const bytes = Buffer.from(texts.join(""), "latin1");
  let from = 0;
  return texts.map((text) => {
    const start = from;
    from += text.length;
    return bytes.toString("latin1", start, from);
  });
}

/** Routes with text beside a parameter in one segment are known to the generated router only, and nobody is asked for them. */
async function measure(routes: readonly Route[], each: number): Promise<readonly Row[]> {
  const simple = routes.filter(({ template }) => !/[^/]\{|\}[^/]/.test(template));
  const requests = requestsFor(simple, each);
  const contenders = [...(await generatedContenders(routes))];
  const unable: Row[] = [];
  for (const { name, fill } of await otherRouters()) {
    try {
      contenders.push(otherContender(name, fill(simple, handlerOf)));
    } catch (error) {
      const reason = error instanceof Error ? error.constructor.name : String(error);
      unable.push({ name, us: undefined, ratio: undefined, note: `cannot hold these routes (${reason})` });
    }
  }
  const notes = new Map(contenders.map((contender) => [contender, wrongAnswers(contender, requests)]));
  const batches = Math.floor(requests.paths.length / batch);
  const times = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (let step = 0; step < batches; step++) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const index = (turn + round + warmUp) % contenders.length;
        const contender = contenders[index] as Contender;
        // Each has another part of the requests: two of them share a router, and none may find it warm.
        const us = timed(contender, requests, ((step + index * 5) % batches) * batch);
        if (round >= 0) times.get(contender)?.push(us);
      }
    }
  }
  const own = quartile(times.get(contenders[0] as Contender) ?? []);
  const rows = contenders.map((contender): Row => {
    const us = quartile(times.get(contender) ?? []);
    return { name: contender.name, us, ratio: us / own, note: notes.get(contender) ?? "" };
  });
  return [...rows, ...unable];
}

/** Microseconds a look-up of one batch: its strings are in the processor's cache when they are routed, routes are not. */
function timed(contender: Contender, { methods, paths, expected }: Requests, from: number): number {
  const part = {
    methods: methods.slice(from, from + batch),
    paths: fresh(paths.slice(from, from + batch)),
    expected: expected.slice(from, from + batch),
  };
  contender.prepare(part);
  const start = process.hrtime.bigint();
  contender.run();
  return Number(process.hrtime.bigint() - start) / 1000 / part.paths.length;
}

function wrongAnswers({ ask }: Contender, requests: Requests): string {
  if (ask === undefined) return "";
  const wrong = requests.paths.filter(
    (path, index) => ask(requests.methods[index] as string, path) !== requests.expected[index],
  );
  return wrong.length === 0 ? "" : `finds another operation for ${wrong.length} of ${requests.paths.length}`;
}

function table(title: string, rows: readonly Row[]): string {
  const line = ({ name, us, ratio, note }: Row) =>
    `| ${name} | ${us?.toFixed(3) ?? ""} | ${ratio?.toFixed(2) ?? ""} | ${note} |`;
  return [
    `## ${title}`,
    "",
    "| router | us a look-up | ratio to the generated one | |",
    "|---|--:|--:|---|",
    ...rows.map(line),
    "",
  ].join("\n");
}

installRouters();
const github = await githubRoutes();
const synthetic = syntheticRoutes(Number(values.synthetic));
const [load = 0] = loadavg();
const measured = [
  [`GitHub's API, ${github.length} operations`, await measure(github, 4)],
  [`An invented API, ${synthetic.length} operations`, await measure(synthetic, 1)],
] as const;
const text = [
  "# Routing: results",
  "",
  "Written by `node --import tsx test/bench/routes.ts --out=test/bench/ROUTES.md`; do not edit.",
  "",
  `${new Date().toISOString().slice(0, 10)}; Node ${process.versions.node}; ${routerVersions()}; lower quartile of ${rounds} rounds, all in turns;`,
  `load ${load.toFixed(1)} when the run began.`,
  "",
  ...measured.map(([title, rows]) => table(title, rows)),
].join("\n");
if (values.out !== undefined) writeFileSync(values.out, text);
process.stdout.write(text);
const published = measured.flatMap(([, rows]) => rows.slice(Object.keys(names).length));
process.exitCode = published.some(({ ratio }) => ratio !== undefined && ratio < 1) ? 1 : 0;
