import { createHash, createPrivateKey, type KeyObject, pbkdf2Sync, X509Certificate } from "node:crypto";
import type forgeModule from "node-forge";
import { type StoreEntry, StoreError } from "./store-entry.ts";

/**
 * node-forge puts what it cannot read into `asn1` and leaves the typed member empty: what is not RSA, and in a bundle, which has
 * no more of it than it takes to open a store, all keys and certificates.
 */
interface Bag {
  readonly type: string;
  readonly attributes: { readonly localKeyId?: readonly string[]; readonly friendlyName?: readonly string[] };
  readonly key?: forgeModule.pki.PrivateKey | null;
  readonly cert?: forgeModule.pki.Certificate | null;
  readonly asn1?: forgeModule.asn1.Asn1;
}

interface Item<T> {
  readonly value: T;
  readonly alias: string | undefined;
  readonly keyId: string | undefined;
}

/**
 * Reads a PKCS#12 store (RFC 7292) as keytool and OpenSSL write them, with old and new ciphers. node-forge is loaded
 * here and nowhere else, when a store is configured. Throws `StoreError`.
 */
export async function readPkcs12(bytes: Buffer, password: string): Promise<readonly StoreEntry[]> {
  const imported = await import("node-forge");
  const forge: typeof forgeModule = imported.default ?? imported;
  deriveNatively(forge as unknown as DerivingForge);
  const bags = openBags(forge, bytes, password);
  const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids;
  const keys: Item<KeyObject>[] = [];
  const certificates: Item<X509Certificate>[] = [];
  for (const bag of bags) {
    const names = { alias: bag.attributes.friendlyName?.[0]?.toLowerCase(), keyId: bag.attributes.localKeyId?.[0] };
    try {
      if (bag.type === pkcs8ShroudedKeyBag || bag.type === keyBag) keys.push({ value: keyOf(forge, bag), ...names });
      else if (bag.type === certBag) certificates.push({ value: certificateOf(forge, bag), ...names });
    } catch {
      throw new StoreError(`holds an entry that cannot be read${names.alias === undefined ? "" : ` (${names.alias})`}`);
    }
  }
  return entriesOf(keys, certificates);
}

interface Digest {
  readonly algorithm: string;
  readonly digestLength: number;
  readonly blockLength: number;
}

/** node-forge as far as it derives keys; its types leave these members out. */
interface DerivingForge {
  readonly util: { createBuffer(bytes: string): unknown };
  readonly md: { readonly sha1: { create(): Digest } };
  readonly pkcs5: {
    pbkdf2: (password: string, salt: string, iterations: number, length: number, digest?: Digest | null) => string;
  };
  readonly pkcs12: { generateKey: Pkcs12Derivation };
  readonly pki: { readonly pbe: { generatePkcs12Key: Pkcs12Derivation } };
}

type Pkcs12Derivation = (
  password: string,
  salt: unknown,
  id: number,
  iterations: number,
  length: number,
  digest?: Digest | null,
) => unknown;

let derivesNatively = false;

/**
 * Stores of keytool ask for 10,000 to 100,000 hashes for each entry. In node-forge's own JavaScript that takes 0.3 to
 * 1.3 seconds of a start, with Node's hashes a fraction of it.
 */
function deriveNatively(forge: DerivingForge): void {
  if (derivesNatively) return;
  derivesNatively = true;
  forge.pkcs5.pbkdf2 = (password, salt, iterations, length, digest) => {
    const [p, s] = [Buffer.from(password, "latin1"), Buffer.from(salt, "latin1")];
    return pbkdf2Sync(p, s, iterations, length, digest?.algorithm ?? "sha1").toString("latin1");
  };
  const original = forge.pki.pbe.generatePkcs12Key;
  const native: Pkcs12Derivation = (password, salt, id, iterations, length, digest) =>
    original(password, salt, id, iterations, length, nativeDigest(forge, digest ?? forge.md.sha1.create()));
  forge.pki.pbe.generatePkcs12Key = native;
  forge.pkcs12.generateKey = native;
}

function nativeDigest(forge: DerivingForge, { algorithm, digestLength, blockLength }: Digest): Digest {
  let input = "";
  const digest = {
    algorithm,
    digestLength,
    blockLength,
    start: () => undefined,
    update: (bytes: string) => {
      input = bytes;
    },
    digest: () => forge.util.createBuffer(createHash(algorithm).update(input, "latin1").digest().toString("latin1")),
  };
  return digest;
}

function openBags(forge: typeof forgeModule, bytes: Buffer, password: string): readonly Bag[] {
  let asn1: forgeModule.asn1.Asn1;
  try {
    asn1 = forge.asn1.fromDer(bytes.toString("latin1"));
  } catch {
    throw new StoreError("is neither PKCS#12 nor PEM");
  }
  try {
    const store = forge.pkcs12.pkcs12FromAsn1(asn1, false, password);
    return store.safeContents.flatMap((content) => content.safeBags as unknown as Bag[]);
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    if (/password|MAC could not be verified|decrypt/i.test(message))
      throw new StoreError(
        password === "" ? "needs a password, and none is set" : "cannot be opened; is its password right?",
      );
    if (/unsupported|not supported|cipher|OID/i.test(message))
      throw new StoreError("is protected in a way that cannot be read; write it anew with keytool or OpenSSL 3");
    throw new StoreError("is not a PKCS#12 store");
  }
}

function keyOf(forge: typeof forgeModule, bag: Bag): KeyObject {
  const asn1 = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1;
  if (asn1 === undefined) throw new Error("no key");
  return createPrivateKey({ key: der(forge, asn1), format: "der", type: "pkcs8" });
}

function certificateOf(forge: typeof forgeModule, bag: Bag): X509Certificate {
  const asn1 = bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1;
  if (asn1 === undefined) throw new Error("no certificate");
  return new X509Certificate(der(forge, asn1));
}

function der(forge: typeof forgeModule, asn1: forgeModule.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), "latin1");
}

/** A key with its chain is one entry; every other certificate is one of its own. */
function entriesOf(keys: readonly Item<KeyObject>[], certificates: readonly Item<X509Certificate>[]): StoreEntry[] {
  const used = new Set<Item<X509Certificate>>();
  const entries: StoreEntry[] = [];
  for (const { value: key, alias = "", keyId } of keys) {
    const own =
      certificates.find((one) => keyId !== undefined && one.keyId === keyId) ??
      certificates.find((one) => one.value.checkPrivateKey(key));
    const chain: X509Certificate[] = [];
    for (let next = own; next !== undefined && !used.has(next); ) {
      used.add(next);
      chain.push(next.value);
      const { value: issued } = next;
      next = certificates.find((one) => !used.has(one) && issued.checkIssued(one.value));
    }
    entries.push({ alias, key, certificates: chain });
  }
  for (const [index, one] of certificates.entries()) {
    if (!used.has(one))
      entries.push({ alias: one.alias ?? `unnamed-${index}`, key: undefined, certificates: [one.value] });
  }
  return entries;
}
