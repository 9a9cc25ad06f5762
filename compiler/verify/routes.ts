import type { CallExpression, FunctionDeclaration } from "acorn";
import type { ApiModel, GatewayModel, OperationModel } from "../model/gateway-model.ts";
import { httpMethods } from "../model/names.ts";
import { expectedCrossOrigin, expectedSteps } from "./expect/operation.ts";
import { call, type Expected, literal, method, texts, x } from "./expect/value.ts";
import type { GeneratedCode, Locals } from "./generated-code.ts";
import { checkHandler } from "./handler.ts";
import { type RouteRule, routeRules, shapeOfTests } from "./route-rules.ts";
import { isPreferred, keyOfShape, overlap, type RouteShape, shapeOfTemplate, templateOfShape } from "./route-shape.ts";

/** Operations of one API with the same paths. */
interface Template {
  readonly shape: RouteShape;
  /** In the order of `Allow`. */
  readonly operations: readonly OperationModel[];
  /** Methods whose rule was met. */
  readonly met: Set<string>;
  /** What no rule took was refused. */
  closed: boolean;
}

export interface ApiProof {
  /** Operations that were found behind exactly their paths and their method, with all their checks. */
  readonly operations: number;
  /** Ways through handlers. */
  readonly ways: number;
}

/**
 * Requires that a router leads to each operation of its API by the paths and the method that it claims, to nothing else, and that
 * of several that a path fits the right one is tried first; then follows each handler.
 */
export function checkApi(
  code: GeneratedCode,
  gateway: GatewayModel,
  api: ApiModel,
  router: FunctionDeclaration,
): ApiProof {
  const { cors } = api;
  const decoration = cors && method(expectedCrossOrigin(api, cors), "decorate", x);
  const rules = routeRules(
    code,
    router,
    `router of ${api.slug}`,
    decoration && ((node, locals) => code.is(node, decoration, locals)),
  );
  const checker = new ApiChecker(code, gateway, api);
  for (const rule of rules) checker.rule(rule);
  return checker.finish(router);
}

class ApiChecker {
  readonly #code: GeneratedCode;
  readonly #gateway: GatewayModel;
  readonly #api: ApiModel;
  readonly #templates = new Map<string, Template>();
  /** In the order in which the router tries them. */
  readonly #tried: RouteShape[] = [];
  #current: Template | undefined;
  #ended = false;
  #operations = 0;
  #ways = 0;

