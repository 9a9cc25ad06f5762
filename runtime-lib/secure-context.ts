import type { SecureContext } from "node:tls";
import type { BackendTls } from "./backend.ts";
import { nodeTls } from "./node-tls.ts";

/** Backends with the same settings share one. */
const contexts = new WeakMap<BackendTls, SecureContext>();

/**
 * What connections with these settings have in common. Made when it is first asked for, so ask at the first connection:
 * reading the certificate authorities takes some 20 ms, which the start should not wait for.
 */
export function secureContextOf(tls: BackendTls): SecureContext {
  let context = contexts.get(tls);
  if (context === undefined) {
    context = nodeTls().createSecureContext({
      ca: tls.ca === undefined ? undefined : [...tls.ca],
      key: tls.key,
      cert: tls.cert,
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      ciphers: tls.ciphers,
    });
    contexts.set(tls, context);
  }
  return context;
}
