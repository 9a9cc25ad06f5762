import { at } from "../../diagnostics/place.ts";
import type { Fact } from "../../model/checked-project.ts";
import type { Cursor } from "../../model/source.ts";
import { isMap, type Reading, textOf } from "./values.ts";

/** `info.title` and `info.version`: the API's identity (T-OAS-05). Both are errors when absent
 * (T-OAS-02); empty ones are legal OpenAPI, and real. */
export function readInfo(
  reading: Reading,
  root: Cursor,
): { readonly title: Fact<string>; readonly version: Fact<string> } {
  const info = root.get("info");
  const parent = info !== undefined && isMap(info.value) ? info : undefined;
  const member = (key: "title" | "version"): Fact<string> => {
    const cursor = parent?.get(key);
    if (cursor === undefined || cursor.value === null) {
      reading.log.report("info-missing", at(parent?.ref ?? root.ref, "missing"), { key });
      return { value: "", ref: root.ref };
    }
    if (typeof cursor.value === "number") {
      const { file, pointer } = cursor.ref;
      const text = reading.log.sources.writtenAs(file, pointer) ?? String(cursor.value);
      reading.log.report("info-number", at(cursor.ref), { key, text });
      return { value: text, ref: cursor.ref };
    }
    if (typeof cursor.value === "string" && cursor.value.trim() === "") {
      reading.log.report("value-empty", at(cursor.ref, "key"), { what: `info.${key}` });
      return { value: "", ref: cursor.ref };
    }
    return textOf(reading, cursor, `info.${key}`) ?? { value: "", ref: cursor.ref };
  };
  return { title: member("title"), version: member("version") };
}
