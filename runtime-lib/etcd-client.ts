import { isRecord } from "./record.ts";
import { ServiceAway, type ServiceClient, type ServiceReply } from "./service-client.ts";

/** User and password of etcd. */
export interface EtcdCredentials {
  readonly username: string;
  readonly password: string;
}

/** etcd answered, and not with what was asked for. Its message is a fixed text with at most a status. */
export class EtcdRefusal extends Error {
  override readonly name = "EtcdRefusal";
}

/** A key as etcd has it. */
export interface EtcdValue {
  /** Undefined: there is no such key. */
  readonly value: string | undefined;
  /** Of the whole store, when that was so. */
  readonly revision: number;
}

/** Hears of a watch. */
export interface EtcdWatcher {
  /** All keys are watched from now on. */
  onOpen(): void;
  /** Undefined: the key was deleted. */
  onChange(key: string, found: EtcdValue): void;
}

/** What of an answer to a watch may wait for its end. etcd takes no larger request than 1.5 MB by default. */
const longestMessage = 8 * 1024 * 1024;

/**
 * etcd's v3 API over its JSON gateway (R-ETCD-03). With credentials a token is asked for and kept until it is refused; an etcd
 * without users is fine with that (R-ETCD-04). All calls reject with `EtcdRefusal` or `ServiceAway` alone.
 */
export class EtcdClient {
  readonly #client: ServiceClient;
  readonly #basePath: string;
  readonly #credentials: EtcdCredentials | undefined;
  /** Empty: none is needed. */
  #token: Promise<string> | undefined;

  /** `basePath`: `/v3`; older ones had `/v3beta`, `/v3alpha`. */
  constructor(client: ServiceClient, basePath: string, credentials: EtcdCredentials | undefined) {
    this.#client = client;
    this.#basePath = basePath.replace(/\/+$/, "");
    this.#credentials = credentials;
  }

  /** One key. */
  async get(key: string): Promise<EtcdValue> {
    const { header, kvs = [] } = await this.post("/kv/range", { key: base64(key) });
    if (!isRecord(header) || !Array.isArray(kvs)) throw new EtcdRefusal("not an answer of etcd");
    return { value: kvs.length === 0 ? undefined : textOf(kvs[0]), revision: revisionOf(header.revision) };
  }

