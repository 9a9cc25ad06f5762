/**
 * SHA-256 of the functions that hold libraries as comments, by library: what this version of castgate makes of the versions that
 * it depends on. A test compares them with a bundle.
 */
export const lateDigests: Readonly<Record<string, string>> = {
  amqplib: "1d5c8dfcb6a747f736d006a514c8b8e85af6ef7d93b6f2c70b55a2bbf687e9f9",
  "node-forge": "66d4f2de8e85aaea545e9b1bd1cd363265b82786388f0f36735121a5dbb9ead1",
  undici: "44116990b6cb8ef4b73636b633625a9d5bf2dc73abbdc7f7099dbe9aa6d2d866",
};
