import path from "node:path";
import { build, type Plugin } from "esbuild";
import { parsePathTemplate } from "../../compiler/2-check/read/path-template.ts";
import { planGateway } from "../../compiler/4-plan/plan-gateway.ts";
import { emitGateway } from "../../compiler/5-emit/emit-gateway.ts";
import type { ApiModel, GatewayModel, OperationModel } from "../../compiler/model/gateway-model.ts";
import type { GeneratedFile } from "../../compiler/model/generated-file.ts";
import type { Compatibility, HttpMethod, Identifier, Slug } from "../../compiler/model/names.ts";
import type { Gateway } from "../../runtime-lib/gateway.ts";
import { parseRequestTarget, pathRules } from "../../runtime-lib/request-path.ts";
import { RecordedExchange } from "./recorded-exchange.ts";

/** The routes of one API: a template for each path, and its methods. */
export interface RouteSet {
  readonly routes: readonly { readonly template: string; readonly methods: readonly HttpMethod[] }[];
}

export type RoutedTo =
  | { readonly kind: "bad-request" }
  | { readonly kind: "unknown" }
  | { readonly kind: "method-not-allowed"; readonly allow: string }
  | { readonly kind: "route"; readonly template: string };

/** Asks the code that was generated for a set which of its routes a request meets. `target` lies below the base path. */
export type GeneratedRouter = (set: number, method: string, target: string) => RoutedTo;

/** Generates the routers of all sets as one gateway and loads it into this process. Backends are not called. */
export async function generateRouters(
  sets: readonly RouteSet[],
  compatibility: Compatibility,
): Promise<GeneratedRouter> {
  const model = modelOf(sets, compatibility);
  const gateway = await load(await emitGateway(planGateway(model)), stubs);
  const templates = new Map<string, string>();
  for (const api of model.apis) for (const one of api.operations) templates.set(one.id, one.template);
  const rules = pathRules(compatibility, false);
  return (set, method, target) => {
    const parsed = parseRequestTarget(`/s${set}${target}`, rules);
    if (typeof parsed === "string") return { kind: "bad-request" };
    const x = new RecordedExchange({ method, path: parsed, compatibility });
    gateway.route(x);
    if (x.answer?.status === 404) return { kind: "unknown" };
    if (x.answer?.status === 405) {
      return { kind: "method-not-allowed", allow: x.answer.headers.find(([name]) => name === "Allow")?.[1] ?? "" };
    }
    const template = x.operation === undefined ? undefined : templates.get(x.operation);
    if (x.answer?.status !== 299 || template === undefined) {
      throw new Error(`${method} ${target} ended with ${x.answer?.status} of ${x.operation}`);
    }
    return { kind: "route", template };
  };
}

/**
 * The gateway that is generated for one set, mounted at `/s0`; its public handlers set `x.operation` and call the given
 * modules instead of the runtime's.
 */
export async function generateGateway(set: RouteSet, modules: Readonly<Record<string, string>>): Promise<Gateway> {
  return load(await emitGateway(planGateway(modelOf([set], "standard"))), { ...stubs, ...modules });
}

const origin = { file: "api_definitions/routes.yaml", pointer: "" };

function modelOf(sets: readonly RouteSet[], compatibility: Compatibility): GatewayModel {
  return {
    compatibility,
    apis: sets.map(
      (set, index): ApiModel => ({
        slug: `s${index}` as Slug,
        symbol: `s${index}Router` as Identifier,
        title: `Set ${index}`,
        version: "1.0.0",
        basePath: `/s${index}`,
        transports: ["http", "https"],
        cors: undefined,
        authHeader: undefined,
        allowEncodedSlash: false,
        challenges: [],
        apiLimit: undefined,
        operations: operationsOf(set, index, compatibility),
        origin,
      }),
    ),
    callerTiers: { application: [], subscription: [] },
    counters: undefined,
    faults: { api: "fault", global: "fault" },
    builtinPaths: [],
    replacedServices: [],
    builtinCors: undefined,
    features: [],
    extensions: [],
  };
}

function operationsOf(set: RouteSet, index: number, compatibility: Compatibility): OperationModel[] {
  const original = compatibility === "wso2-3.2";
  return set.routes.flatMap(({ template, methods }, route) => {
    const parsed = parsePathTemplate(template, {
      ignoreTrailingSlash: original,
      encodedSlash: false,
    });
    if (parsed.kind !== "segments") throw new Error(`${template}: ${parsed.problem}`);
    return methods.map(
      (method): OperationModel => ({
        id: `s${index}r${route}${method.toLowerCase()}` as Identifier,
        method,
        template,
        segments: parsed.segments,
        access: { kind: "public", why: "x-wso2-disable-security", origin },
        throttle: { resource: undefined, fromCaller: false, unauthenticated: undefined },
        backend: {
          kind: "forward",
          production: {
            overrideKey: "backend_prod",
            level: "api",
            environment: "production",
            urls: ["http://backend.test"],
            timeoutMs: 1000,
            pipelining: 1,
            basicUsername: undefined,
            origin,
          },
          sandbox: undefined,
        },
        origin,
      }),
    );
  });
}

/** 299: the handler came to its `forward`. */
const stubs: Readonly<Record<string, string>> = {
  "forward.js": "export function forward(x) { x.respond(299, [], ''); }",
  "upstream-single.js": "export function upstream(options) { return options; }",
};

async function load(files: readonly GeneratedFile[], stubs: Readonly<Record<string, string>>): Promise<Gateway> {
  const texts = new Map(files.map(({ file, text }) => [file, text]));
  const plugin: Plugin = {
    name: "generated",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^castgate\/runtime\// }, ({ path: name }) => {
        const file = name.slice("castgate/runtime/".length);
        if (Object.hasOwn(stubs, file)) return { namespace: "stub", path: file };
        return { path: path.resolve(import.meta.dirname, "../../runtime-lib", file.replace(/\.js$/, ".ts")) };
      });
      onResolve({ filter: /^gateway\.ts$/ }, ({ path: file }) => ({ namespace: "generated", path: file }));
      onResolve({ filter: /^\./, namespace: "generated" }, ({ path: name, importer }) => ({
        namespace: "generated",
        path: path.posix.join(path.posix.dirname(importer), name).replace(/\.js$/, ".ts"),
      }));
      onLoad({ filter: /.*/, namespace: "stub" }, ({ path: file }) => ({ contents: stubs[file] ?? "", loader: "js" }));
      onLoad({ filter: /.*/, namespace: "generated" }, ({ path: file }) => ({
        contents: texts.get(file) ?? "",
        loader: "ts",
      }));
    },
  };
  const { outputFiles } = await build({
    entryPoints: ["gateway.ts"],
    plugins: [plugin],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    // undici and the like are behind the stubs; what is left of them is not run.
    packages: "external",
    logLevel: "silent",
  });
  const module = { exports: {} as { gateway?: Gateway } };
  new Function("module", "exports", "require", outputFiles[0]?.text ?? "")(module, module.exports, refuseRequire);
  if (module.exports.gateway === undefined) throw new Error("the generated code exports no gateway");
  return module.exports.gateway;
}

function refuseRequire(name: string): unknown {
  if (name.startsWith("node:")) return process.getBuiltinModule(name);
  throw new Error(`the router needs ${name}`);
}