  /** Any call that changes nothing: it may be made twice. The answer is an object. */
  async post(path: string, body: object): Promise<Record<string, unknown>> {
    for (let attempt = 0; ; attempt++) {
      const token = this.#authenticate();
      const reply = await this.#client.request("POST", this.#basePath + path, {
        headers: headersFor(await token),
        body: JSON.stringify(body),
        repeatable: true,
      });
      const answer = jsonOf(reply);
      if (reply.status === 200 && isRecord(answer)) return answer;
      if (attempt > 0 || !this.#isStale(reply.status, token)) throw new EtcdRefusal(`status ${reply.status}`);
    }
  }

  /** Watches keys from a revision on, for as long as etcd does, and until `signal` is aborted. Then it resolves. */
  async watch(keys: readonly string[], from: number, watcher: EtcdWatcher, signal: AbortSignal): Promise<void> {
    const token = this.#authenticate();
    const messages = keys.map((key) => JSON.stringify({ create_request: { key: base64(key), start_revision: from } }));
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    let refusal: EtcdRefusal | undefined;
    const refuse = (reason: string): void => {
      refusal ??= new EtcdRefusal(reason);
      end();
    };
    let open = 0;
    const take = (line: string): void => {
      const result = resultOf(line);
      if (result.canceled === true)
        throw new EtcdRefusal(result.compact_revision === undefined ? "watch refused" : "compacted");
      if (result.created === true && ++open === keys.length) watcher.onOpen();
      for (const event of Array.isArray(result.events) ? result.events : []) {
        const kv = isRecord(event) ? event.kv : undefined;
        if (!isRecord(kv) || typeof kv.key !== "string") throw new EtcdRefusal("not an answer of etcd");
        const value = (event as Record<string, unknown>).type === "DELETE" ? undefined : textOf(kv);
        watcher.onChange(Buffer.from(kv.key, "base64").toString("utf8"), {
          value,
          revision: revisionOf(kv.mod_revision),
        });
      }
    };
    const lines = new Lines((line) => {
      if (refusal !== undefined) return;
      try {
        take(line);
      } catch (error) {
        refuse(etcdProblem(error));
      }
    });
    const sink = {
      onStatus: (status: number) => {
        if (status === 200) return;
        this.#isStale(status, token);
        refuse(`status ${status}`);
      },
      onData: (chunk: Buffer) => {
        if (!lines.add(chunk)) refuse("answer too large");
      },
    };
    const request = { headers: headersFor(await token), body: messages.join("\n") };
    try {
      await this.#client.stream("POST", `${this.#basePath}/watch`, request, sink, ending.signal);
    } finally {
      signal.removeEventListener("abort", end);
    }
    if (refusal !== undefined) throw refusal;
  }

  /** Whether another token may help: it is refused after a while, and after etcd was started again or got users. */
  #isStale(status: number, token: Promise<string>): boolean {
    if (this.#credentials === undefined || (status !== 400 && status !== 401 && status !== 403)) return false;
    if (this.#token === token) this.#token = undefined;
    return true;
  }

  #authenticate(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const token = this.#newToken();
    this.#token = token;
    token.catch(() => {
      if (this.#token === token) this.#token = undefined;
    });
    return token;
  }

  async #newToken(): Promise<string> {
    if (this.#credentials === undefined) return "";
    const { username: name, password } = this.#credentials;
    const reply = await this.#client.request("POST", `${this.#basePath}/auth/authenticate`, {
      headers: headersFor(""),
      body: JSON.stringify({ name, password }),
      repeatable: true,
    });
    const answer = jsonOf(reply);
    if (reply.status === 200 && isRecord(answer) && typeof answer.token === "string") return answer.token;
    const text = isRecord(answer) ? `${answer.error} ${answer.message}` : "";
    if (text.includes("authentication is not enabled")) return "";
    throw new EtcdRefusal("access refused");
  }
}

/** Text as etcd's JSON has it. */
export function base64(text: string | Buffer): string {
  return (typeof text === "string" ? Buffer.from(text, "utf8") : text).toString("base64");
}

/** What a log may say of a failed call. */
export function etcdProblem(error: unknown): string {
  return error instanceof EtcdRefusal || error instanceof ServiceAway ? error.message : "failed";
}

function headersFor(token: string): Record<string, string> {
  return { "content-type": "application/json", ...(token === "" ? {} : { authorization: token }) };
}

function jsonOf(reply: ServiceReply): unknown {
  try {
    return JSON.parse(reply.body.toString("utf8"));
  } catch {
    throw new EtcdRefusal(reply.status === 200 ? "not JSON" : `status ${reply.status}`);
  }
}

function resultOf(line: string): Record<string, unknown> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    throw new EtcdRefusal("not JSON");
  }
  if (isRecord(message) && isRecord(message.result)) return message.result;
  throw new EtcdRefusal("not an answer of etcd");
}

/** An empty value is left out. */
function textOf(kv: unknown): string {
  const value = isRecord(kv) ? (kv.value ?? "") : undefined;
  if (typeof value !== "string") throw new EtcdRefusal("not an answer of etcd");
  return Buffer.from(value, "base64").toString("utf8");
}

/** 64 bits, as text. */
function revisionOf(value: unknown): number {
  const revision = Number(value);
  return Number.isSafeInteger(revision) ? revision : 0;
}

/** Bytes into lines. */
class Lines {
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** False: the line is too long. */
  add(chunk: Buffer): boolean {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      this.#parts.push(chunk.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(this.#parts).toString("utf8").trim();
      this.#parts = [];
      this.#length = 0;
      if (line !== "") this.#onLine(line);
    }
    if (from < chunk.length) this.#parts.push(Buffer.from(chunk.subarray(from)));
    this.#length += chunk.length - from;
    return this.#length <= longestMessage;
  }
}
