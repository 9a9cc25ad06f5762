import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { Ajv, type ValidateFunction } from "ajv";
import { load } from "js-yaml";
import { parse } from "smol-toml";
import { projectFiles } from "../../../compiler/commands/project-template.ts";
import { endpointTerm } from "../../../compiler/vocabulary/endpoint.ts";
import { definitionTerm, operationTerm } from "../../../compiler/vocabulary/extensions.ts";
import { grantText } from "../../../compiler/vocabulary/file-schemas.ts";
import { policiesTerm } from "../../../compiler/vocabulary/policies.ts";
import { settingTexts } from "../../../compiler/vocabulary/run-time-settings.ts";
import type { MapTerm, Term } from "../../../compiler/vocabulary/term.ts";
import { settingsSchema } from "../../../runtime-lib/settings-schema.ts";
import { check, definition, operation } from "./check.ts";

/**
 * The schemas and the checks say the same: every key of the vocabulary is tried with a value of each kind, alone in an
 * otherwise right file. What a check takes, the schema takes; what is of the wrong kind, both refuse.
 */
const root = path.join(import.meta.dirname, "../../..");
const ajv = new Ajv({ strict: false, allErrors: true });
const schema = (file: string): ValidateFunction =>
  ajv.compile(JSON.parse(readFileSync(path.join(root, "compiler/schemas", `${file}.schema.json`), "utf8")));
const policies = schema("policies");
const definitions = schema("definition");
const project = schema("castgate");

/** A value where a term stands, and how it is built into a file. */
interface Site {
  readonly name: string;
  readonly term: Term;
  readonly build: (value: unknown) => unknown;
}

/** All places of a term, each alone beside what its map needs. */
function sites(name: string, term: Term, build: Site["build"]): Site[] {
  const here = { name, term, build };
  // Endpoints are the same in all places: they are tried in one.
  if (term === endpointTerm && !/production/.test(name)) return [here];
  switch (term.kind) {
    case "map":
      return [
        here,
        ...Object.entries(term.keys).flatMap(([key, one]) =>
          sites(`${name}.${key}`, one, (value) => build({ ...companions(term, key), [key]: value })),
        ),
        ...(typeof term.others === "object" ? sites(`${name}.*`, term.others, (value) => build({ name: value })) : []),
      ];
    case "list":
      return [here, ...sites(`${name}[]`, term.of, (value) => build([value]))];
    case "either":
      return [here, ...term.of.filter((one) => one.kind === "map").flatMap((one) => sites(name, one, build))];
    default:
      return [here];
  }
}

/** The least that a map must say besides `key`. */
function companions(term: MapTerm, key: string): Record<string, unknown> {
  const needed = (term.required ?? []).filter((other) => other !== key);
  return Object.fromEntries(needed.map((other) => [other, sample(term.keys[other] as Term)]));
}

function sample(term: Term): unknown {
  switch (term.kind) {
    case "text":
      return term.example ?? "https://pets.example.com";
    case "flag":
      return term.only ?? true;
    case "number":
      return Math.max(1, term.range.min);
    case "word":
      return term.words[0];
    case "list":
      return [sample(term.of)];
    case "map":
      return Object.keys(term.keys).length === 0 && typeof term.others === "object"
        ? { name: sample(term.others) }
        : companions(term, "");
    case "either":
      return sample(term.of[0] as Term);
    case "any":
      return [];
    default:
      return term satisfies never;
  }
}

/** What no check may take here, and no schema. */
function wrongValues(term: Term): unknown[] {
  switch (term.kind) {
    case "text":
      return [[], {}, true];
    case "flag":
      return ["yes", 1, {}];
    case "number":
      return [
        "many",
        {},
        term.range.min - 1,
        ...(term.range.whole ? [term.range.min + 0.5] : []),
        ...(term.range.max === undefined ? [] : [term.range.max + 1]),
      ];
    case "word":
      return ["no such word", 5, []];
    case "list":
      return ["one", { a: 1 }];
    case "map":
      return ["text", [], ...(term.others === "refused" ? [{ ...companions(term, ""), "no such key": 1 }] : [])];
    case "either":
      return [[{}]];
    case "any":
      return [];
    default:
      return term satisfies never;
  }
}

/** What the schema cannot know: read on another level, or graded by what else is there. */
const judgedElsewhere = (name: string) =>
  /x-wso2-(request|response)-interceptor|x-scope$|x-auth-type|\.endpoint|securityConfig\.password/.test(name);

async function complaints(files: { definition?: unknown; policies?: unknown }): Promise<readonly string[]> {
  const { found } = await check((files.definition as Record<string, unknown>) ?? definition(), {
    compatibility: "standard",
    ...(files.policies !== undefined && { files: { "policies.yaml": JSON.stringify(files.policies) } }),
  });
  return found.filter((line) => !line.startsWith("note"));
}

