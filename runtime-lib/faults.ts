/** A refusal as it goes over the wire. The body is made once, when it is first sent. */
export interface Fault {
  readonly status: number;
  /** The original's number (900902), else the HTTP status; 0 for bodies that carry none. */
  readonly code: number;
  readonly body: Uint8Array;
}

/** Why no answer came from a backend. */
export type BackendFailure =
  /** Refused, reset, name not found, TLS failure, or an answer that is not HTTP. */
  | "unreachable"
  /** No answer within the upstream's time limit. */
  | "timeout"
  /** No member may be asked at the moment. */
  | "unavailable";

/** How unknown paths and methods are answered: plain text of the original, its JSON without `fault`, or fault JSON. */
export type FaultStyle = "text" | "status-report" | "fault";

/** Every fault of one compatibility, as ready bytes. */
export interface Faults {
  readonly compatibility: "wso2-3.2" | "standard";
  /** A fault by the original's code; one that is not known is 900900 (500): nothing is let through by a wrong number. */
  byCode(code: number): Fault;
  /** What the original never sent: `{"fault":{"code":404,"message":"Not Found","description":...}}`. */
  byStatus(status: number, description: string): Fault;
  /** S-ERR-26: always 500/101503 in `wso2-3.2`; 502, 504 or 503 with the same body in `standard`. */
  backend(failure: BackendFailure): Fault;
  /** S-ERR-28: there is no backend for keys of this type. */
  noEndpoint(keyType: "PRODUCTION" | "SANDBOX"): Fault;
}

/**
 * The faults of a compatibility. Called once at start, which need not wait for the bodies of faults: each is made when it is asked for.
 * Texts, codes and byte form (`, ` between members, nothing after `:`) are those of S-ERR-R1 to R3 and S-ERR-01 to 28.
 */
export function faultsOf(compatibility: "wso2-3.2" | "standard"): Faults {
  const codes = new Map<number, Fault>();
  let rows: ReadonlyMap<number, Row> | undefined;
  const byCode = (code: number): Fault => {
    const known = codes.get(code);
    if (known !== undefined) return known;
    rows ??= new Map([...authFaults(), ...policyFaults].map((row) => [row[0], row]));
    const row = rows.get(code);
    if (row === undefined) return byCode(unclassified);
    const [, status, message, description] = row;
    const fault = { status, code, body: faultBody(code, message, description) };
    codes.set(code, fault);
    return fault;
  };

  const backendBody = faultBody(101503, "Runtime Error", "Error connecting to the back end");
  const backendStatus = compatibility === "standard" ? standardBackendStatus : originalBackendStatus;
  const backend = {
    unreachable: { status: backendStatus.unreachable, code: 101503, body: backendBody },
    timeout: { status: backendStatus.timeout, code: 101503, body: backendBody },
    unavailable: { status: backendStatus.unavailable, code: 101503, body: backendBody },
  };

  const noProduction = noEndpointFault("Production", "production");
  const noSandbox = noEndpointFault("Sandbox", "sandbox");

  const byStatus = remembered((status, description) => faultBody(status, reasonPhrase(status), description));

  return {
    compatibility,
    byCode,
    byStatus: (status, description) => ({ status, code: status, body: byStatus(status, description) }),
    backend: (failure) => backend[failure],
    noEndpoint: (keyType) => (keyType === "PRODUCTION" ? noProduction : noSandbox),
  };
}

/** The body of S-ERR-R1 as bytes. */
export function faultBody(code: number, message: string, description: string): Uint8Array {
  return encode(
    `{"fault":{"code":${code}, "message":${JSON.stringify(message)}, "description":${JSON.stringify(description)}}}`,
  );
}

/** The body of S-ERR-33 and 34: JSON without `fault`. */
export const statusReportBody = remembered((code, description) =>
  encode(
    `{"code":${code}, "type":"Status report", "message":"Runtime Error", "description":${JSON.stringify(description)}}`,
  ),
);

