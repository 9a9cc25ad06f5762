import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Identity } from "../support/self-signed.ts";

/** A request as bytes: texts are latin1. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What follows the head. */
  readonly body: string;
  /** Address on loopback that it is sent from. */
  readonly from: string;
  /** Over TLS, with this certificate if there is one. */
  readonly tls: { readonly certificate: Identity | undefined } | undefined;
}

export interface RawResponse {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Sends a request on a connection of its own and reads its answer. */
export function sendRaw(
  { method, target, headers, body, from, tls }: RawRequest,
  { port, httpsPort }: { readonly port: number; readonly httpsPort: number },
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const plain = { host: "127.0.0.1", localAddress: from };
    const socket: Socket =
      tls === undefined
        ? connectPlain({ ...plain, port })
        : connectTls({
            ...plain,
            port: httpsPort,
            rejectUnauthorized: false,
            ...(tls.certificate && { key: tls.certificate.key, cert: tls.certificate.cert }),
          });
    const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    let received = "";
    let done = false;
    const finish = (response: RawResponse): void => {
      if (done) return;
      done = true;
      socket.destroy();
      resolve(response);
    };
    socket.setEncoding("latin1");
    socket.setTimeout(20_000, () => reject(new Error(`no answer to ${method} ${target}`)));
    socket.on("data", (text: string) => {
      received += text;
      const whole = wholeIn(received, method, false);
      if (whole !== undefined) finish(whole);
    });
    socket.on("error", () => {});
    socket.on("close", () => finish(wholeIn(received, method, true) ?? { status: 0, headers: [], body: received }));
    socket.write(`${method} ${target} HTTP/1.1\r\n${fields}\r\n${body}`, "latin1");
  });
}

/** The answer, once all of it is there; those before it (1xx) are left out. */
function wholeIn(text: string, method: string, ended: boolean): RawResponse | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...rest] = text.slice(0, end).split("\r\n");
  const status = Number(line.slice(9, 12));
  const after = text.slice(end + 4);
  if (status >= 100 && status < 200)
    return status === 101 ? { status, headers: [], body: "" } : wholeIn(after, method, ended);
  const headers = rest.map((field): [string, string] => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  const value = (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  if (method === "HEAD" || status === 204 || status === 304) return { status, headers, body: "" };
  if (value("transfer-encoding") === "chunked") {
    return after.endsWith("0\r\n\r\n") || ended ? { status, headers, body: after } : undefined;
  }
  const length = Number(value("content-length") ?? -1);
  if (length < 0) return ended ? { status, headers, body: after } : undefined;
  return after.length >= length || ended ? { status, headers, body: after.slice(0, length) } : undefined;
}
