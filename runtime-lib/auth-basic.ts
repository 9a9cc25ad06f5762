import { createHmac, randomBytes } from "node:crypto";
import { type Api, configureApis } from "./api.ts";
import type { Caller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { countIdentityFailure, identityIsLimited, shareFailures, tooManyFailures } from "./failed-logins.ts";
import { refuseKnownUser } from "./known-defaults.ts";
import type { RuntimeModule } from "./module.ts";
import { matches, parsePassword, type StoredPassword } from "./password.ts";
import { classOf, credentialOf, type Failure, type Scheme, type Verified } from "./scheme.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import { VerifiedCache, type VerifiedCredential } from "./verified-cache.ts";

/** Users of `[b7a.users]` by HTTP Basic (RFC 7617; S-BAS-01 to 04). */
export function basic(api: Api): Scheme {
  return new Basic(api);
}

/** Reads the users at start and refuses well-known ones. */
export const basicModule: RuntimeModule = { name: "basic", configure };

interface User {
  readonly password: StoredPassword;
  readonly verified: VerifiedCredential;
}

interface State {
  readonly compatibility: "wso2-3.2" | "standard";
  /** By the UTF-8 bytes of the name, each byte one character. */
  readonly users: ReadonlyMap<string, User>;
  /** The costliest form that a user has, and what the password of nobody is compared with: an unknown user takes as long. */
  readonly nobody: StoredPassword;
}

let state: State = { compatibility: "standard", users: new Map(), nobody: { form: "sha1", hash: Buffer.alloc(20) } };

/**
 * Who has logged in once is remembered, by a keyed digest: scrypt costs tens of milliseconds of a thread, and who knows the
 * password must not be locked out by those who guess it.
 */
const processKey = randomBytes(32);
let remembered = new VerifiedCache<VerifiedCredential>(1, 0);

class Basic implements Scheme {
  readonly kind = "basic";
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  present(x: Exchange): boolean {
    return classOf(x.header(this.#api.authHeader)) === "basic";
  }

  verify(x: Exchange): Verified | Promise<Verified> {
    const value = x.header(this.#api.authHeader) ?? "";
    if (classOf(value) !== "basic") return wrongFormat("basic: not Basic");
    const bytes = strictBase64(credentialOf(value));
    if (bytes === undefined) return undecodable();
    // Split on bytes at the first colon: a password may hold further ones (S-BAS-03).
    const colon = bytes.indexOf(0x3a);
    if (colon < 0) return wrongFormat("basic: no colon");
    const digest = digestOf(bytes);
    return remembered.get(digest) ?? verifyAnew(bytes, colon, digest);
  }

  known(x: Exchange): Verified | undefined {
    const bytes = strictBase64(credentialOf(x.header(this.#api.authHeader) ?? ""));
    return bytes && remembered.get(digestOf(bytes));
  }
}

function digestOf(credentials: Buffer): string {
  return createHmac("sha256", processKey).update(credentials).digest("base64");
}

function verifyAnew(credentials: Buffer, colon: number, digest: string): Verified | Promise<Verified> {
  const name = credentials.toString("latin1", 0, colon);
  if (identityIsLimited(name)) return tooManyFailures;
  const user = state.users.get(name);
  const password = credentials.subarray(colon + 1);
  const stored = user?.password ?? state.nobody;
  const judge = (right: boolean): Verified => {
    if (right && user !== undefined && password.length > 0) {
      remembered.add(digest, user.verified);
      return user.verified;
    }
    countIdentityFailure(name);
    return wrong;
  };
  if (stored.form !== "scrypt") {
    const right = matches(stored, password) as boolean;
    // Where others have scrypt, the quick answer to a wrong password would say that there is such a user.
    if ((right && password.length > 0) || state.nobody.form !== "scrypt") return judge(right);
  }
  const measured = stored.form === "scrypt" ? stored : state.nobody;
  const work = scryptQueue.run(async () => {
    // While this one waited, others may have used up what there is for guessing.
    if (identityIsLimited(name)) return tooManyFailures;
    const right = await matches(measured, password);
    return judge(right && measured === stored);
  });
  return work ?? tooManyAtOnce;
}

const tooManyAtOnce: Failure = { ok: false, code: 0, reason: "basic: too many log-ins at once" };

/** At most so many at a time, and so many waiting: log-ins must not take all threads and memory of the process. */
class WorkQueue {
  readonly #atOnce: number;
  readonly #longest: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, longest: number) {
    this.#atOnce = atOnce;
    this.#longest = longest;
  }

  /** Undefined: the queue is full. */
  run<T>(work: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < this.#atOnce) return this.#start(work);
    if (this.#waiting.length >= this.#longest) return undefined;
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#start(work));
  }

  async #start<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

const scryptQueue = new WorkQueue(2, 100);

const wrong: Failure = { ok: false, code: 900911, reason: "basic: user or password" };

function wrongFormat(reason: string): Failure {
  return { ok: false, code: 900912, reason };
}

/** The original answered with 500 (S-BAS-03); it is the client's mistake all the same. */
function undecodable(): Failure {
  return { ok: false, code: state.compatibility === "wso2-3.2" ? 900900 : 900912, reason: "basic: not base64" };
}

/** The standard alphabet, padding optional, as the original's decoder took it. Node's own skips what it does not know. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  const canonical = bytes.toString("base64");
  return text !== "" && (canonical === text || canonical.replace(/=+$/, "") === text) ? bytes : undefined;
}

/** For whom it was configured: APIs and services of the gateway share the users, and what is wrong is said once. */
let configuredFor: Settings | undefined;

async function configure(settings: Settings, report: SettingsReport): Promise<void> {
  if (configuredFor === settings) return;
  configuredFor = settings;
  configureApis(settings);
  shareFailures();
  const users = new Map<string, User>();
  let nobody: StoredPassword = { form: "sha1", hash: Buffer.alloc(20) };
  for (const [name, table] of settings.named("b7a.users")) {
    const text = table.string("password");
    const key = table.nameOf("password");
    if (text === undefined) {
      report.error(key, "is required");
      continue;
    }
    await refuseKnownUser(settings, report, key, name, text);
    const password = parsePassword(text);
    if (password === undefined) {
      report.error(
        key,
        "is not a password hash; expected $scrypt$ln=15,r=8,p=1$salt$hash, or @sha256:{...}, @sha384:{...}, @sha512:{...}, or SHA-1 in hex",
      );
      continue;
    }
    if (costOf(password) > costOf(nobody)) nobody = { ...password, hash: Buffer.alloc(password.hash.length) };
    users.set(Buffer.from(name, "utf8").toString("latin1"), { password, verified: verifiedUser(name, table, report) });
  }
  if (users.size === 0) report.warn("b7a.users", "there are no users: every Basic log-in will be refused");
  state = { compatibility: settings.compatibility, users, nobody };
  remembered = new VerifiedCache(1000, Number.POSITIVE_INFINITY);
}

/** In blocks that scrypt mixes; the original's hashes cost next to nothing. */
function costOf(password: StoredPassword): number {
  return password.form === "scrypt" ? 2 ** password.ln * password.r * password.p : 0;
}

function verifiedUser(name: string, table: Settings, report: SettingsReport): VerifiedCredential {
  const text = table.string("scopes") ?? "";
  const scopes = text.split(",");
  if (scopes.some((scope) => scope !== scope.trim())) {
    // S-BAS-01: the original does not trim, so such a scope never matches; `standard` reads what was meant.
    if (table.compatibility === "wso2-3.2")
      report.warn(table.nameOf("scopes"), "has blanks around commas: such a scope never matches; remove the blanks");
  }
  const held = table.compatibility === "standard" ? scopes.map((scope) => scope.trim()) : scopes;
  const caller: Caller = {
    name,
    scheme: "basic",
    scopes: new Set(held.filter((scope) => scope !== "")),
    scopesApply: true,
    keyType: "PRODUCTION",
    application: { id: "anonymous", tier: "Unlimited", subscriptions: [] },
    claims: undefined,
    consumerKey: "",
    revocationIds: [],
  };
  return { ok: true, caller, until: Number.POSITIVE_INFINITY };
}
