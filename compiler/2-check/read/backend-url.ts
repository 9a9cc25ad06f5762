/** A backend URL taken apart as far as the compiler must know; `problem` names what is wrong without repeating secrets. */
export type BackendUrl = { readonly url: string } | { readonly problem: string };

/** Whether requests can be sent to `text`: an absolute http or https URL with a host, without credentials and fragment. */
export function readBackendUrl(text: string): BackendUrl {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return { problem: text.startsWith("//") ? "has no scheme (http or https)" : "is not absolute" };
  }
  if (!/^https?:/i.test(text)) return { problem: "is neither http nor https" };
  if (/[\s\\]/.test(text)) return { problem: "holds a blank or a backslash" };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "is not a valid URL" };
  }
  if (url.username !== "" || url.password !== "") return { problem: "holds credentials" };
  if (/[{}]/.test(text)) return { problem: "holds braces" };
  if (text.includes("#")) return { problem: "has a fragment" };
  return { url: text };
}

/** A URL fit for a message: no credentials, no query. */
export function shownUrl(text: string): string {
  const cut = text.replace(/\/\/[^/?#]*@/, "//***@").replace(/\?.*$/s, "?...");
  return cut.length > 120 ? `${cut.slice(0, 117)}...` : cut;
}
