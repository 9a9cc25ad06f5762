import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** The certificate, in DER, that the peer has proved to own in the TLS handshake. Undefined without one, or without TLS. */
export function peerCertificate(socket: Socket): Uint8Array | undefined {
  const { getPeerX509Certificate } = socket as Partial<TLSSocket>;
  return getPeerX509Certificate?.call(socket as TLSSocket)?.raw;
}
