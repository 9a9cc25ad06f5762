/** What the extensions of a certificate say of what its key may sign. */
export interface CertificateUse {
  readonly isAuthority: boolean;
  /** How many certificates of authorities may stand between it and the signer; undefined: any number. */
  readonly pathLength: number | undefined;
  /** undefined: its key may be used for anything. */
  readonly usage: { readonly digitalSignature: boolean; readonly certificates: boolean } | undefined;
  /** Object identifiers of extended key usages; undefined: it names none. */
  readonly purposes: readonly string[] | undefined;
  /** Object identifier of the algorithm that it is signed with. */
  readonly signedWith: string;
  /** Critical extensions that are not understood here: with one, the certificate must not be used (RFC 5280 section 4.2). */
  readonly notUnderstood: readonly string[];
}

/** Reads the extensions of a certificate in DER, which Node shows only in part. Undefined when they cannot be read. */
export function certificateUse(der: Uint8Array): CertificateUse | undefined {
  try {
    return useOf(der);
  } catch (error) {
    if (error instanceof NotDer) return undefined;
    throw error;
  }
}

class NotDer extends Error {}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const tags = { boolean: 1, integer: 2, bits: 3, octets: 4, identifier: 6, sequence: 0x30, extensions: 0xa3 } as const;
const known = { keyUsage: "2.5.29.15", basicConstraints: "2.5.29.19", extendedKeyUsage: "2.5.29.37" } as const;
/** Names and places that change nothing about what the key may do. */
const harmless = new Set(["2.5.29.17", "2.5.29.18", "2.5.29.14", "2.5.29.35", "2.5.29.32", "2.5.29.31"]);

function useOf(der: Uint8Array): CertificateUse {
  const [certificate] = elements(der);
  const [signed, algorithm] = elements(content(certificate, tags.sequence));
  const signedWith = identifier(content(elements(content(algorithm, tags.sequence))[0], tags.identifier));
  const list = elements(content(signed, tags.sequence)).find(({ tag }) => tag === tags.extensions);
  const extensions = list === undefined ? [] : elements(content(elements(list.content)[0], tags.sequence));
  let isAuthority = false;
  let pathLength: number | undefined;
  let usage: CertificateUse["usage"];
  let purposes: readonly string[] | undefined;
  const notUnderstood: string[] = [];
  for (const extension of extensions) {
    const [id, ...rest] = elements(content(extension, tags.sequence));
    const name = identifier(content(id, tags.identifier));
    const critical = rest[0]?.tag === tags.boolean && rest[0].content[0] !== 0;
    const value = content(rest.at(-1), tags.octets);
    if (name === known.basicConstraints) {
      const parts = elements(content(elements(value)[0], tags.sequence));
      isAuthority = parts[0]?.tag === tags.boolean && parts[0].content[0] !== 0;
      const length = parts.find(({ tag }) => tag === tags.integer);
      if (length !== undefined) pathLength = smallNumber(length.content);
    } else if (name === known.keyUsage) {
      const [, first = 0] = content(elements(value)[0], tags.bits);
      usage = { digitalSignature: (first & 0x80) !== 0, certificates: (first & 0x04) !== 0 };
    } else if (name === known.extendedKeyUsage) {
      purposes = elements(content(elements(value)[0], tags.sequence)).map((each) =>
        identifier(content(each, tags.identifier)),
      );
    } else if (critical && !harmless.has(name)) notUnderstood.push(name);
  }
  return { isAuthority, pathLength, usage, purposes, signedWith, notUnderstood };
}

function content(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new NotDer();
  return element.content;
}

function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    let length = bytes[at + 1] ?? Number.NaN;
    at += 2;
    if (length >= 0x80) {
      const digits = length & 0x7f;
      if (digits === 0 || digits > 4) throw new NotDer();
      length = 0;
      for (const digit of bytes.subarray(at, at + digits)) length = length * 256 + digit;
      at += digits;
    }
    if (Number.isNaN(length) || at + length > bytes.length) throw new NotDer();
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function smallNumber(bytes: Uint8Array): number {
  return bytes.length === 1 && (bytes[0] as number) < 0x80 ? (bytes[0] as number) : 127;
}

function identifier(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...rest].join(".");
}
