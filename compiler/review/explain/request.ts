/** A request as a client would send it. Texts are bytes: one character each, as HTTP has them. */
export interface ReviewedRequest {
  readonly method: string;
  /** Path and query, exactly as they stand in the request line. */
  readonly target: string;
  /** In their order; `Host` is added when it is missing, and nothing else. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly scheme: "http" | "https";
  /** That of the APIs, or the one of tokens. */
  readonly listener: "api" | "token";
  /** Address of the socket's peer. */
  readonly from: string;
  /** DER of the certificate that the client proves to own in the TLS handshake. */
  readonly certificate?: Uint8Array | undefined;
}
