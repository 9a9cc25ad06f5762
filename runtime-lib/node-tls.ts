/**
 * node:tls, loaded by the first call. A gateway without TLS has no use for it, and with Node 26 it takes 5 ms less once
 * node:crypto is there, so that no module may import it for more than its types.
 */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
