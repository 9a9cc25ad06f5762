/** RFC 9110 section 15 and the registry of status codes: what is sent where a backend gave no reason phrase. */
const phrases: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Payload Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  418: "I'm a Teapot",
  421: "Misdirected Request",
  422: "Unprocessable Entity",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  509: "Bandwidth Limit Exceeded",
  510: "Not Extended",
  511: "Network Authentication Required",
};

/** Visible ASCII, spaces and tabs: others may stand in a reason phrase, but nobody needs to repeat them. */
const sendable = /^[\t\x20-\x7e]*$/;

/** Longer reasons are not remembered: nobody sends one. */
const longestKept = 64;

/** The latest line of each status; a backend says the same each time. */
const reasons: (string | undefined)[] = Array<undefined>(1000).fill(undefined);
const lines: string[] = Array<string>(1000).fill("");

/**
 * The status line of an answer with its CRLF, always HTTP/1.1. An empty reason, or one that is not sendable, becomes the
 * phrase of the status. `status`: 200 to 999.
 */
export function statusLine(status: number, reason: string): string {
  if (reasons[status] === reason) return lines[status] as string;
  if (!Number.isInteger(status) || status < 200 || status > 999) throw new RangeError("not a status of an answer");
  const phrase = reason !== "" && sendable.test(reason) ? reason : (phrases[status] ?? "unknown");
  const line = `HTTP/1.1 ${status} ${phrase}\r\n`;
  if (reason.length > longestKept) return line;
  // A copy: the reason is a part of the text of a whole head, which would be kept with it.
  reasons[status] = Buffer.from(reason, "latin1").toString("latin1");
  lines[status] = line;
  return line;
}
