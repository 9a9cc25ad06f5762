import type { ApiModel, GatewayModel, OperationModel } from "../../model/gateway-model.ts";
import { movedApis } from "./moved-apis.ts";
import { isEqual } from "./order.ts";
import { type Routed, RouteTable, type Transport } from "./route-table.ts";
import { shapeOfPath, Witnesses } from "./witnesses.ts";

/** An operation of either side that takes the same requests; undefined: that side takes them not at all. */
export interface Pair {
  readonly base: Routed | undefined;
  readonly head: Routed | undefined;
  /** Path of such a request. */
  readonly sample: string;
  /** The same method and path on both sides, or under the base path that the API moved to. Otherwise only some requests are meant. */
  readonly same: boolean;
  /** Nothing takes such requests on either side: another route stands before it. */
  readonly unreachable?: true;
}

type Apis = Pick<GatewayModel, "apis">;

function withoutPlaces({ origin: _place, ...operation }: OperationModel): unknown {
  return operation;
}
const transports: readonly Transport[] = ["https", "http"];

/** What of one gateway answers to what of another. */
export interface Pairs {
  readonly pairs: readonly Pair[];
  /** Operations that are in some pair of the same. */
  readonly paired: ReadonlySet<OperationModel>;
  /** APIs that stand under another base path. */
  readonly moved: readonly (readonly [from: ApiModel, to: ApiModel])[];
}

/**
 * Which operation of the head takes the requests of which operation of the base. Decided by sending both the same requests: one for
 * each operation, and one for each two routes that match the same. So a removed operation is compared with the wider one that gets
 * its requests now, and a new one with that which got them before.
 */
export function pairOperations(base: Apis, head: Apis): Pairs {
  return new Pairing(base, head).pairs();
}

class Pairing {
  readonly #base: Apis;
  readonly #head: Apis;
  readonly #tables: { readonly base: RouteTable; readonly head: RouteTable };
  readonly #witnesses: Witnesses;
  readonly #pairs: Pair[] = [];
  /** By the base's operation; `undefined` stands for none. */
  readonly #known = new Map<OperationModel | undefined, Set<OperationModel | undefined>>();
  /** Operations that have a partner for all that they take. */
  readonly #paired = new Set<OperationModel>();

  constructor(base: Apis, head: Apis) {
    this.#base = base;
    this.#head = head;
    this.#tables = { base: new RouteTable(base), head: new RouteTable(head) };
    this.#witnesses = new Witnesses(base, head);
  }

  pairs(): Pairs {
    const moved = movedApis(this.#base, this.#head);
    for (const [from, to] of moved) this.#pairMoved(from, to);
    const [ofBase, ofHead] = [this.#byShape(this.#base), this.#byShape(this.#head)];
    for (const [shape, routed] of ofHead) {
      const partner = ofBase.get(shape);
      if (partner !== undefined) this.#pairSame(partner, routed);
    }
    for (const [side, table] of [
      [this.#base, this.#tables.base],
      [this.#head, this.#tables.head],
    ] as const) {
      for (const api of side.apis) for (const operation of api.operations) this.#send({ api, operation }, table);
    }
    const isShared = (operation: OperationModel) => this.#paired.has(operation);
    for (const { method, segments } of this.#witnesses.shared(isShared)) {
      for (const transport of transports) {
        const before = this.#tables.base.resolve(method, segments, transport);
        const after = this.#tables.head.resolve(method, segments, transport);
        this.#add(before, after, segments);
      }
    }
    return { pairs: this.#pairs, paired: this.#paired, moved };
  }

  #byShape({ apis }: Apis): ReadonlyMap<string, Routed> {
    const found = new Map<string, Routed>();
    // Of two that clients see under one path, the API with the longer base path has it.
    for (const api of apis.toSorted((a, b) => a.basePath.length - b.basePath.length)) {
      for (const operation of api.operations) {
        found.set(`${operation.method} ${shapeOfPath(api, operation.segments)}`, { api, operation });
      }
    }
    return found;
  }

  /** The same method and path on both sides: one operation, whatever else is said of it, as long as requests reach it. */
  #pairSame(base: Routed, head: Routed): void {
    const isSame = isEqual(withoutPlaces(base.operation), withoutPlaces(head.operation));
    if (!isSame && !(this.#isReached(base, this.#tables.base) && this.#isReached(head, this.#tables.head))) return;
    this.#paired.add(base.operation).add(head.operation);
    this.#addNew({ base, head, sample: "", same: true });
  }

  #isReached(routed: Routed, own: RouteTable): boolean {
    return this.#requestsFor(routed, own).length > 0;
  }

  #requestsFor({ api, operation }: Routed, own: RouteTable): readonly (readonly string[])[] {
    const reaches = (request: readonly string[]) =>
      api.transports.some((transport) => own.resolve(operation.method, request, transport)?.operation === operation);
    return this.#witnesses.requestsFor(api, operation.segments, reaches);
  }

  #pairMoved(from: ApiModel, to: ApiModel): void {
    const operations = new Map(from.operations.map((one) => [`${one.method} ${shapeOfPath(to, one.segments)}`, one]));
    for (const operation of to.operations) {
      const partner = operations.get(`${operation.method} ${shapeOfPath(to, operation.segments)}`);
      if (partner !== undefined) this.#pairSame({ api: from, operation: partner }, { api: to, operation });
    }
  }

  /** Sends a request of an operation that one side alone has to both. */
  #send(routed: Routed, own: RouteTable): void {
    const { api, operation } = routed;
    if (this.#paired.has(operation)) return;
    const requests = this.#requestsFor(routed, own);
    for (const segments of requests) {
      for (const transport of api.transports) {
        if (own.resolve(operation.method, segments, transport)?.operation !== operation) continue;
        const before = this.#tables.base.resolve(operation.method, segments, transport);
        const after = this.#tables.head.resolve(operation.method, segments, transport);
        this.#add(before, after, segments);
      }
    }
    if (requests.length > 0) return;
    // No request reaches it: it is there all the same.
    const side = own === this.#tables.base ? "base" : "head";
    this.#addNew({ base: undefined, head: undefined, [side]: routed, sample: "", same: false, unreachable: true });
  }

  #add(base: Routed | undefined, head: Routed | undefined, segments: readonly string[]): void {
    if (base === undefined && head === undefined) return;
    // What a change of transports or of the base path does is said of the API.
    if (base === undefined && head !== undefined && this.#paired.has(head.operation) && this.#isApart(head, "base"))
      return;
    if (head === undefined && base !== undefined && this.#paired.has(base.operation) && this.#isApart(base, "head"))
      return;
    this.#addNew({ base, head, sample: `/${segments.join("/")}`, same: false });
  }

  /** The API is on the other side under another base path, or with other transports. */
  #isApart({ api }: Routed, other: "base" | "head"): boolean {
    const { apis } = other === "base" ? this.#base : this.#head;
    const found = apis.find(({ basePath }) => basePath === api.basePath);
    return found === undefined || found.transports.toSorted().join() !== api.transports.toSorted().join();
  }

  #addNew(pair: Pair): void {
    const [before, after] = [pair.base?.operation, pair.head?.operation];
    const known = this.#known.get(before) ?? new Set();
    this.#known.set(before, known);
    if (known.has(after)) return;
    known.add(after);
    this.#pairs.push(pair);
  }
}
