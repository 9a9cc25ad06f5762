import type { CorsFacts } from "../../model/loaded-project.ts";
import type { Findings } from "./findings.ts";
import { duration, isEqual, listed } from "./order.ts";

/** Every value is allowed. */
const any = "any";
type Allowed = typeof any | ReadonlySet<string>;

/**
 * What pages of other origins may do. `ofWhat` stands in messages: `of this API`. Without rules browsers refuse them. Methods are
 * said of the operations that have them, by `diffCorsMethod`: `methods` are all there are.
 */
export function diffCors(
  before: CorsFacts | undefined,
  after: CorsFacts | undefined,
  methods: ReadonlySet<string>,
  findings: Findings,
  ofWhat = "",
): void {
  if (isEqual(before, after)) return;
  const facts = { before: describe(before), after: describe(after) };
  const what = ofWhat === "" ? "" : ` ${ofWhat}`;
  if (before === undefined && after !== undefined) {
    const message = `pages of ${listed(allowedOrigins(after), "or")} may read answers${what} now; before, browsers refused them`;
    return findings.add("cors-switched-on", { ...facts, message });
  }
  if (before === undefined || after === undefined) {
    const message = `pages of other origins may no longer read answers${what}`;
    return findings.add("cors-switched-off", { ...facts, message });
  }
  let found = [...methods].some((method) => allowsMethod(before, method) !== allowsMethod(after, method));
  const compare = (
    base: Allowed,
    head: Allowed,
    codes:
      | readonly ["cors-origin-allowed", "cors-origin-refused"]
      | readonly ["cors-header-allowed", "cors-header-refused"]
      | readonly ["cors-header-exposed", "cors-header-hidden"],
    say: (names: string) => readonly [more: string, less: string],
  ) => {
    const more = notIn(head, base);
    const less = notIn(base, head);
    if (more !== undefined) findings.add(codes[0], { ...facts, message: say(more)[0] });
    if (less !== undefined) findings.add(codes[1], { ...facts, message: say(less)[1] });
    found ||= more !== undefined || less !== undefined;
  };
  compare(
    listOf(before.allowOrigins),
    listOf(after.allowOrigins),
    ["cors-origin-allowed", "cors-origin-refused"],
    (names) => [`pages of ${names} may read answers${what} now`, `pages of ${names} may no longer read answers${what}`],
  );
  compare(
    listOf(before.allowHeaders.map(lower)),
    listOf(after.allowHeaders.map(lower)),
    ["cors-header-allowed", "cors-header-refused"],
    (names) => [`pages of other origins may send ${names} now`, `pages of other origins may no longer send ${names}`],
  );
  compare(exposed(before), exposed(after), ["cors-header-exposed", "cors-header-hidden"], (names) => [
    `pages of other origins may read ${names} of answers now`,
    `pages of other origins may no longer read ${names} of answers`,
  ]);
  const [granted, grants] = [grantsCredentials(before), grantsCredentials(after)];
  if (granted !== grants) {
    found = true;
    const message = grants
      ? "browsers send cookies and other credentials of their user for pages of other origins now"
      : "browsers no longer let pages of other origins use credentials of their user";
    findings.add(grants ? "cors-credentials-allowed" : "cors-credentials-refused", { ...facts, message });
  }
  if (before.maxAgeSeconds !== after.maxAgeSeconds) {
    found = true;
    const message = `browsers may keep the answer to a preflight ${describeAge(after.maxAgeSeconds)}; before, ${describeAge(before.maxAgeSeconds)}`;
    findings.add("cors-max-age-changed", { ...facts, message });
  }
  if (!found)
    findings.add("cors-reworded", {
      ...facts,
      message: "the rules for other origins are written otherwise; they mean the same",
    });
}

/** Whether pages of other origins may use the method of an operation. Where one side has no rules at all, its API says so. */
export function diffCorsMethod(
  before: CorsFacts | undefined,
  after: CorsFacts | undefined,
  method: string,
  findings: Findings,
): void {
  if (before === undefined || after === undefined) return;
  const [allowed, allows] = [allowsMethod(before, method), allowsMethod(after, method)];
  if (allowed === allows) return;
  const facts = { before: textOf(listOf(before.allowMethods)), after: textOf(listOf(after.allowMethods)) };
  if (allows)
    findings.add("cors-method-allowed", { ...facts, message: `pages of other origins may use ${method} now` });
  else findings.add("cors-method-refused", { ...facts, message: `pages of other origins may no longer use ${method}` });
}

/** HEAD may be asked for wherever GET is. */
function allowsMethod({ allowMethods }: CorsFacts, method: string): boolean {
  const list = listOf(allowMethods);
  return list === any || list.has(method) || (method === "GET" && list.has("HEAD"));
}

/** `all origins`, or those that are named. */
export function allowedOrigins({ allowOrigins }: CorsFacts): readonly string[] {
  const list = listOf(allowOrigins);
  return list === any ? ["all origins"] : [...list].sort();
}

function listOf(names: readonly string[]): Allowed {
  return names.length === 0 || (names.length === 1 && names[0] === "*") ? any : new Set(names);
}

/** Fields whose names no header can have are left out (runtime-lib/cors.ts). */
function exposed({ exposeHeaders }: CorsFacts): Allowed {
  return new Set(exposeHeaders.map(lower));
}

/** Credentials are never granted to any origin at all (S-SEC-14). */
function grantsCredentials({ allowCredentials, allowOrigins }: CorsFacts): boolean {
  return allowCredentials && listOf(allowOrigins) !== any;
}

/** What the first allows and the second does not, as text; undefined: nothing. */
function notIn(first: Allowed, second: Allowed): string | undefined {
  if (second === any) return undefined;
  if (first === any) return second.size === 0 ? "all" : "all others";
  const names = [...first].filter((name) => !second.has(name)).sort();
  return names.length === 0 ? undefined : listed(names);
}

function lower(text: string): string {
  return text.toLowerCase();
}

function describeAge(seconds: number | undefined): string {
  if (seconds === undefined) return "as long as they like";
  return seconds < 0 ? "not at all" : seconds === 0 ? "for no time" : `for ${duration(seconds * 1000)}`;
}

function describe(cors: CorsFacts | undefined): string {
  if (cors === undefined) return "no other origins";
  const parts = [
    `origins ${textOf(listOf(cors.allowOrigins))}`,
    `methods ${textOf(listOf(cors.allowMethods))}`,
    `headers ${textOf(listOf(cors.allowHeaders))}`,
    ...(cors.exposeHeaders.length > 0 ? [`exposes ${listed(cors.exposeHeaders)}`] : []),
    ...(cors.allowCredentials ? ["credentials"] : []),
  ];
  return parts.join("; ");
}

function textOf(list: Allowed): string {
  return list === any ? "any" : listed([...list].sort());
}
