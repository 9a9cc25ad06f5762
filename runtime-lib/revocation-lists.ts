import { base64, EtcdClient } from "./etcd-client.ts";
import { isRecord } from "./record.ts";
import { revocationEnd, revocationIdsOf } from "./revocation-notice.ts";
import { basic, type ServiceClient, type ServiceReply } from "./service-client.ts";

/** A system that keeps the list of what is revoked. */
export interface RevocationList {
  /**
   * All ids that are revoked now; undefined: the same as last time. Rejects when the list cannot be had or is not valid as a
   * whole: an entry that cannot be read may be the one that matters. Messages are fixed texts.
   */
  fetch(): Promise<ReadonlySet<string> | undefined>;
}

export interface ListCredentials {
  readonly username: string;
  readonly password: string;
}

class InvalidList extends Error {}

/**
 * API Manager's list: GET `{endpointURL}/revokedjwt` with Basic (S-REV-06), an array of objects with `jwt_signature` (or
 * `jwtSignature`; it may be a `jti` as well) and `expiry_time` (or `expiryTime`). An `ETag` of the answer is sent back.
 */
export class RestList implements RevocationList {
  readonly #client: ServiceClient;
  readonly #authorization: string;
  readonly #capacity: number;
  #etag: string | undefined;

  constructor(client: ServiceClient, { username, password }: ListCredentials, capacity: number) {
    this.#client = client;
    this.#authorization = basic(username, password);
    this.#capacity = capacity;
  }

  async fetch(): Promise<ReadonlySet<string> | undefined> {
    const headers: Record<string, string> = { accept: "application/json", authorization: this.#authorization };
    if (this.#etag !== undefined) headers["if-none-match"] = this.#etag;
    const reply = await this.#client.request("GET", "/revokedjwt", { headers });
    if (reply.status === 304 && this.#etag !== undefined) return undefined;
    this.#etag = undefined;
    if (reply.status !== 200) throw new InvalidList(`status ${reply.status}`);
    const list = jsonOf(reply);
    if (!Array.isArray(list)) throw new InvalidList("not a list");
    const now = Date.now();
    const ids = new Set<string>();
    for (const entry of list) {
      const id = isRecord(entry) ? (entry.jwt_signature ?? entry.jwtSignature) : undefined;
      if (!isRecord(entry) || typeof id !== "string" || id === "") throw new InvalidList("malformed entry");
      if (revocationEnd(entry.expiry_time ?? entry.expiryTime, now) > now) addAll(ids, id);
    }
    checkSize(ids, this.#capacity);
    const { etag } = reply.headers;
    if (typeof etag === "string") this.#etag = etag;
    return ids;
  }
}

/**
 * Keys of etcd's v2 API: one GET of the URL with Basic (S-REV-07), and of all below it. What follows the URL's own key is the
 * id; entries whose time is over are not sent. A key that does not exist yet is an empty list.
 */
export class EtcdKeysList implements RevocationList {
  readonly #client: ServiceClient;
  readonly #credentials: ListCredentials | undefined;
  readonly #capacity: number;

  constructor(client: ServiceClient, credentials: ListCredentials | undefined, capacity: number) {
    this.#client = client;
    this.#credentials = credentials;
    this.#capacity = capacity;
  }

  async fetch(): Promise<ReadonlySet<string>> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.#credentials !== undefined)
      headers.authorization = basic(this.#credentials.username, this.#credentials.password);
    const reply = await this.#client.request("GET", "/?recursive=true", { headers });
    const answer = jsonOf(reply);
    // 100 is etcd's "Key not found": no other server says it.
    if (reply.status === 404 && isRecord(answer) && answer.errorCode === 100) return new Set();
    if (reply.status !== 200) throw new InvalidList(`status ${reply.status}`);
    const root = isRecord(answer) ? answer.node : undefined;
    if (!isRecord(root) || root.dir !== true) throw new InvalidList("not a directory of keys");
    const ids = new Set<string>();
    const prefix = typeof root.key === "string" ? `${root.key}/` : "/";
    collect(root, prefix, ids);
    checkSize(ids, this.#capacity);
    return ids;
  }
}

function collect(node: Record<string, unknown>, prefix: string, ids: Set<string>): void {
  // An empty directory has no member `nodes`.
  const { nodes = [] } = node;
  if (!Array.isArray(nodes)) throw new InvalidList("not a directory of keys");
  for (const each of nodes) {
    if (!isRecord(each) || typeof each.key !== "string" || !each.key.startsWith(prefix))
      throw new InvalidList("malformed entry");
    if (each.dir === true) collect(each, prefix, ids);
    else addAll(ids, each.key.slice(prefix.length));
  }
}

/** Keys of one answer of etcd's v3 API. */
const pageSize = 10_000;

/**
 * Keys of etcd's v3 API: all that begin with `jti/` or `/jti/`, whatever the name is; the rest of the key is the id.
 */
export class EtcdRangeList implements RevocationList {
  readonly #etcd: EtcdClient;
  readonly #folder: string;
  readonly #capacity: number;

  constructor(client: ServiceClient, folder: string, credentials: ListCredentials | undefined, capacity: number) {
    this.#etcd = new EtcdClient(client, "/v3", credentials);
    this.#folder = folder.replace(/^\/+|\/+$/g, "");
    this.#capacity = capacity;
  }

  async fetch(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const prefix of [`${this.#folder}/`, `/${this.#folder}/`]) await this.#collect(prefix, ids);
    return ids;
  }

  async #collect(prefix: string, ids: Set<string>): Promise<void> {
    const start = Buffer.from(prefix, "utf8");
    const end = Buffer.from(start);
    // All keys with the prefix are below the one with its last byte, a slash, increased.
    end[end.length - 1] = (end[end.length - 1] as number) + 1;
    let from = start;
    for (;;) {
      const body = { key: base64(from), range_end: base64(end), limit: String(pageSize), keys_only: true };
      const answer = await this.#etcd.post("/kv/range", body);
      const { kvs = [] } = answer;
      if (!isRecord(answer.header) || !Array.isArray(kvs)) throw new InvalidList("not an answer of etcd");
      let last: Buffer | undefined;
      for (const kv of kvs) {
        if (!isRecord(kv) || typeof kv.key !== "string") throw new InvalidList("malformed entry");
        last = Buffer.from(kv.key, "base64");
        if (!last.subarray(0, start.length).equals(start)) throw new InvalidList("malformed entry");
        addAll(ids, last.subarray(start.length).toString("utf8"));
      }
      checkSize(ids, this.#capacity);
      if (answer.more !== true) return;
      if (last === undefined || last.compare(from) < 0) throw new InvalidList("not an answer of etcd");
      from = Buffer.concat([last, Buffer.from([0])]);
    }
  }
}

function jsonOf(reply: ServiceReply): unknown {
  try {
    return JSON.parse(reply.body.toString("utf8"));
  } catch {
    throw new InvalidList(reply.status === 200 ? "not JSON" : `status ${reply.status}`);
  }
}

function addAll(ids: Set<string>, text: string): void {
  for (const id of revocationIdsOf(text)) ids.add(id);
}

function checkSize(ids: ReadonlySet<string>, capacity: number): void {
  if (ids.size > capacity) throw new InvalidList("more entries than castgate.revocation.capacity");
}
