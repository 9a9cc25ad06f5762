/**
 * Stands between Node and the system's resolver, in a process that is started with `--require` of this file: names are looked
 * up in the JSON file that `TEST_NAMES` says, which may change; an empty list is a failure. Other names are resolved as ever.
 */
const dns = require("node:dns");
const { readFileSync } = require("node:fs");

const { lookup } = dns;
dns.lookup = (host, options, callback) => {
  const table = JSON.parse(readFileSync(process.env.TEST_NAMES, "utf8"));
  const addresses = table[host];
  if (addresses === undefined) return lookup(host, options, callback);
  setImmediate(() => {
    if (addresses.length === 0) return callback(Object.assign(new Error("not found"), { code: "ENOTFOUND" }));
    const found = addresses.map((address) => ({ address, family: 4 }));
    if (options.all) callback(null, found);
    else callback(null, found[0].address, 4);
  });
};
