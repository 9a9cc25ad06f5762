import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AuditError, auditGateway, requireAudited } from "../../../compiler/5-emit/audit.ts";
import { emitGateway } from "../../../compiler/5-emit/emit-gateway.ts";
import type { Access } from "../../../compiler/model/gateway-model.ts";
import type { GatewayPlan, PolicyChain } from "../../../compiler/model/gateway-plan.ts";
import type { GeneratedFile } from "../../../compiler/model/generated-file.ts";
import {
  apiPlan,
  at,
  authenticate,
  cors,
  forward,
  gatewayPlan,
  id,
  open,
  petstore,
  requireScopes,
  type SampleOperation,
  slug,
  tier,
  upstream,
} from "./sample-plan.ts";

const emitted = await emitGateway(petstore);

/** The petstore's files with one of them changed; the change has to be one. */
function changed(file: string, change: (text: string) => string, files = emitted): readonly GeneratedFile[] {
  return files.map((one) => {
    if (one.file !== file) return one;
    const text = change(one.text);
    assert.notEqual(text, one.text, "the test changes nothing");
    return { file, text };
  });
}

/** What the audit says of it: `<file>: <subject> <message>`. */
function findings(files: readonly GeneratedFile[], plan: GatewayPlan = petstore): string[] {
  return auditGateway(plan, files).map(({ file, subject, message }) => `${file}: ${subject} ${message}`);
}

/** Applies the change to one handler only. */
function inHandler(symbol: string, change: (text: string) => string): (text: string) => string {
  return (text) =>
    text
      .split(/^(?=\/\/ [A-Z]+ \/)/m)
      .map((piece) => (new RegExp(`function ${symbol}\\(`).test(piece) ? change(piece) : piece))
      .join("");
}

const replace = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

test("a figure of an endpoint that is not the planned one is found", async () => {
  const statusCodes = [503];
  const ejection = { failures: 5, initialMs: 30_000, factor: 1.5, maxMs: 300_000, share: 0.5, statusCodes };
  const guarded = upstream("main_prod", ["https://a.test", "https://b.test"], {
    timeouts: { headersMs: 700, totalMs: 9000 },
    choice: { kind: "failover", statusCodes, order: "sticky", suspend: ejection },
    maxInFlight: 100,
    resendMethods: ["POST"],
    retry: { count: 2, intervalMs: 200, factor: 1, maxMs: 2000, statusCodes, budget: { ratio: 0.2, perSecond: 10 } },
    circuitBreaker: {
      requestVolume: 20,
      failureThreshold: 0.4,
      windowMs: 30_000,
      bucketMs: 3000,
      resetMs: 8000,
      statusCodes,
    },
  });
  const api = apiPlan([{ template: "/a", symbol: "a", chain: [open, forward] }], {
    upstreams: [{ symbol: id("production"), upstream: guarded }],
  });
  const plan = gatewayPlan([api]);
  const files = await emitGateway(plan);
  assert.deepEqual(findings(files, plan), []);
  const text = files.find(({ file }) => file === `${api.slug}/shared.ts`)?.text ?? "";
  for (const figure of [
    /\b9_000/,
    /\b700/,
    /\b100/,
    /"POST"/,
    /503/,
    /"sticky"/,
    /\b1\.5/,
    /\b0\.4/,
    /\b0\.2/,
    /\b8_000/,
  ]) {
    assert.match(text, figure);
    const replaced = replace(figure, figure.source.startsWith('"') ? '"PATCH"' : "77");
    assert.notDeepEqual(findings(changed(`${api.slug}/shared.ts`, replaced, files), plan), [], String(figure));
  }
});

test("what was emitted is what was planned", () => {
  assert.deepEqual(findings(emitted), []);
  assert.equal(requireAudited(petstore, emitted), emitted);
});

