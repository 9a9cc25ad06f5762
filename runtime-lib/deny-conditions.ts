import { type AddressNumber, addressNumber, isBetween } from "./address-number.ts";
import { type MapMessage, textIn } from "./amqp-message.ts";
import { addressIn, isTrue } from "./evaluated-conditions.ts";
import { isRecord } from "./record.ts";

interface AddressCondition {
  readonly id: string;
  /** Of another tenant's APIs it says nothing; empty: of all. */
  readonly tenant: string;
  readonly from: AddressNumber;
  readonly to: AddressNumber;
  readonly invert: boolean;
}

/** Who is asked about. */
export interface DenySubject {
  /** Names of the API: its base path, also with the version behind it. */
  readonly contexts: readonly string[];
  readonly tenant: string;
  readonly address: string;
  /** `subscriber:application`; undefined: nobody knows. */
  readonly application: string | undefined;
  readonly user: string | undefined;
}

/** Who gets nothing from any API, or from one (R-DTH-07). Ends of ranges are part of them. */
export class DenyConditions {
  readonly #texts: ReadonlySet<string>;
  readonly #addresses: readonly AddressCondition[];

  private constructor(texts: ReadonlySet<string>, addresses: readonly AddressCondition[]) {
    this.#texts = texts;
    this.#addresses = addresses;
  }

  static readonly none = new DenyConditions(new Set(), []);

  get any(): boolean {
    return this.#texts.size > 0 || this.#addresses.length > 0;
  }

  /** The answer to `GET /block`: lists by type, of texts and of objects for addresses. Undefined: it is something else. */
  static ofLists(lists: unknown): DenyConditions | undefined {
    if (!isRecord(lists)) return undefined;
    const texts = new Set<string>();
    const addresses: AddressCondition[] = [];
    for (const [type, list] of Object.entries(lists)) {
      if (list === null) continue;
      if (!Array.isArray(list)) return undefined;
      for (const item of list) {
        if (typeof item === "string" && !type.toLowerCase().startsWith("ip")) {
          texts.add(textKey(type, item));
          continue;
        }
        const found = addressCondition(item, {});
        // Whoever is meant by it would be let in.
        if (found === undefined) return undefined;
        addresses.push(found);
      }
    }
    return new DenyConditions(texts, addresses);
  }

  /** With what a message with `blockingCondition` says. Undefined: it cannot be read. */
  after(message: MapMessage): DenyConditions | undefined {
    const type = textIn(message, "blockingCondition") ?? "";
    const value = textIn(message, "conditionValue") ?? "";
    const on = isTrue(message.get("state"));
    if (!type.toLowerCase().startsWith("ip")) {
      if (type === "" || value === "") return undefined;
      const texts = new Set(this.#texts);
      if (on) texts.add(textKey(type, value));
      else texts.delete(textKey(type, value));
      return new DenyConditions(texts, this.#addresses);
    }
    const found = addressCondition(conditionIn(value), {
      id: textIn(message, "id"),
      tenant: textIn(message, "tenantDomain"),
    });
    if (found === undefined) return undefined;
    const others = this.#addresses.filter(({ id }) => id !== found.id);
    return new DenyConditions(this.#texts, on ? [...others, found] : others);
  }

  /** Texts are compared as they are. */
  denies({ contexts, tenant, address, application, user }: DenySubject): boolean {
    const texts = this.#texts;
    if (texts.size > 0) {
      if (contexts.some((context) => texts.has(`api ${context}`))) return true;
      if (application !== undefined && texts.has(`application ${application}`)) return true;
      if (user !== undefined && texts.has(`user ${user}`)) return true;
    }
    if (this.#addresses.length === 0) return false;
    const number = addressNumber(address);
    return this.#addresses.some(
      (one) =>
        (one.tenant === "" || one.tenant === tenant) &&
        (number !== undefined && isBetween(number, one.from, one.to)) !== one.invert,
    );
  }
}

function textKey(type: string, value: string): string {
  return `${type.toLowerCase()} ${value}`;
}

/** JSON, as it is or in base64, or an address, or two with a hyphen. */
function conditionIn(text: string): unknown {
  for (const each of [text, Buffer.from(text, "base64").toString("utf8")]) {
    if (!each.trimStart().startsWith("{")) continue;
    try {
      return JSON.parse(each);
    } catch {
      return undefined;
    }
  }
  const [startingIp = "", endingIp = startingIp] = text.split("-");
  return { startingIp: startingIp.trim(), endingIp: endingIp.trim() };
}

function addressCondition(
  item: unknown,
  said: { readonly id?: string | undefined; readonly tenant?: string | undefined },
): AddressCondition | undefined {
  const value = typeof item === "string" ? { fixedIp: item } : item;
  if (!isRecord(value)) return undefined;
  const { fixedIp, startingIp, endingIp, tenantDomain, invert } = value;
  const isFixed = typeof fixedIp === "string" && fixedIp !== "";
  const [from, to] = [addressIn(isFixed ? fixedIp : startingIp), addressIn(isFixed ? fixedIp : endingIp)];
  if (from === undefined || to === undefined || from.family !== to.family) return undefined;
  const id = said.id ?? (value.id === undefined ? `${from.value}-${to.value}` : String(value.id));
  const tenant = said.tenant ?? (typeof tenantDomain === "string" ? tenantDomain : "");
  return { id, tenant, from, to, invert: isTrue(invert) };
}