  constructor(code: GeneratedCode, gateway: GatewayModel, api: ApiModel) {
    this.#code = code;
    this.#gateway = gateway;
    this.#api = api;
    const groups = new Map<string, { readonly shape: RouteShape; readonly operations: OperationModel[] }>();
    for (const operation of api.operations) {
      const shape = shapeOfTemplate(operation.segments);
      const key = keyOfShape(shape);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { shape, operations: [operation] });
      else group.operations.push(operation);
    }
    for (const { operations } of groups.values()) {
      operations.sort((a, b) => httpMethods.indexOf(a.method) - httpMethods.indexOf(b.method));
    }
    for (const [key, group] of groups) this.#templates.set(key, { ...group, met: new Set(), closed: false });
  }

  rule({ tests, action, locals }: RouteRule): void {
    const offset = action.start;
    if (this.#ended) return this.#refuse(offset, "no request gets here");
    const methods = tests.flatMap((test) => (test.of === "method" ? [test.text] : []));
    const [only] = methods;
    if (tests.length === 0 && this.#code.is(action, this.#unknownResource(), locals)) {
      this.#ended = true;
      return;
    }
    const shape = shapeOfTests(tests.filter(({ of }) => of !== "method"));
    const template = shape && this.#templates.get(keyOfShape(shape));
    if (shape === undefined || template === undefined) {
      const paths =
        shape === undefined ? "these are not the paths of one template" : `nothing claims ${templateOfShape(shape)}`;
      return this.#refuse(offset, paths);
    }
    if (methods.length > 1) return this.#refuse(offset, "no request has two methods");
    if (template !== this.#current) {
      if (template.met.size > 0 || template.closed)
        return this.#refuse(offset, `${templateOfShape(shape)} is tried twice`);
      this.#current = template;
      this.#tried.push(shape);
    }
    if (template.closed || (only !== undefined && template.met.has(only)))
      return this.#refuse(offset, "no request gets here");
    if (only === undefined) this.#close(template, action, locals);
    else this.#method(template, only, action, locals);
  }

  /** What is left once all rules were looked at. */
  finish(router: FunctionDeclaration): ApiProof {
    for (const { shape, operations, met, closed } of this.#templates.values()) {
      for (const operation of operations) {
        if (met.has(operation.method)) continue;
        const message = `the router of ${this.#api.slug} does not lead to it`;
        this.#code.report("operation-missing", message, router.start, nameOf(this.#api, operation));
      }
      if (!closed) this.#refuse(router.start, `other methods of ${templateOfShape(shape)} are not refused`);
    }
    const last = this.#tried.at(-1);
    const isTotal = this.#ended || (last?.open === true && last.segments.length === 0);
    if (!isTotal) this.#refuse(router.end, "other paths are not refused");
    this.#order(router);
    return { operations: this.#operations, ways: this.#ways };
  }

  #close(template: Template, action: CallExpression, locals: Locals): void {
    const methods = template.operations.map((operation) => operation.method);
    const answer = call("respond/methodNotAllowed", x, texts(methods), literal(this.#gateway.faults.api));
    if (!this.#code.is(action, answer, locals)) return this.#refuse(action.start, "other methods are not refused here");
    template.closed = true;
    const asked = this.#api.cors !== undefined || this.#gateway.compatibility === "wso2-3.2";
    if (asked && !methods.includes("OPTIONS") && !template.met.has("OPTIONS")) {
      this.#refuse(action.start, "OPTIONS is refused, which asks what is allowed");
    }
    const left = template.operations.filter(({ method: verb }) => !template.met.has(verb));
    for (const { method: verb } of left) this.#refuse(action.start, `${verb} is refused before it is looked at`);
  }

  #method(template: Template, verb: string, action: CallExpression, locals: Locals): void {
    const operation = template.operations.find((one) => one.method === verb);
    template.met.add(verb);
    if (operation !== undefined) return this.#operation(operation, action, locals);
    const { cors } = this.#api;
    const methods = texts(template.operations.map((one) => one.method));
    const answer = cors
      ? method(expectedCrossOrigin(this.#api, cors), "preflight", x, methods)
      : call("respond/allow", x, methods);
    if (verb === "OPTIONS" && this.#code.is(action, answer, locals)) return;
    this.#refuse(action.start, `nothing claims ${verb} ${templateOfShape(template.shape)}`);
  }

  #operation(operation: OperationModel, action: CallExpression, locals: Locals): void {
    const name = nameOf(this.#api, operation);
    const { callee } = action;
    const takesRequest = action.arguments.length === 1 && action.arguments[0]?.type !== "SpreadElement";
    const handler =
      callee.type === "Identifier" && !locals.has(callee.name)
        ? this.#code.functionFor(callee.name, `handler of ${this.#api.slug} ${operation.id}`)
        : undefined;
    const expected: Expected = { is: "function", key: `handler of ${this.#api.slug} ${operation.id}` };
    if (
      handler === undefined ||
      !takesRequest ||
      !this.#code.is(action, { is: "call", callee: expected, args: [x] }, locals)
    ) {
      this.#code.report("route-wrong", "this is not the handler of the operation", action.start, name);
      return;
    }
    const before = this.#code.flaws.length;
    this.#ways += checkHandler(this.#code, handler, expectedSteps(this.#gateway, this.#api, operation), name);
    if (this.#code.flaws.length === before) this.#operations++;
  }

  /** The first template that fits decides, so of two that a path fits the preferred one must be tried first. */
  #order(router: FunctionDeclaration): void {
    const anyStart: RouteShape[] = [];
    const byStart = new Map<string, RouteShape[]>();
    const earlier: RouteShape[] = [];
    const compare = (others: readonly RouteShape[], shape: RouteShape) => {
      for (const other of others) {
        if (!overlap(other, shape) || isPreferred(other, shape)) continue;
        this.#refuse(router.start, `${templateOfShape(other)} is tried before ${templateOfShape(shape)}`);
      }
    };
    for (const shape of this.#tried) {
      const [first] = shape.segments;
      if (first?.kind === "literal") {
        const same = byStart.get(first.text) ?? [];
        compare(same, shape);
        compare(anyStart, shape);
        same.push(shape);
        byStart.set(first.text, same);
      } else {
        compare(earlier, shape);
        anyStart.push(shape);
      }
      earlier.push(shape);
    }
  }

  #unknownResource(): Expected {
    return call("respond/unknownResource", x, literal(this.#gateway.faults.api));
  }

  #refuse(offset: number, message: string): void {
    this.#code.report("route-wrong", `router of ${this.#api.slug}: ${message}`, offset);
  }
}

/** `GET /base/path`, as the manifest has it. */
export function nameOf({ basePath }: ApiModel, operation: OperationModel): string {
  return `${operation.method} ${basePath === "/" ? "" : basePath}${operation.template}`;
}
