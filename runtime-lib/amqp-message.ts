/** A message as names and values. Of a name that stands twice the last value counts. */
export type MapMessage = ReadonlyMap<string, unknown>;

/** Larger bodies are not looked at. */
const maxBytes = 1_048_576;

/**
 * Reads the body of a message that is a map. Accepted are
 *
 * - what JMS clients of WSO2 and Qpid send for a `MapMessage` (content type `jms/map-message`): the number of entries as 32
 *   bits, big-endian, and for each its name, ended by a zero byte, a byte for the type, and the value. Types: 1 boolean, 2
 *   byte, 3 byte array with a length before it, 4 short, 5 char, 6 int, 7 long, 8 float, 9 double, 10 string ended by a zero
 *   byte, 11 null;
 * - a JSON object in UTF-8, also where it is wrapped as `{"event":{"payloadData":{...}}}`.
 *
 * A body that begins with a brace is JSON, any other a map: the first byte of a map's number of entries is zero. Undefined: it
 * is neither, is cut short, has something behind its end, or is longer than a MiB.
 */
export function mapOfMessage(body: Buffer): MapMessage | undefined {
  if (body.length > maxBytes) return undefined;
  if (body[0] === 0x00) return mapOfBinary(body);
  return mapOfJson(body);
}

/** A value that is a text, or a number as one; undefined when there is none, or nothing in it. */
export function textIn(message: MapMessage, name: string): string | undefined {
  const value = message.get(name);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function mapOfJson(body: Buffer): MapMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { event } = value;
  const inner = isObject(event) && isObject(event.payloadData) ? event.payloadData : value;
  return new Map(Object.entries(inner));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapOfBinary(body: Buffer): MapMessage | undefined {
  try {
    const reader = new Reader(body);
    const count = reader.take(4).readInt32BE();
    const map = new Map<string, unknown>();
    for (let i = 0; i < count; i++) map.set(reader.text(), reader.value());
    return reader.atEnd ? map : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Throws RangeError where the bytes end too early or mean nothing. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw new RangeError("cut short");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("no end of a text");
    const text = this.take(end - this.#at).toString("utf8");
    this.#at++;
    return text;
  }

  value(): unknown {
    const type = this.take(1).readUInt8();
    switch (type) {
      case 1:
        return this.take(1).readUInt8() !== 0;
      case 2:
        return this.take(1).readInt8();
      case 3: {
        const length = this.take(4).readInt32BE();
        return length === -1 ? null : this.take(length);
      }
      case 4:
        return this.take(2).readInt16BE();
      case 5:
        return String.fromCharCode(this.take(2).readUInt16BE());
      case 6:
        return this.take(4).readInt32BE();
      case 7:
        return this.take(8).readBigInt64BE();
      case 8:
        return this.take(4).readFloatBE();
      case 9:
        return this.take(8).readDoubleBE();
      case 10:
        return this.text();
      case 11:
        return null;
      default:
        throw new RangeError("unknown type");
    }
  }
}