test("a finding stops the build, with all that was found", () => {
  const broken = changed("petstore-v1/pet.ts", replace("  if (!caller) return refuse(x);\n", ""));
  assert.throws(
    () => requireAudited(petstore, broken),
    (error: AuditError) => {
      assert.ok(error instanceof AuditError);
      assert.equal(error.findings.length, 1);
      assert.match(error.message, /^generated\/petstore-v1\/pet\.ts: getPetById lacks a statement of its check "auth/);
      return true;
    },
  );
});

describe("a handler that is not as planned is found", () => {
  const scopes = `  if (!hasAnyScope(caller, ["read:pets", "write:pets"])) return forbidden(x, caller, ["read:pets", "write:pets"]);\n`;
  const throttle =
    "  const verdict = await getPetByIdLimits.admit(x, caller);\n  if (!verdict.allowed) return tooManyRequests(x, verdict);\n";
  const keyType = `  if (caller.keyType !== "PRODUCTION") return noEndpoint(x, caller.keyType);\n`;
  const mutations: Record<string, (text: string) => string> = {
    "authentication is missing": replace(/ {2}const caller[\s\S]*?refuse\(x\);\n/, ""),
    "its refusal is missing": replace("  if (!caller) return refuse(x);\n", ""),
    "the refusal does not return": replace("if (!caller) return refuse(x);", "if (!caller) refuse(x);"),
    "the refusal stands in a comment": replace("  if (!caller)", "  // if (!caller)"),
    "the refusal is the wrong way round": replace("if (!caller)", "if (caller)"),
    "nobody waits for the verdict": replace("await authenticate", "authenticate"),
    "another API authenticates": replace("authenticate(x, petstoreV1Api", "authenticate(x, otherApi"),
    "another access is asked": replace("x, petstoreV1Api, getPetByIdAccess", "x, petstoreV1Api, addPetAccess"),
    "scopes are missing": replace(scopes, ""),
    "a scope is another": replace('!hasAnyScope(caller, ["read:pets"', '!hasAnyScope(caller, ["read:pet"'),
    "a scope is added": replace('!hasAnyScope(caller, ["read:pets"', '!hasAnyScope(caller, ["all", "read:pets"'),
    "a scope is dropped": replace('!hasAnyScope(caller, ["read:pets", ', "!hasAnyScope(caller, ["),
    "all scopes instead of any": replace("!hasAnyScope", "!hasAllScopes"),
    "the refusal names other scopes": replace('forbidden(x, caller, ["read:pets", ', "forbidden(x, caller, ["),
    "throttling is missing": replace(throttle, ""),
    "throttling is asked and ignored": replace("  if (!verdict.allowed) return tooManyRequests(x, verdict);\n", ""),
    "throttling is for nobody": replace("admit(x, caller)", "admit(x, undefined)"),
    "another operation's limits": replace("getPetByIdLimits.admit", "updatePetLimits.admit"),
    "the key type is missing": replace(keyType, ""),
    "the key type is another": replace('"PRODUCTION"', '"SANDBOX"'),
    "two checks are swapped": (text) => text.replace(throttle, "").replace(scopes, throttle + scopes),
    "the forward comes first": (text) =>
      text
        .replace("  return forward(x, production);\n", "")
        .replace("  // auth", "  return forward(x, production);\n  // auth"),
    "there is a second forward": replace("  // require", "  forward(x, production);\n  // require"),
    "there is a forward on one more condition": replace(
      "  // require",
      "  if (x.id) return forward(x, production);\n\n  // require",
    ),
    "the forward is not returned": replace("return forward(x, production)", "await forward(x, production)"),
    "another backend": replace("forward(x, production)", "forward(x, sandbox)"),
    "a check stands in if (false)": (text) => text.replace(scopes, `  if (false) {\n  ${scopes}  }\n`),
    "a check stands in try": (text) => text.replace(scopes, `  try {\n  ${scopes}  } catch {}\n`),
    "a check stands in a nested function": (text) => text.replace(scopes, `  const check = () => {\n  ${scopes}  };\n`),
    "a nested function forwards": replace("  // require", "  (() => forward(x, production))();\n  // require"),
    "forward under another name": replace(
      "  // require",
      "  const send = forward;\n  send(x, production);\n  // require",
    ),
    "an early return": replace("  // require", "  return;\n  // require"),
    "the exchange is another": replace("  // require", "  x = { ...x };\n  // require"),
    "a parameter with a default": replace("getPetById(x: Exchange)", "getPetById(x: Exchange = y)"),
    "no longer exported": replace("export async function getPetById", "async function getPetById"),
    "another name in the log": replace('x.operation = "getPetById"', 'x.operation = "addPet"'),
    "marked as public": replace("  // authenticate: jwt, or basic", "  // public: why not"),
    "fewer schemes": replace("[[jwt], [basic]]", "[[basic]]"),
    "schemes joined": replace("[[jwt], [basic]]", "[[jwt, basic]]"),
    "an empty alternative": replace("[[jwt], [basic]]", "[[jwt], [basic], []]"),
    "another limit": replace("count: 10,", "count: 100,"),
    "another window": replace("windowMs: 60_000", "windowMs: 6_000"),
    "a limit that is gone": replace(/ {2}resource: .*\n/, ""),
    "the API tier that is gone": replace("  api: apiLimit,\n", ""),
    "callers' tiers that are gone": replace("  caller: tiers,\n", ""),
    "limits of no API": replace("throttle(petstoreV1Api,", "throttle({},"),
    "the handler is gone": () => "",
    "the handler is there twice": (text) => `${text}\n${text}`,
  };
  for (const [what, change] of Object.entries(mutations)) {
    test(what, () => {
      const found = findings(changed("petstore-v1/pet.ts", inHandler("getPetById", change)));
      assert.notDeepEqual(found, []);
    });
  }

  test("and is told what is wrong with it", () => {
    const swapped = inHandler("getPetById", (text) => text.replace(throttle, "").replace(scopes, throttle + scopes));
    assert.deepEqual(findings(changed("petstore-v1/pet.ts", swapped)), [
      'petstore-v1/pet.ts: getPetById makes its check "throttle" out of order',
      'petstore-v1/pet.ts: getPetById makes its check "throttle" out of order',
    ]);
    const missing = inHandler("getPetById", replace(scopes, ""));
    assert.deepEqual(findings(changed("petstore-v1/pet.ts", missing)), [
      "petstore-v1/pet.ts: forbidden is imported and not used",
      "petstore-v1/pet.ts: hasAnyScope is imported and not used",
      'petstore-v1/pet.ts: getPetById lacks a statement of its check "require-scopes": if ( ! hasAnyScope ( caller , [ "read:pets" , "write:pets" ] ) ) return forbidden ( x , caller , [ "read:pets" , "write:pets" ] ) ;',
    ]);
  });

  test("layout and spelling are nobody's business", () => {
    const other = inHandler("getPetById", (text) =>
      text.replaceAll("\n  ", "\n").replaceAll('"', "'").replaceAll("60_000", "60000").replace("[[jwt]", "[\n  [jwt,]"),
    );
    assert.deepEqual(findings(changed("petstore-v1/pet.ts", other)), []);
  });
});

describe("other operations that are not as planned are found", () => {
  const cases: Record<string, readonly [file: string, handler: string, change: (text: string) => string]> = {
    "a public one that keeps credentials": ["pet.ts", "updatePet", replace(/ {2}withholdCredentials.*\n/, "")],
    "a public one that is not marked": ["pet.ts", "updatePet", replace("  // public: x-wso2-disable-security\n", "")],
    "a public one that authenticates": ["pet.ts", "updatePet", replace("  withhold", "  authenticate(x);\n  withhold")],
    "a public one without its limit": ["pet.ts", "updatePet", replace(/ {2}if \(!verdict.*\n/, "")],
    "one that became public": [
      "pet.ts",
      "addPet",
      replace(
        / {2}\/\/ authenticate[\s\S]*?refuse\(x\);\n/,
        "  // public: because\n  withholdCredentials(x, petstoreV1Api);\n",
      ),
    ],
    "scopes of an alternative that are gone": [
      "pet.ts",
      "findPetsByStatus",
      replace(', scopes: allScopes("read:pets")', ""),
    ],
    "scopes of an alternative that are any": ["pet.ts", "findPetsByStatus", replace("allScopes", "anyScope")],
    "environments that are swapped": ["pet.ts", "findPetsByStatus", replace('=== "PRODUCTION"', '!== "PRODUCTION"')],
    "a backend of its own elsewhere": ["pet.ts", "findPetsByStatus", replace("https://s.test", "https://evil.test")],
    "a backend that waits longer": ["pet.ts", "findPetsByStatus", replace("timeoutMs: 60_000", "timeoutMs: 600_000")],
    "a backend that gets requests before it has answered": [
      "pet.ts",
      "findPetsByStatus",
      replace("timeoutMs: 60_000", "timeoutMs: 60_000, pipelining: 4"),
    ],
    "an undefined tier that forwards": [
      "store.ts",
      "getInventory",
      replace("return policyMissing(x)", "return forward(x, production)"),
    ],
    "an unbuilt one that forwards": [
      "store.ts",
      "placeOrder",
      replace(/return notBuilt.*/, "return forward(x, production);"),
    ],
    "an unbuilt one that forwards first": [
      "store.ts",
      "placeOrder",
      replace("  return notBuilt", "  forward(x, production);\n  return notBuilt"),
    ],
    "one without a backend that forwards": [
      "user.ts",
      "getUser",
      replace(/return noEndpoint.*/, "return forward(x, production);"),
    ],
  };
  for (const [what, [file, handler, change]] of Object.entries(cases)) {
    test(what, () => {
      assert.notDeepEqual(findings(changed(`petstore-v1/${file}`, inHandler(handler, change))), []);
    });
  }
});

describe("a file that is not as planned is found", () => {
  const cases: Record<string, readonly [file: string, change: (text: string) => string]> = {
    "it does not parse": ["petstore-v1/pet.ts", (text) => `${text}}`],
    "an import of something else": [
      "petstore-v1/pet.ts",
      replace("\nimport", '\nimport { exit } from "node:process";\nimport'),
    ],
    "an import for its effects": [
      "petstore-v1/pet.ts",
      replace("\nimport", '\nimport "castgate/runtime/forward.js";\nimport'),
    ],
    "an import of everything": ["petstore-v1/pet.ts", replace("import { forward }", "import * as forward")],
    "a default import": ["petstore-v1/pet.ts", replace("import { forward }", "import forward")],
    "forward under another name": [
      "petstore-v1/pet.ts",
      replace("import { forward }", "import { forward as refuse2 }"),
    ],
    "something else called forward": [
      "petstore-v1/pet.ts",
      replace("import { forward }", "import { send as forward }"),
    ],
    "forward from elsewhere": [
      "petstore-v1/pet.ts",
      replace("castgate/runtime/forward.js", "castgate/runtime/respond.js"),
    ],
    "forward from another file": ["petstore-v1/pet.ts", replace('"castgate/runtime/forward.js"', '"./shared.js"')],
    "a scheme from another file": ["petstore-v1/pet.ts", replace('"./shared.js"', '"./user.js"')],
    "an import that nobody uses": ["petstore-v1/pet.ts", replace("{ forward }", "{ forward, unknownApi }")],
    "an import that is missing": ["petstore-v1/pet.ts", replace(/import \{ forward \}.*\n/, "")],
    "a statement of its own": ["petstore-v1/pet.ts", (text) => `${text}\nconsole.log(1);\n`],
    "a function of its own": ["petstore-v1/pet.ts", (text) => `${text}\nexport function more() {}\n`],
    "a declaration that hides another": ["petstore-v1/pet.ts", (text) => `${text}\nfunction forward() {}\n`],
    "no word that it is generated": ["petstore-v1/pet.ts", replace(/^.*\n/, "")],
    "another name of the API": ["petstore-v1/shared.ts", replace('name: "Petstore"', 'name: "Pets"')],
    "another auth header": ["petstore-v1/shared.ts", replace("  challenges", '  authHeader: "X-Other",\n  challenges')],
    "another scheme": ["petstore-v1/shared.ts", replace("bearerJwt(", "basicAuth(")],
    "another API tier": ["petstore-v1/shared.ts", replace("count: 15", "count: 16")],
    "another backend": ["petstore-v1/shared.ts", replace("https://pets.internal/v2", "http://pets.internal/v2")],
    "another tier of callers": ["tiers.ts", replace("5_000", "50_000")],
    "a soft tier that was hard": ["tiers.ts", replace("count: 5_000", "stopOnQuota: false, count: 5_000")],
    "another mount": ["gateway.ts", replace('x.under("/petstore/v1")', 'x.under("/")')],
    "another compatibility": ["gateway.ts", replace('"wso2-3.2"', '"standard"')],
    "a module that is not there": ["gateway.ts", replace("throttleModule, ", "")],
    "a built-in path that is not there": ["gateway.ts", replace('"/livez", ', "")],
    "another answer for unknown APIs": [
      "gateway.ts",
      replace("return unknownApi", "if (x.id) return petstoreV1(x);\n  return unknownApi"),
    ],
    "an operation without a line": ["petstore-v1/routes.txt", replace(/^.*\n/, "")],
    "a line that says another access": ["petstore-v1/routes.txt", replace("access: jwt", "access: public")],
    "a line that says other limits": ["petstore-v1/routes.txt", replace("limits: -", "limits: api:Gold")],
    "a line without its upstream": ["petstore-v1/routes.txt", replace(/ {2}upstream: .*/, "")],
    "a line without an operation": ["petstore-v1/routes.txt", (text) => `${text}GET  /more  access: public\n`],
  };
  for (const [what, [file, change]] of Object.entries(cases)) {
    test(what, () => assert.notDeepEqual(findings(changed(file, change)), []));
  }

  test("a file that is missing, one too many, and one that is there twice", () => {
    assert.deepEqual(findings(emitted.filter(({ file }) => file !== "petstore-v1/routes.txt")), [
      "petstore-v1/routes.txt:  is planned and not there",
    ]);
    assert.deepEqual(findings([...emitted, { file: "petstore-v1/more.ts", text: "" }]), [
      "petstore-v1/more.ts:  is not planned",
    ]);
    assert.deepEqual(findings([...emitted, ...emitted.slice(0, 1)]), ["gateway.ts:  is emitted twice"]);
  });
});

describe("the project's own code", () => {
  const plan: GatewayPlan = {
    ...petstore,
    extensions: [
      {
        name: slug("corp-claims"),
        source: "../extensions/corp-claims.js",
        exported: "claimTransformer",
        symbol: id("corpClaims"),
      },
      { name: slug("other"), source: "../extensions/other.js", exported: "claimTransformer", symbol: id("other") },
    ],
  };
  const files = emitGateway(plan);

  test("is imported and registered as planned", async () => {
    assert.deepEqual(findings(await files, plan), []);
    const text = (await files).find(({ file }) => file === "gateway.ts")?.text ?? "";
    assert.match(text, /^import \{ claimTransformer as corpClaims \} from "\.\.\/extensions\/corp-claims\.js";$/m);
    assert.match(text, /^ {4}extensions\(\{ "corp-claims": \{ claimTransformer: corpClaims \}, other: \{/m);
  });

  const cases: Readonly<Record<string, (text: string) => string>> = {
    "not registered": replace(/ {4}extensions\([^)]*\),\n/, ""),
    "under another's name": replace('"corp-claims":', '"other-claims":'),
    "another's code": replace("claimTransformer: corpClaims", "claimTransformer: other"),
    "another export of it": replace("claimTransformer as corpClaims", "other as corpClaims"),
    "from another file": replace("../extensions/corp-claims.js", "../extensions/other.js"),
    "from outside": replace("../extensions/corp-claims.js", "corp-claims"),
    "more than is planned": (text) =>
      text
        .replace("\nexport", '\nimport { more } from "../extensions/more.js";\nexport')
        .replace("route,", "route: more,"),
  };
  for (const [what, change] of Object.entries(cases)) {
    test(what, async () => assert.notDeepEqual(findings(changed("gateway.ts", change, await files), plan), []));
  }

  test("in any other file", async () => {
    const change = (text: string) =>
      text.replace(
        "import { forward }",
        'import { claimTransformer as corpClaims } from "../extensions/corp-claims.js";\nimport { forward }',
      );
    assert.notDeepEqual(findings(changed("petstore-v1/pet.ts", change, await files), plan), []);
  });
});

describe("a router that is not as planned is found", () => {
  const many: SampleOperation[] = [];
  for (let i = 0; i < 50; i++) many.push({ template: `/many/{id}/item${i}`, symbol: `many${i}` });
  for (const letter of "abcdefghijkl") many.push({ template: `/many/${letter}/x`, symbol: `letter${letter}` });
  many.push({ template: "/pets/{id}", symbol: "getPet" }, { template: "/pets/me", symbol: "getMe" });
  many.push({ template: "/pets/{id}", method: "DELETE", symbol: "deletePet" });
  many.push({ template: "/pets/a-{id}", symbol: "getA" }, { template: "/pets/a-{id}-z", symbol: "getAz" });
  many.push({ template: "/pets/{id}/*", symbol: "files" });
  const plan = gatewayPlan([apiPlan(many, { cors })]);
  const files = emitGateway(plan);
  const router = "petstore-v1/router.ts";
  const swap = (a: RegExp, b: RegExp) => (text: string) => {
    const [first = "", second = ""] = [a.exec(text)?.[0], b.exec(text)?.[0]];
    return text.replace(first, "\0").replace(second, first).replace("\0", second);
  };
  const block = (path: string) =>
    new RegExp(`^ *if [^\\n]*\\{\\n *// ${path.replace(/[{}*]/g, "\\$&")}\\n[\\s\\S]*?\\n *\\}\\n`, "m");
  const mutations: Record<string, (text: string) => string> = {
    "a route is gone": replace(block("/pets/me"), ""),
    "a route is there twice": (text) => text.replace(block("/pets/me"), (found) => found + found),
    "a less specific route comes first": swap(block("/pets/me"), block("/pets/{id}")),
    "a less affixed route comes first": swap(block("/pets/a-{id}-z"), block("/pets/a-{id}")),
    "a method is gone": replace(/ *if \(x\.method === "DELETE"\) return deletePet\(x\);\n/, ""),
    "a method is another": replace('"DELETE") return deletePet', '"PATCH") return deletePet'),
    "handlers are swapped": (text) => text.replace("return getMe(x)", "return getPet(x)"),
    "another handler": replace("return getMe(x)", "return deletePet(x)"),
    "a literal is another": replace('s1 === "me"', 's1 === "you"'),
    "a literal is not asked for": replace(' && s1 === "me"', ""),
    "an empty parameter is let in": replace('if (s1 !== "")', "if (depth > 1)"),
    "the depth is another": replace('depth === 2 && s1 === "me"', 'depth === 3 && s1 === "me"'),
    "the depth is not asked for": replace('depth === 2 && s1 === "me"', 's1 === "me"'),
    "one more condition": replace('s1 === "me"', 's1 === "me" && x.id'),
    "a condition the other way round": replace('s1 === "me"', '!(s1 === "me")'),
    "a condition joined by or": replace('depth === 2 && s1 === "me"', 'depth === 2 || s1 === "me"'),
    "an else": replace(block("/pets/me"), "    if (depth === 9) {\n    } else {\n    }\n"),
    "methods that Allow does not list": replace('methodNotAllowed(x, ["GET", "DELETE"]', 'methodNotAllowed(x, ["GET"]'),
    "no answer to other methods": replace(/ *return methodNotAllowed\(x, \["GET", "DELETE"\], "text"\);\n/, ""),
    "no preflight": replace(/ *if \(x\.method === "OPTIONS"\).*\n/, ""),
    "no CORS fields": replace("  crossOrigin.decorate(x);\n", ""),
    "no answer to unknown paths": replace('  return unknownResource(x, "text");\n', ""),
    "an answer of another style": replace('unknownResource(x, "text")', 'unknownResource(x, "fault")'),
    "another depth": replace("const depth = x.segments.length;", "const depth = 2;"),
    "a depth that nobody declared": replace(/ *const depth = .*\n/, ""),
    "a segment that nobody declared": replace(/ *const s1 = .*\n/, ""),
    "another segment": replace("const s1 = x.segments[1]", "const s1 = x.segments[0]"),
    "a default that matches": replace('x.segments[1] ?? ""', 'x.segments[1] ?? "me"'),
    "a case of another length": replace(/case 5:/, "case 4:"),
    "a case that goes on into the next": replace(/ *break;\n/, ""),
    "a case of another character": replace("case 97: // a", "case 96: // a"),
    "a switch on something else": replace(/switch \(s\d\.length\)/, "switch (x.segments.length)"),
    "a subtree that is not entered": replace(/ *const found = .*\n *if \(found !== false\) return found;\n/, ""),
    "a subtree whose answer is dropped": replace(/ *if \(found !== false\) return found;\n/, ""),
    "a subtree whose miss is an answer": replace("if (found !== false) return found;", "return found;"),
    "a subtree that never gives up": replace("  return false;\n", ""),
    "a subtree that claims everything": replace("  return false;\n", "  return undefined;\n"),
    "a call before the routes": replace("  const depth", "  getPet(x);\n  const depth"),
    "a loop": replace("  const depth", "  for (;;) {}\n  const depth"),
  };
  test("what was emitted is what was planned", async () => assert.deepEqual(findings(await files, plan), []));

  for (const [what, change] of Object.entries(mutations)) {
    test(what, async () => {
      assert.notDeepEqual(findings(changed(router, change, await files), plan), []);
    });
  }
});

describe("a plan that is not what its operation asks for is found", () => {
  const withChain = (chain: readonly PolicyChain[number][], planned: readonly PolicyChain[number][]) => {
    const api = apiPlan([{ template: "/a", symbol: "getA", chain }]);
    const groups = api.groups.map((group) => ({
      ...group,
      handlers: group.handlers.map((handler) => ({ ...handler, chain: planned as PolicyChain })),
    }));
    return gatewayPlan([{ ...api, groups }]);
  };
  const checked = [authenticate(), requireScopes("all", "a"), forward];
  const cases: Record<
    string,
    readonly [asked: readonly PolicyChain[number][], planned: readonly PolicyChain[number][]]
  > = {
    "a caller is needed, and anybody may": [checked, [open, forward]],
    "nothing is checked": [checked, [forward]],
    "scopes are gone": [checked, [authenticate(), forward]],
    "scopes are others": [checked, [authenticate(), requireScopes("any", "a"), forward]],
    "schemes are fewer": [
      [authenticate([{ allOf: [id("jwt"), id("basic")], scopes: undefined }]), forward],
      [authenticate(), forward],
    ],
    "a scheme is another": [
      [authenticate(), forward],
      [authenticate([{ allOf: [id("basic")], scopes: undefined }]), forward],
    ],
    "a public one is neither": [[open, forward], [forward]],
  };
  for (const [what, [asked, planned]] of Object.entries(cases)) {
    test(what, async () => {
      const plan = withChain(asked, planned);
      assert.notDeepEqual(findings(await emitGateway(plan), plan), []);
    });
  }

  test("a check that the operation's line promises, and no other", async () => {
    const promises = [
      { kind: "require-caller", caller: "app", origin: at("/a") },
      { kind: "require-domain", rule: { header: "Origin", values: ["shop.test"] }, origin: at("/a") },
      { kind: "upgrade", protocols: ["websocket"], crossOrigin: false, origin: at("/a") },
    ] as const;
    const summary = {
      ...{ access: "jwt", tiers: "-", upstream: "-" },
      more: ["caller", "domain", "upgrade"].map((name) => ({ name, text: "x" })),
    };
    const withSummary = (plan: GatewayPlan, said: typeof summary | undefined): GatewayPlan => ({
      ...plan,
      apis: plan.apis.map((api) => ({
        ...api,
        groups: api.groups.map((group) => ({
          ...group,
          handlers: group.handlers.map((handler) => ({ ...handler, summary: said ?? handler.summary })),
        })),
      })),
    });
    const whole = [authenticate(), ...promises, forward];
    const kept = withSummary(withChain(whole, whole), summary);
    assert.deepEqual(findings(await emitGateway(kept), kept), []);
    for (const [index, { kind }] of promises.entries()) {
      const broken = withSummary(withChain(whole, whole.toSpliced(index + 1, 1)), summary);
      assert.deepEqual(findings(await emitGateway(broken), broken), [
        `petstore-v1/a.ts: getA lacks "${kind}" in its plan`,
      ]);
      const silent = [authenticate(), promises[index] as PolicyChain[number], forward];
      const unsaid = withChain(silent, silent);
      assert.deepEqual(findings(await emitGateway(unsaid), unsaid), [
        `petstore-v1/a.ts: getA has "${kind}" in its plan and does not say so`,
      ]);
    }
  });

  test("a scheme is of the right kind, and asks for less", async () => {
    const api = apiPlan([{ template: "/a", symbol: "getA", chain: [authenticate(), forward] }]);
    const scheme = (dpop: "required" | "optional") => ({ kind: "oauth2", dpop, symbol: id("jwt") }) as const;
    const groups = api.groups.map((group) => ({
      ...group,
      handlers: group.handlers.map((handler) => ({
        ...handler,
        access: { ...handler.access, anyOf: [{ allOf: [scheme("required")], scopes: undefined }] } as Access,
      })),
    }));
    for (const [planned, found] of [
      ["required", []],
      ["optional", ["petstore-v1/a.ts: getA has other schemes or scopes in its plan than it asks for"]],
    ] as const) {
      const plan = gatewayPlan([{ ...api, groups, schemes: [scheme(planned)] }]);
      assert.deepEqual(findings(await emitGateway(plan), plan), found);
    }
  });

  test("a check of the caller before there is one is not even emitted", async () => {
    const early = [requireScopes("all", "a"), authenticate(), forward];
    await assert.rejects(emitGateway(withChain(checked, early)), /"require-scopes" before anybody is authenticated/);
    await assert.rejects(
      emitGateway(withChain(checked, [open, { kind: "require-key-type", keyType: "PRODUCTION" }, forward])),
      /"require-key-type" before anybody is authenticated/,
    );
  });

  test("two things of one name", async () => {
    const taken = apiPlan([{ template: "/a", symbol: "production" }], {
      apiLimit: tier("15PerMin", 15),
      upstreams: [{ symbol: id("apiLimit"), upstream: upstream("k", ["https://a.test"]) }],
    });
    assert.notDeepEqual(findings(await emitGateway(gatewayPlan([taken])), gatewayPlan([taken])), []);
  });
});

describe("what depends on the request is read back, too", () => {
  const conditions = {
    tiers: [
      tier("partners", 1, {
        symbol: id("partnersTier"),
        groups: [
          {
            ...tier("partners/office", 3),
            burst: 2,
            when: [
              { kind: "address", addresses: ["10.0.0.0/8"], invert: false },
              { kind: "header", name: "x-tenant", pattern: 'a"|b', invert: true },
            ],
          },
        ],
      }),
    ],
    addressLimits: [
      { addresses: ["10.1.1.1"] as const, quota: undefined },
      { addresses: undefined, quota: tier("ip other", 10, { counted: "all" }) },
    ],
    deny: [{ kind: "user", names: ["mallory"] }] as const,
  } satisfies GatewayPlan["conditions"];
  const plan = gatewayPlan(petstore.apis, { conditions });

  const mutations: Record<string, readonly [from: string | RegExp, to: string]> = {
    "a group is gone": [/\{\s*tier: "partners\/office"[\s\S]*?\},\n/, ""],
    "a quota is larger": ["count: 3,", "count: 30,"],
    "a burst is larger": ["burst: 2", "burst: 20"],
    "a condition is gone": [/fromAddress\(\["10\.0\.0\.0\/8"\]\),/, ""],
    "a condition is no longer inverted": [/not\((header\([^)]*\))\)/, "$1"],
    "a pattern is another": ["'a\"|b'", '"a|b"'],
    "an address has no limit": ['addresses: ["10.1.1.1"]', 'addresses: ["10.1.1.1", "10.1.1.2"]'],
    "others have another limit": ["count: 10,", "count: 11,"],
    "something else is counted": [/, counted: everyRequest/, ""],
    "another user is denied": ['"mallory"', '"mallard"'],
    "nobody is denied": [/denied\(\[[^\]]*\]\)\]?/, "denied([])"],
  };
  test("as it is planned", async () => assert.deepEqual(findings(await emitGateway(plan), plan), []));
  for (const [what, [from, to]] of Object.entries(mutations)) {
    test(what, async () => {
      const files = changed("conditions.ts", replace(from, to), await emitGateway(plan));
      assert.notDeepEqual(findings(files, plan), []);
    });
  }

  test("a deny condition that is not asked, or asked without effect", async () => {
    const [api] = petstore.apis;
    assert.ok(api !== undefined);
    const groups = api.groups.map((group) => ({
      ...group,
      handlers: group.handlers.map((handler) => {
        const [first, ...rest] = handler.chain as PolicyChain;
        const asks = handler.symbol === "getPetById" && first.kind === "authenticate";
        if (!asks) return handler;
        const chain = [first, { kind: "deny" }, ...rest] as unknown as PolicyChain;
        return { ...handler, chain, summary: { ...handler.summary, tiers: "deny" } };
      }),
    }));
    const asking = gatewayPlan([{ ...api, groups }], { conditions });
    const files = await emitGateway(asking);
    assert.deepEqual(findings(files, asking), []);
    const check = "  if (isDenied(x, caller)) return blocked(x);\n";
    for (const other of ["", check.replace("return ", ""), check.replace("(x, caller)", "(x, undefined)")]) {
      assert.notDeepEqual(findings(changed("petstore-v1/pet.ts", replace(check, other), files), asking), []);
    }
  });
});