type BodyOf = (code: number, description: string) => Uint8Array;

/** Encodes a body when it is first sent. Descriptions are texts of ours; should one vary after all, it is not kept. */
function remembered(bodyOf: BodyOf): BodyOf {
  const known = new Map<string, { readonly code: number; readonly body: Uint8Array }>();
  return (code, description) => {
    const found = known.get(description);
    if (found?.code === code) return found.body;
    const body = bodyOf(code, description);
    if (known.size < mostRemembered) known.set(description, { code, body });
    return body;
  };
}

/** Several times as many as there are. */
const mostRemembered = 200;

/** RFC 9110 section 15 and RFC 6585; statuses that no part of the gateway sends have none. */
export function reasonPhrase(status: number): string {
  return phrases.get(status) ?? "Error";
}

const phrases: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [411, "Length Required"],
  [413, "Content Too Large"],
  [414, "URI Too Long"],
  [417, "Expectation Failed"],
  [421, "Misdirected Request"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
  [508, "Loop Detected"],
]);

type Row = readonly [code: number, status: number, message: string, description: string];

const unclassified = 900900;
const uaf = "Unclassified Authentication Failure";

/** S-ERR-01 to 14: the description is the message and a text of the code's own (S-ERR-R2), the status from S-ERR-R3. */
function authFaults(): Row[] {
  const rows: readonly (readonly [code: number, status: number, message: string, suffix: string])[] = [
    [900900, 500, uaf, uaf],
    [900901, 401, "Invalid Credentials", "Make sure you have given the correct access token"],
    [900902, 401, "Missing Credentials", "Make sure your API request provides required credentials"],
    [900903, 401, "Access Token Expired", "Renew the access token and try again"],
    [900904, 401, "Access Token Inactive", uaf],
    [900905, 401, "Incorrect Access Token Type is provided", uaf],
    [
      900906,
      403,
      "No matching resource found in the API for the given request",
      "Check the API documentation and add a proper REST resource path to the invocation URL",
    ],
    [900907, 401, "The requested API is temporarily blocked", uaf],
    [900908, 403, "Resource forbidden ", uaf],
    [900909, 401, "The subscription to the API is inactive", uaf],
    [900911, 401, "Invalid Credentials", "Make sure you have given the correct username and password"],
    [900912, 401, "Invalid Format", 'Make sure you have given the credentials in correct format with ":" character'],
    [900917, 401, "Invalid Authentication scheme", "API can not be used with this authentication scheme"],
  ];
  return rows.map(([code, status, message, suffix]) => [code, status, message, `${message}. ${suffix}`]);
}

const scopeMissing = "The access token does not allow you to access the requested resource";
const throttledOut = "Message throttled out";
const quota = "You have exceeded your quota";
// "occured" and "accesing" are what the original sends.
const internal = "Internal server error occured";

/** S-ERR-11 and S-ERR-16 to 23. */
const policyFaults: readonly Row[] = [
  [900800, 429, throttledOut, quota],
  [900802, 429, throttledOut, quota],
  [900803, 429, throttledOut, quota],
  [900804, 429, throttledOut, quota],
  [900805, 403, "Message blocked", "You have been blocked from accesing the resource"],
  [900806, 429, throttledOut, quota],
  [900808, 500, internal, internal],
  [900809, 500, internal, "POLICY ENFORCEMENT ERROR"],
  [900910, 403, scopeMissing, scopeMissing],
];

const originalBackendStatus = { unreachable: 500, timeout: 500, unavailable: 500 } as const;
const standardBackendStatus = { unreachable: 502, timeout: 504, unavailable: 503 } as const;

function noEndpointFault(key: string, endpoint: string): Fault {
  const message = `${key} key offered to the API with no ${endpoint} endpoint`;
  return { status: 403, code: 900901, body: encode(`{"ERROR_CODE":"900901", "ERROR_MESSAGE":"${message}"}`) };
}

function encode(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}
