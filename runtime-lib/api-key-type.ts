/** `typ` of the API keys that this gateway makes, so that nobody takes one for an access token (RFC 8725 section 3.11). */
export const apiKeyType = "apikey+jwt";