const groups: readonly (readonly [
  string,
  readonly Site[],
  ValidateFunction,
  (value: unknown) => ReturnType<typeof complaints>,
])[] = [
  [
    "policies.yaml",
    sites("policies", policiesTerm, (value) => value),
    policies,
    (value) => complaints({ policies: value }),
  ],
  [
    "the top of a definition",
    sites("api", definitionTerm, (value) => definition(value as Record<string, unknown>)),
    definitions,
    (value) => complaints({ definition: value }),
  ],
  [
    "an operation",
    sites("operation", operationTerm, (value) =>
      definition({ paths: { "/pets": { get: operation(value as Record<string, unknown>) } } }),
    ),
    definitions,
    (value) => complaints({ definition: value }),
  ],
];

for (const [what, all, validate, complain] of groups) {
  describe(what, () => {
    test("has places", () => assert.ok(all.length > 20, String(all.length)));
    for (const { name, term, build } of all.slice(1)) {
      test(name, async () => {
        for (const value of wrongValues(term)) {
          const file = build(value);
          assert.ok(!validate(file), `the schema takes ${JSON.stringify(value)}`);
          if (judgedElsewhere(name)) continue;
          assert.notDeepEqual(await complain(file), [], `the checks take ${JSON.stringify(value)}`);
        }
        const right = build(sample(term));
        const kinds = (await complain(right)).filter((line) => /value-type|key-unknown|extension-unknown/.test(line));
        if (kinds.length === 0) assert.ok(validate(right), JSON.stringify(validate.errors?.slice(0, 3)));
        else assert.fail(`the sample is refused: ${kinds.join("; ")}`);
      });
    }
  });
}

describe("files that compile", () => {
  const projects = readdirSync(path.join(root, "fixtures"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "diagnostics" && entry.name !== "diff")
    .map(({ name }) => name);
  for (const name of projects) {
    for (const file of filesOf(path.join(root, "fixtures", name))) {
      const validate = /policies\.yaml$/.test(file) ? policies : /castgate\.yaml$/.test(file) ? project : definitions;
      test(path.relative(root, file), () => {
        const value = load(readFileSync(file, "utf8"));
        assert.ok(validate(value), JSON.stringify(validate.errors?.slice(0, 3)));
      });
    }
  }
});

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /^(api_definitions\/.*\.(json|ya?ml)|policies\.yaml|castgate\.yaml)$/.test(file))
    .map((file) => path.join(folder, file));
}

describe("run-time settings", () => {
  const validate = schema("micro-gw");
  /** The setting alone, in its tables. */
  const file = (name: string, value: unknown) =>
    name
      .replaceAll("*", "alice")
      .split(".")
      .reduceRight<unknown>((inner, step) => {
        const key = step.replace("[]", "");
        return { [key]: key === step ? inner : [inner] };
      }, value);

  for (const [name, { type, default: value, min, max }] of settingsSchema) {
    test(name, () => {
      assert.ok(validate(file(name, "@env:{SOME_NAME}")), JSON.stringify(validate.errors));
      if (value !== undefined) assert.ok(validate(file(name, value)), JSON.stringify(validate.errors));
      assert.ok(!validate(file(name, { a: 1 })), "takes a table");
      if (type === "boolean") assert.ok(!validate(file(name, 3)), "takes a number");
      if (type === "integer") assert.ok(!validate(file(name, 0.5)), "takes a fraction");
      if (min !== undefined) assert.ok(!validate(file(name, min - 1)), "takes too little");
      if (max !== undefined && Number.isSafeInteger(max + 1))
        assert.ok(!validate(file(name, max + 1)), "takes too much");
    });
  }
  test("an unknown name in a table is marked, an endpoint's override is not", () => {
    assert.ok(!validate({ castgate: { drainSecond: 3 } }));
    assert.ok(validate({ pets_prod_endpoint_0: "https://pets.test" }));
  });
  test("what init writes", () => {
    const template = projectFiles.find(({ file: name }) => name === "conf/micro-gw.conf");
    const everything = (template?.content ?? "").replaceAll(/^# (?=\[|\w+ = )/gm, "");
    const value: unknown = parse(everything);
    assert.deepEqual(Object.keys(value as object).sort(), [
      "apikey",
      "b7a",
      "castgate",
      "jwtTokenConfig",
      "listenerConfig",
    ]);
    assert.ok(validate(value), JSON.stringify(validate.errors));
  });
});

test("every setting that is read is explained", () => {
  const read = [...settingsSchema].filter(([, { ignored }]) => ignored === undefined).map(([name]) => name);
  assert.deepEqual(
    read.filter((name) => !(settingTexts[name] ?? grantText(name))),
    [],
  );
  assert.deepEqual(
    Object.keys(settingTexts).filter((name) => !settingsSchema.has(name)),
    [],
  );
});
